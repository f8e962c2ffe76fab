"""Where each extra goes: the one place that decides what becomes of what Converse cannot say."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from bedrock_flask.adapter import Adapter, isolate_plugin_errors
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, merge
from bedrock_flask.errors import FieldError, InvalidBody, Unsupported
from bedrock_flask.models.models_file import DROP, ERROR

# Extras that only a model with an ability of that name takes, whatever its family's table says.
NEEDS = MappingProxyType({"effort": "reasoning", "thinking": "reasoning"})


def place_extras(
    request: Request,
    adapter: Adapter,
    capabilities: Capabilities,
    *,
    model: str = "",
    hints: Collection[str] = (),
    policy: str = ERROR,
) -> tuple[Request, tuple[str, ...]]:
    """The request with each extra where the adapter's table says, and the names of those that nobody takes.

    Hints are always let go; anything else that nobody takes is Unsupported, and InvalidBody a value that the adapter's
    function refuses with a ValueError; unless the policy is DROP.
    """
    extras: Mapping[str, Any] = request.get("extras") or {}
    rest = {name: value for name, value in request.items() if name != "extras"}
    homeless = [name for name in extras if not _takes(adapter, capabilities, name)]
    if refused := [name for name in homeless if name not in hints] if policy != DROP else []:
        raise Unsupported([FieldError(name, f"'{model}' cannot take this") for name in refused])
    for name, value in extras.items():
        if name in homeless:
            continue
        try:
            rest = merge(rest, _members(adapter, name, value, rest))
        except InvalidBody:
            if policy != DROP:
                raise
            homeless.append(name)
    return rest, tuple(homeless)


def _takes(adapter: Adapter, capabilities: Capabilities, name: str) -> bool:
    return name in adapter.extras and (name not in NEEDS or bool(getattr(capabilities, NEEDS[name])))


def _members(adapter: Adapter, name: str, value: Any, request: Request) -> Json:
    """What a row of the table makes of a value: members of the Converse request."""
    place = adapter.extras[name]
    if callable(place):
        with isolate_plugin_errors(adapter):
            try:
                return place(value, request)
            except ValueError as error:
                # An adapter's way to refuse a value.
                raise InvalidBody([FieldError(name, str(error))]) from None
    for step in reversed(place.split(".")):
        value = {step: value}
    return dict(value)
