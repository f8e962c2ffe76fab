"""Members of a model's own body in a Converse request, in `additionalModelRequestFields`.

An adapter's `extras` places them there, and its `encode` reads them.
"""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

from bedrock_flask.adapter import ExtraTarget
from bedrock_flask.converse import Json, Request
from bedrock_flask.fields import Schema

Place = Callable[[Any, Request], Json]
Extras = Mapping[str, ExtraTarget]


def read_fields(request: Request) -> Json:
    """The members of the model's own body that a request has."""
    return dict(request.get("additionalModelRequestFields") or {})


def place_fields(**members: Any) -> Json:
    """The members of a Converse request that carry these members of the model's own body."""
    return {"additionalModelRequestFields": members}


def place_own(*names: str) -> Mapping[str, str]:
    """Targets of `extras` for members of the model's own body, which a request may have under their own names."""
    return MappingProxyType({name: f"additionalModelRequestFields.{name}" for name in names})


def place_own_of(body: type[Schema], *, besides: Collection[str]) -> Mapping[str, str]:
    """The same for all members of a body but those that `encode` makes of other parts of a request."""
    return place_own(*(name for name in body._declared_fields if name not in besides))


def accept_only(*values: Any, why: str) -> Place:
    """A target of `extras` for a parameter that changes nothing if it has one of these values; no other is accepted."""

    def place(value: Any, request: Request) -> Json:
        if value not in values:
            raise ValueError(f"must be {' or '.join(map(str, values))}: {why}")
        return {}

    return place
