"""Turn a canonical request (Converse) into the request that one model receives: repaired, in its format."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bedrock_flask.adapter import Adapter, isolate_plugin_errors
from bedrock_flask.bedrock.model_ids import is_imported
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request
from bedrock_flask.errors import (
    FieldError,
    InvalidBody,
    NotConversable,
    RefusedSafeguard,
    Unsupported,
    join_errors,
)
from bedrock_flask.models.models_file import DROP
from bedrock_flask.models.resolver import Model
from bedrock_flask.protocol.json import write
from bedrock_flask.protocol.json_path import drop_at, parse_path
from bedrock_flask.translation.answer_tool import AnswerTool
from bedrock_flask.translation.default_limit import add_default_limit
from bedrock_flask.translation.extras import place_extras
from bedrock_flask.translation.read_members import find_lost, note_reads
from bedrock_flask.translation.repairs import apply_repairs
from bedrock_flask.translation.repairs.add_cache_points import CachedRequest, add_cache_points
from bedrock_flask.translation.repairs.record import CallerPath, RepairResult, trace_faults, trace_paths
from bedrock_flask.translation.server_tools import leave_out_server_tools
from bedrock_flask.wires import converse, find_wire
from bedrock_flask.wires.wire import Wire

# What is made of texts apart, rather than of a conversation.
_TEXTS_APART = ("embedding", "ranking")
# Members of a Converse request that InvokeModel takes as headers.
_IN_HEADERS = ("guardrailConfig", "performanceConfig", "serviceTier")


class OwnPath(str):
    """A path in a body that a plugin's `encode` has made, where the caller's path is not known."""


# Not frozen, because each request makes one, and a frozen record takes three times as long to make.
@dataclass(slots=True, kw_only=True)
class PreparedRequest:
    """The body that is sent for a canonical request, how its tools were renamed, and what was dropped from it.

    `translated` is what the model gets in another form, and `answer_tool` the tool whose input is the answer, if any.
    `safeguards` are members of the Converse request that its body does not hold, because InvokeModel has headers for
    them. `document` is the body before it was written. `cached` are the parts of the request that the gateway has
    marked for the cache, and `streams` says whether the model streams the answer to it. `is_traced` says whether all
    that was dropped has the names of the caller's body, rather than positions in the Converse request.
    """

    operation: str
    wire: str
    body: bytes
    document: Json
    safeguards: Mapping[str, Any]
    names: Mapping[str, str]
    dropped: tuple[str, ...]
    cached: tuple[str, ...] = ()
    streams: bool = True
    translated: tuple[str, ...] = ()
    answer_tool: AnswerTool | None = None
    is_traced: bool = True


@dataclass(frozen=True)
class Caching:
    """The gateway is to mark what the model caches, for this lifetime (`1h`) or the model's default."""

    ttl: str | None = None


def build_bedrock_request(
    model: Model,
    request: Request,
    *,
    hints: Collection[str],
    policy: str,
    caching: Caching | None = None,
    check: Callable[[], object] = lambda: None,
) -> PreparedRequest:
    """Repair the request for this model, place its extras, and write it in the format that the model receives.

    `check` is called between the steps, and may raise an error that ends the work.

    Raises NotConversable for a model that accepts only its own format, InvalidBody for a request that the model's
    schema refuses, Unsupported for what the model does not support, unless the policy is to drop it, and
    RefusedSafeguard for what no policy drops. An error has every fault that can be found; their paths, and those of
    what was dropped, are the caller's if the values of the request have places.
    """
    adapter = model.adapter
    if not is_conversable(model):
        raise NotConversable(
            f"'{model.name}' accepts only its own request format. Use POST /v1/models/{model.name}/invoke."
        )
    if model.needs_long_context:
        request = {**request, "extras": {**(request.get("extras") or {}), "long_context": True}}
    # Each step adds its own faults.
    errors: list[InvalidBody] = []
    left_out: tuple[str, ...] = ()
    try:
        request, left_out = leave_out_server_tools(request, adapter.extras)
    except InvalidBody as error:
        errors.append(error)
    repaired = _repair(model, request, errors, check)
    check()
    try:
        _reject_unsupported(model, repaired.refused, policy)
    except InvalidBody as error:
        errors.append(error)
    cached = CachedRequest(repaired.request)
    if caching and not errors and model.capabilities.output == "text":
        cached = add_cache_points(repaired.request, model.capabilities, caching.ttl)
    placed = cached.request
    unplaced: tuple[str, ...] = ()
    try:
        placed, unplaced = place_extras(
            cached.request, adapter, model.capabilities, model=model.name, hints=hints, policy=policy
        )
    except InvalidBody as error:
        errors.append(error)
    if errors:
        raise join_errors(errors)
    dropped = (*left_out, *repaired.reported, *repaired.refused, *unplaced)
    operation, wire = adapter.operation, adapter.wire
    safeguards: Json = {}
    unread: list[str] = []
    if converse.WIRE.name in adapter.speaks and not _is_invoked(model):
        body, operation, wire = placed, adapter.speaks[converse.WIRE.name], converse.WIRE.name
    else:
        safeguards = {name: placed[name] for name in _IN_HEADERS if name in placed}
        placed = {name: value for name, value in placed.items() if name not in safeguards}
        write_body = _write_body if adapter.encode is None else _encode
        body, unread = write_body(model, placed, policy)
    return PreparedRequest(
        operation=operation,
        wire=wire,
        body=write(body),
        document=body,
        safeguards=safeguards,
        names=repaired.names,
        dropped=(*dropped, *unread),
        cached=cached.parts,
        streams=_is_streamed(placed, model.capabilities),
        translated=repaired.translated,
        answer_tool=repaired.answer_tool,
        is_traced=not any(
            "[" in path or isinstance(path, OwnPath)
            for path in (*repaired.reported, *repaired.refused, *repaired.translated, *unread)
        ),
    )


def _is_streamed(request: Request, capabilities: Capabilities) -> bool:
    return capabilities.streaming and (capabilities.streamed_tools or "toolConfig" not in request)


def _repair(model: Model, request: Request, errors: list[InvalidBody], check: Callable[[], object]) -> RepairResult:
    if model.capabilities.output in _TEXTS_APART:
        # Each message of such a request is a text of its own.
        return RepairResult(request)
    try:
        return apply_repairs(request, model.capabilities, check)
    except InvalidBody as error:
        errors.append(error)
        repaired: RepairResult = error.rest
        return repaired


def is_conversable(model: Model) -> bool:
    """Whether a canonical request can reach the model.

    It can through Converse, through the adapter's `encode` and `decode`, or in a format that the gateway can write and
    read back.
    """
    adapter = model.adapter
    if converse.WIRE.name in adapter.speaks or (adapter.encode is not None and adapter.decode is not None):
        return True
    return adapter.encode is None and adapter.decode is None and find_wire(adapter).is_bridge


def _is_invoked(model: Model) -> bool:
    """Whether a model is called in its own format although its family speaks Converse.

    An imported model whose adapter the models file names: Converse serves not all of them, and those that it serves by
    the template of the model's files. Source: AWS user guide, "Invoke your imported model".
    """
    adapter = model.adapter
    is_native = adapter.operation == "InvokeModel" and (adapter.encode is not None or find_wire(adapter).is_bridge)
    return is_imported(model.id) and is_native


def _encode(model: Model, request: Request, policy: str) -> tuple[Json, list[str]]:
    """The request in the plugin's own format, and what its `encode` has not read of it."""
    adapter, noted = model.adapter, note_reads(request)
    assert adapter.encode is not None  # noqa: S101 - or this would not be called
    with isolate_plugin_errors(adapter):
        encoded = adapter.encode(noted)
        # What it returns may hold objects of the request: written, they are read.
        body: Json = json.loads(json.dumps(encoded))
    try:
        unknown = _find_unknown(adapter, body)
    except InvalidBody as error:
        raise InvalidBody(_trace_own_faults(encoded, error.fields)) from None
    lost = find_lost(noted)
    # Parameters of other models, by the caller's names for them.
    drop_at(body, map(parse_path, unknown))
    lost += [path if isinstance(path, CallerPath) else OwnPath(path) for path in trace_paths(encoded, (*unknown,))]
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
    if wire.needs_limit:
        request = add_default_limit(request, model.output or model.capabilities.most_tokens, model.name)
    try:
        body = {**wire.envelope, **wire.write_request(request)}
    except InvalidBody as error:
        raise InvalidBody(trace_faults(request, error.fields)) from None
    try:
        unknown = _find_unknown(model.adapter, body)
    except InvalidBody as error:
        restored = _restore_paths(wire, body, [fault.path for fault in error.fields])
        faults = [replace(fault, path=restored[fault.path]) for fault in error.fields]
        raise InvalidBody(faults) from None
    dropped = _restore_paths(wire, body, [path for path in unknown if path not in wire.envelope])
    drop_at(body, map(parse_path, unknown))
    _reject_unsupported(model, [name for path, name in dropped.items() if path not in wire.hints], policy)
    return body, [*dropped.values()]


def _restore_paths(wire: Wire, body: Json, paths: Sequence[str]) -> dict[str, str]:
    """The caller's path, or else the canonical one, of what is at each path of the model's own body."""
    traced = zip(paths, trace_paths(body, (*paths,)), strict=True)
    return {path: place if isinstance(place, CallerPath) else wire.restore_path(path) for path, place in traced}


def _trace_own_faults(body: Any, faults: Iterable[FieldError]) -> list[FieldError]:
    """The faults of a body that a plugin made, at the caller's paths; the message has a path that only it knows."""
    return [
        traced
        if isinstance(traced.path, CallerPath)
        else replace(traced, path="", message=f"this model refuses {traced.path or 'it'}: {traced.message}")
        for traced in trace_faults(body, faults)
    ]


def _find_unknown(adapter: Adapter, body: Json) -> list[str]:
    """The paths of members that the adapter's schema does not have; raises InvalidBody for any other fault."""
    faults = adapter.find_faults(body)
    if invalid := [fault for fault in faults if not fault.unknown]:
        raise InvalidBody(invalid)
    return sorted(fault.path for fault in faults)


def _reject_unsupported(model: Model, paths: Collection[str], policy: str) -> None:
    if not paths:
        return
    faults = [FieldError(path, f"'{model.name}' cannot take this{_find_reason(path)}") for path in paths]
    if faults and policy != DROP:
        raise Unsupported(faults)


def _find_reason(path: str) -> str:
    """Why the model cannot take what is at a path of the caller's body, where it is not plain from the path."""
    return ": it must be a JSON object in a string" if path.endswith(".arguments") else ""
