"""InvokeModel, Converse and their streaming variants: a model's answer in its own format or in Converse's."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.model_ids import is_own_model, is_prompt
from bedrock_flask.bedrock.operations import STREAMING
from bedrock_flask.bedrock.usage import HEADERS, METRICS
from bedrock_flask.bodies import invoke_chat_body
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.closing import closing
from bedrock_flask.converse import Event, Json, fold
from bedrock_flask.emulator.calls.errors import EmulatedError, validation_error
from bedrock_flask.emulator.calls.presence import CallerLeft
from bedrock_flask.emulator.calls.request import (
    NO_SUCH_MODEL,
    EmulatorRequest,
    describe_faults,
    encode_json,
    parse_body,
)
from bedrock_flask.emulator.calls.response import EmulatorResponse, make_response, make_stream_response
from bedrock_flask.emulator.formats import own_format, wire_format
from bedrock_flask.emulator.formats.neutral import UNKNOWN_FAMILY
from bedrock_flask.emulator.formats.wire_format import Tally
from bedrock_flask.emulator.operations import cache_rules, guardrails, model_rules, rules
from bedrock_flask.errors import FieldError
from bedrock_flask.models.registry import PatternClaim
from bedrock_flask.protocol import eventstream
from bedrock_flask.protocol.json import MalformedJSON, parse
from bedrock_flask.wires import WIRES

LOG = logging.getLogger("bedrock_flask.emulator")

_UNSUPPORTED_BY_CONVERSE = (
    "This action doesn't support the model that you provided. Try again with a supported text or chat model."
)
_WRONG_FIRST_TURN = (
    "A conversation must start with a user message. Try again with a conversation that starts with a user message."
)
_UNEXPECTED = "The system encountered an unexpected error during processing."
_UNSUPPORTED_STREAMING = "The model is unsupported for streaming"
# What an answer says of the latency and the tier that it was served with. Source: botocore's service model.
_ECHOED_HEADERS = ("x-amzn-bedrock-performanceconfig-latency", "x-amzn-bedrock-service-tier")
_ECHOED_MEMBERS = ("performanceConfig", "serviceTier")


def invoke(request: EmulatorRequest) -> EmulatorResponse:
    """InvokeModel."""
    adapter, _, body = read_native_body(request)
    guarded, tally = guardrails.guard_invoke(request, body), Tally()
    make_reply = wire_format.make_reply if _has_known_format(adapter) else own_format.make_reply
    reply = make_reply(adapter, request.model, body, guarded or request.engine, tally, request.presence)
    if guarded:
        reply = {**reply, **guarded.describe()}
    counts = {name: getattr(tally.usage, count) for count, name in HEADERS.items()}
    counts["x-amzn-bedrock-invocation-latency"] = tally.measure_latency()
    numbers = {name: str(count) for name, count in counts.items() if count is not None}
    return make_response(encode_json(reply), numbers | _echo_headers(request))


def invoke_stream(request: EmulatorRequest) -> EmulatorResponse:
    """InvokeModelWithResponseStream."""
    adapter, capabilities, body = read_native_body(request)
    if not capabilities.streaming:
        raise validation_error(_UNSUPPORTED_STREAMING)
    guarded = guardrails.guard_invoke(request, body)
    make_chunks = wire_format.make_chunks if _has_known_format(adapter) else own_format.make_chunks
    chunks = make_chunks(adapter, request.model, body, guarded or request.engine, Tally(), request.presence)
    if guarded:
        chunks = _extend_last_chunk(chunks, guarded.describe)
    frames = _encode_frames(
        request.operation,
        chunks,
        lambda number, chunk: eventstream.chunk(encode_json(chunk), eventstream.padding(number)),
    )
    return make_stream_response(frames, {"X-Amzn-Bedrock-Content-Type": "application/json"} | _echo_headers(request))


def _echo_headers(request: EmulatorRequest) -> dict[str, str]:
    """The headers of the latency and the tier that served the call: those that it asked for."""
    return {name: request.headers[name] for name in _ECHOED_HEADERS if name in request.headers}


def _echo_members(body: Json) -> Json:
    """The same as members of Converse's answer."""
    return {name: body[name] for name in _ECHOED_MEMBERS if body.get(name)}


def _has_known_format(adapter: Adapter) -> bool:
    """Whether the gateway, or the plugin itself, reads and writes the model's own format."""
    return adapter.wire in WIRES or adapter.read_request is not None


def _extend_last_chunk(chunks: Iterator[Json], members: Callable[[], Json]) -> Iterator[Json]:
    """The chunks, with more members in the last one, which is the one with the metrics."""
    with closing(chunks) as each:
        for chunk in each:
            yield {**chunk, **members()} if METRICS in chunk else chunk


def read_native_body(request: EmulatorRequest) -> tuple[Adapter, Capabilities, Json]:
    """The adapter, the capabilities and the body in the model's own format. Raises EmulatedError."""
    adapter, capabilities = request.find_adapter()
    is_unnamed = adapter.operation != "InvokeModel" and request.model.startswith("arn:")
    body = _parse_any(request.body) if is_unnamed and is_own_model(request.model) else parse_body(request.body)
    if is_unnamed:
        adapter, capabilities = _find_by_body(request, body)
    if adapter.operation != "InvokeModel":
        raise validation_error(NO_SUCH_MODEL)
    adapter = adapter.for_body(body)
    _reject_unserved(request, capabilities, "invoke")
    reject_faults(request.keep_refused(replace(adapter, rules=(), surface_rules={}).find_faults(body)))
    if request.account.is_strict:
        # Before the adapter's rules, which are the same in the gateway's words.
        rules.check_rules(adapter.wire, body, capabilities)
        reject_faults(_find_contradictions(request, capabilities, body))
    reject_faults(request.keep_refused(adapter.find_faults(body, capabilities=capabilities)))
    return adapter, capabilities, body


def _find_contradictions(request: EmulatorRequest, capabilities: Capabilities, body: Json) -> list[FieldError]:
    """What a body says otherwise than its address; a body of another operation has none."""
    streams = {"InvokeModel": False, STREAMING["InvokeModel"]: True}.get(request.operation)
    if streams is None or not capabilities.same_address:
        return []
    return [FieldError(*fault) for fault in invoke_chat_body.check_address(body, request.model, stream=streams)]


def _reject_unserved(request: EmulatorRequest, capabilities: Capabilities, surface: str) -> None:
    """Refuse a model that AWS serves by other APIs alone; one whose capabilities name none may have any."""
    if request.account.is_strict and capabilities.surfaces and surface not in capabilities.surfaces:
        raise validation_error(NO_SUCH_MODEL)


def reject_faults(faults: Sequence[FieldError]) -> None:
    """Refuse a body with faults in Bedrock's words."""
    if faults:
        text = "; ".join(f"{fault.path or '#'}: {fault.message}" for fault in faults)
        raise validation_error(f"Malformed input request: {text}, please reformat your input and try again.")


def _parse_any(body: bytes) -> Json:
    """The JSON object of a body, or an object that holds a body of any other form."""
    try:
        document = parse(body)
    except MalformedJSON:
        document = body.decode("utf-8", "replace")
    return document if isinstance(document, dict) else {"body": document}


def _find_by_body(request: EmulatorRequest, body: Json) -> tuple[Adapter, Capabilities]:
    """The adapter for an ARN that does not name its model: the likeliest of those whose schema accepts the body.

    A model of the account's own may be of a family that has no plugin.
    """
    claims = (claim for claim in request.registry.claims if claim.adapter.operation == "InvokeModel")
    fitting = [each for each in claims if each.adapter.has_members(body) and not each.adapter.find_faults(body)]
    if fitting:
        found = min(fitting, key=lambda claim: _rank_by_body(claim, body))
        # The model of the ARN is not one of AWS's own, which other APIs may serve.
        return found.adapter, found.capabilities.but(surfaces=())
    if not is_own_model(request.model):
        raise validation_error(NO_SUCH_MODEL)
    return UNKNOWN_FAMILY, UNKNOWN_FAMILY.models["unknown"]


def _rank_by_body(claim: PatternClaim, body: Json) -> tuple[bool, bool, bool, str]:
    """First a family that would write the body itself, a prompt in its own template; then one that can be imported."""
    adapter, read, encode = claim.adapter, claim.adapter.read_request, claim.adapter.encode
    is_own = read is not None and encode is not None and encode(read(body)) == body
    return not is_own, claim.is_built_in, adapter.imported is None, adapter.name


def converse(request: EmulatorRequest) -> EmulatorResponse:
    """Converse."""
    _, body = _read_converse_body(request)
    tally = Tally()
    response = fold(wire_format.relay_events(guardrails.guard_converse(request, body), body, tally, request.presence))
    metrics = {"metrics": {"latencyMs": tally.measure_latency()}}
    return make_response(encode_json({**_echo_members(body), **response, **metrics}))


def converse_stream(request: EmulatorRequest) -> EmulatorResponse:
    """ConverseStream."""
    capabilities, body = _read_converse_body(request)
    if not capabilities.streaming:
        raise validation_error(_UNSUPPORTED_STREAMING)
    if request.account.is_strict and body.get("toolConfig") and not capabilities.streamed_tools:
        raise validation_error(model_rules.STREAMED_TOOLS)
    tally = Tally()

    def make_frame(number: int, event: Event) -> eventstream.Frame:
        [(kind, payload)] = event.items()
        if kind == "metadata":
            payload = {**_echo_members(body), **payload, "metrics": {"latencyMs": tally.measure_latency()}}
        return eventstream.event(kind, encode_json({**payload, "p": eventstream.padding(number)}))

    events = wire_format.relay_events(guardrails.guard_converse(request, body), body, tally, request.presence)
    return make_stream_response(_encode_frames(request.operation, events, make_frame))


def _read_converse_body(request: EmulatorRequest) -> tuple[Capabilities, Json]:
    adapter, capabilities = request.find_adapter()
    if "converse" not in adapter.speaks:
        raise validation_error(_UNSUPPORTED_BY_CONVERSE)
    _reject_unserved(request, capabilities, "converse")
    body = parse_body(request.body)
    faults = request.registry.adapters["converse"].find_faults(body)
    if is_prompt(request.model) and "messages" not in body:
        # A managed prompt has its own messages.
        faults = [fault for fault in faults if fault.path != "messages"]
    if faults := request.keep_refused(faults):
        raise validation_error(describe_faults(faults))
    messages = body.get("messages", [{"role": "user"}])
    if not messages or (messages[0]["role"] == "assistant" and not capabilities.any_turns):
        raise validation_error(_WRONG_FIRST_TURN)
    if request.account.is_strict:
        rules.check_rules("converse", body, capabilities)
        for words in model_rules.find_unknown_fields(adapter, body):
            raise validation_error(words)
        if not capabilities.cache and any(cache_rules.find_cache_points(body)):
            raise EmulatedError("AccessDeniedException", cache_rules.UNCACHED)
    return capabilities, body


def _encode_frames(
    operation: str, parts: Iterable[Json], make_frame: Callable[[int, Json], eventstream.Frame]
) -> Iterator[bytes]:
    """Encode each part as a frame. An error becomes the last frame, or is raised if it comes before the first frame."""
    number = 0
    try:
        with closing(parts) as each:
            for part in each:
                yield eventstream.encode(make_frame(number, part))
                number += 1
    except EmulatedError as error:
        if not number:
            raise
        yield eventstream.encode(_make_error_frame(operation, error))
    except (CallerLeft, GeneratorExit):
        raise
    except Exception:
        if not number:
            raise
        LOG.exception("%s failed while streaming", operation)
        yield eventstream.encode(_make_error_frame(operation, EmulatedError("InternalServerException", _UNEXPECTED)))


def _make_error_frame(operation: str, error: EmulatedError) -> eventstream.Frame:
    """The frame that ends a stream: an exception if the operation models it, otherwise an error."""
    if operation in error.shape.streams:
        return eventstream.exception(error.shape.stream_name, encode_json(error.document))
    return eventstream.error(error.name, error.message)
