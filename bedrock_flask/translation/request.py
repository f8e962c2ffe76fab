"""Turn a canonical request (Converse) into the request that one model receives: repaired, in its format."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bedrock_flask.adapter import Adapter, isolate_plugin_errors
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request
from bedrock_flask.errors import FieldError, InvalidBody, NotConversable, RefusedSafeguard, Unsupported
from bedrock_flask.models.models_file import DROP
from bedrock_flask.models.resolver import Model
from bedrock_flask.protocol.json_path import drop_at, parse_path
from bedrock_flask.translation.answer_tool import AnswerTool
from bedrock_flask.translation.extras import place_extras
from bedrock_flask.translation.read_members import find_lost, note_reads
from bedrock_flask.translation.repairs import apply_repairs
from bedrock_flask.translation.repairs.add_cache_points import CachedRequest, add_cache_points
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.server_tools import leave_out_server_tools
from bedrock_flask.wires import converse, find_wire

# Members of a Converse request that InvokeModel takes as headers.
_IN_HEADERS = ("guardrailConfig", "performanceConfig", "serviceTier")


@dataclass(frozen=True, kw_only=True)
class PreparedRequest:
    """The body that is sent for a canonical request, how its tools were renamed, and what was dropped from it.

    `translated` is what the model gets in another form, and `answer_tool` the tool whose input is the answer, if any.
    `safeguards` are members of the Converse request that its body does not hold, because InvokeModel has headers for
    them. `cached` are the parts of the request that the gateway has marked for the cache, and `streams` says whether
    the model streams the answer to it.
    """

    operation: str
    wire: str
    body: bytes
    safeguards: Mapping[str, Any]
    names: Mapping[str, str]
    dropped: tuple[str, ...]
    cached: tuple[str, ...] = ()
    streams: bool = True
    translated: tuple[str, ...] = ()
    answer_tool: AnswerTool | None = None


@dataclass(frozen=True)
class Caching:
    """The gateway is to mark what the model caches, for this lifetime (`1h`) or the model's default."""

    ttl: str | None = None


def build_bedrock_request(
    model: Model, request: Request, *, hints: Collection[str], policy: str, caching: Caching | None = None
) -> PreparedRequest:
    """Repair the request for this model, place its extras, and write it in the format that the model receives.

    Raises NotConversable for a model that accepts only its own format, InvalidBody for a request that the model's
    schema refuses, Unsupported for what the model does not support, unless the policy is to drop it, and
    RefusedSafeguard for what no policy drops.
    """
    adapter = model.adapter
    if not is_conversable(model):
        raise NotConversable(
            f"'{model.name}' accepts only its own request format. Use POST /v1/models/{model.name}/invoke."
        )
    if model.needs_long_context:
        request = {**request, "extras": {**(request.get("extras") or {}), "long_context": True}}
    request, left_out = leave_out_server_tools(request, adapter.extras)
    # Each message of a request for embeddings is a text of its own.
    is_chat = model.capabilities.output != "embedding"
    repaired = apply_repairs(request, model.capabilities) if is_chat else RepairResult(request)
    _reject_unsupported(model, repaired.refused, policy)
    cached = CachedRequest(repaired.request)
    if caching and is_chat:
        cached = add_cache_points(repaired.request, model.capabilities, caching.ttl)
    placed, unplaced = place_extras(
        cached.request, adapter, model.capabilities, model=model.name, hints=hints, policy=policy
    )
    dropped = (*left_out, *repaired.reported, *repaired.refused, *unplaced)
    operation, wire = adapter.operation, adapter.wire
    safeguards: Json = {}
    if converse.WIRE.name not in adapter.speaks:
        safeguards = {name: placed[name] for name in _IN_HEADERS if name in placed}
        placed = {name: value for name, value in placed.items() if name not in safeguards}
    if converse.WIRE.name in adapter.speaks:
        body, operation, wire = placed, adapter.speaks[converse.WIRE.name], converse.WIRE.name
    elif adapter.encode is not None:
        body, unread = _encode(model, placed, policy)
        dropped += tuple(unread)
    else:
        body, unknown = _write_body(model, placed, policy)
        dropped += tuple(unknown)
    return PreparedRequest(
        operation=operation,
        wire=wire,
        body=json.dumps(body).encode(),
        safeguards=safeguards,
        names=repaired.names,
        dropped=dropped,
        cached=cached.parts,
        streams=_is_streamed(placed, model.capabilities),
        translated=repaired.translated,
        answer_tool=repaired.answer_tool,
    )


def _is_streamed(request: Request, capabilities: Capabilities) -> bool:
    return capabilities.streaming and (capabilities.streamed_tools or "toolConfig" not in request)


def is_conversable(model: Model) -> bool:
    """Whether a canonical request can reach the model.

    It can through Converse, through the adapter's `encode` and `decode`, or in a format that the gateway can write and
    read back.
    """
    adapter = model.adapter
    if converse.WIRE.name in adapter.speaks or (adapter.encode is not None and adapter.decode is not None):
        return True
    return adapter.encode is None and adapter.decode is None and find_wire(adapter).is_bridge


def _encode(model: Model, request: Request, policy: str) -> tuple[Json, list[str]]:
    """The request in the plugin's own format, and what its `encode` has not read of it."""
    adapter, noted = model.adapter, note_reads(request)
    assert adapter.encode is not None  # noqa: S101 - or this would not be called
    with isolate_plugin_errors(adapter):
        # What it returns may hold objects of the request: written, they are read.
        body: Json = json.loads(json.dumps(adapter.encode(noted)))
    _find_unknown(adapter, body)
    lost = find_lost(noted)
    if refused := [path for path in lost if path.startswith(_NEVER_LOST)]:
        raise RefusedSafeguard([FieldError(path, f"'{model.name}' cannot take this") for path in refused])
    _reject_unsupported(model, [path for path in lost if not path.startswith(_REPORTED)], policy)
    return body, lost


# Members of a request that an `encode` may not ignore, and those that it may: every client of Anthropic's API must send
# a limit, and metadata is for logs.
_NEVER_LOST = ("system", "toolConfig", "outputConfig.textFormat")
_REPORTED = ("inferenceConfig.maxTokens", "requestMetadata")


def _write_body(model: Model, request: Request, policy: str) -> tuple[Json, list[str]]:
    """The request in the model's own format, and what was dropped because the adapter's schema does not have it."""
    wire = find_wire(model.adapter)
    assert wire.write_request is not None  # noqa: S101 - a bridge has it
    body = {**wire.envelope, **wire.write_request(request)}
    try:
        unknown = _find_unknown(model.adapter, body)
    except InvalidBody as error:
        raise InvalidBody([replace(fault, path=wire.restore_path(fault.path)) for fault in error.fields]) from None
    drop_at(body, map(parse_path, unknown))
    dropped = [path for path in unknown if path not in wire.envelope]
    unsupported = [path for path in dropped if path not in wire.hints]
    _reject_unsupported(model, map(wire.restore_path, unsupported), policy)
    return body, [wire.restore_path(path) for path in dropped]


def _find_unknown(adapter: Adapter, body: Json) -> list[str]:
    """The paths of members that the adapter's schema does not have; raises InvalidBody for any other fault."""
    faults = adapter.find_faults(body)
    if invalid := [fault for fault in faults if not fault.unknown]:
        raise InvalidBody(invalid)
    return sorted(fault.path for fault in faults)


def _reject_unsupported(model: Model, paths: Iterable[str], policy: str) -> None:
    faults = [FieldError(path, f"'{model.name}' cannot take this") for path in paths]
    if faults and policy != DROP:
        raise Unsupported(faults)
