"""A canonical request (Converse) made ready for one model: repaired, its extras placed, in the format that goes up."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bedrock_flask.adapter import isolate_plugin_errors
from bedrock_flask.converse import Request
from bedrock_flask.errors import FieldError, InvalidBody, NotConversable, Unsupported
from bedrock_flask.models.models_file import DROP
from bedrock_flask.models.resolver import Model
from bedrock_flask.translation.extras import place_extras
from bedrock_flask.translation.repairs import apply_repairs
from bedrock_flask.wires import converse


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What goes up for a canonical request, how its tools were renamed, and what was left out of it."""

    operation: str
    wire: str
    body: bytes
    names: Mapping[str, str]
    dropped: tuple[str, ...]


def build_bedrock_request(model: Model, request: Request, *, hints: Collection[str], policy: str) -> Prepared:
    """The request, repaired for this model, its extras placed, in the format that goes up.

    NotConversable for a model that is reached in its own body only; Unsupported for what it cannot take.
    """
    adapter = model.adapter
    if not is_conversable(model):
        raise NotConversable(f"'{model.name}' takes its own body only: POST to /v1/models/{model.name}/invoke.")
    mended = apply_repairs(request, model.capabilities)
    if mended.refused and policy != DROP:
        raise Unsupported([FieldError(path, f"'{model.name}' cannot take this") for path in mended.refused])
    asked, homeless = place_extras(
        mended.request, adapter, model.capabilities, model=model.name, hints=hints, policy=policy
    )
    names, dropped = mended.names, (*mended.reported, *mended.refused, *homeless)
    if converse.WIRE.name in adapter.speaks:
        body, operation, wire = asked, adapter.speaks[converse.WIRE.name], converse.WIRE.name
    else:
        assert adapter.encode is not None  # noqa: S101 - conversable
        with isolate_plugin_errors(adapter):
            body, operation, wire = adapter.encode(asked), adapter.operation, adapter.wire
        if found := [fault for fault in adapter.find_faults(body) if not fault.unknown]:
            raise InvalidBody(found)
    return Prepared(operation=operation, wire=wire, body=json.dumps(body).encode(), names=names, dropped=dropped)


def is_conversable(model: Model) -> bool:
    """Whether a canonical request can reach the model: by Converse, or by its adapter's own functions."""
    adapter = model.adapter
    return converse.WIRE.name in adapter.speaks or (adapter.encode is not None and adapter.decode is not None)
