"""InvokeModel, Converse and their streaming twins: what a model answers, in its own format or in Converse's."""

import logging
from collections.abc import Callable, Iterable, Iterator

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.usage import HEADERS, METRICS
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.closing import closing
from bedrock_flask.converse import Event, Json, fold
from bedrock_flask.emulator.calls.delivery import Answer, streamed, whole
from bedrock_flask.emulator.calls.presence import CallerLeft
from bedrock_flask.emulator.calls.refusals import STREAMED, Refusal, invalid
from bedrock_flask.emulator.calls.request import NO_SUCH_MODEL, Asked, encoded, parsed, validation_errors
from bedrock_flask.emulator.formats import known, plugin
from bedrock_flask.emulator.formats.known import Tally
from bedrock_flask.emulator.operations import guardrails
from bedrock_flask.models.registry import Registry
from bedrock_flask.protocol import eventstream
from bedrock_flask.wires import WIRES

LOG = logging.getLogger("bedrock_flask.emulator")

_NOT_FOR_CONVERSE = (
    "This action doesn't support the model that you provided. Try again with a supported text or chat model."
)
_STARTS_OTHERWISE = (
    "A conversation must start with a user message. Try again with a conversation that starts with a user message."
)
_DOES_NOT_STREAM = "The model is unsupported for streaming"


def invoke(asked: Asked) -> Answer:
    """InvokeModel."""
    adapter, _, body = native(asked)
    guarded, tally = guardrails.of_headers(asked, body), Tally()
    answer = known.reply if _is_known(adapter) else plugin.reply
    reply = answer(adapter, asked.model, body, guarded or asked.engine, tally, asked.presence)
    if guarded:
        reply = {**reply, **guarded.members()}
    counts = {name: getattr(tally.usage, count) for count, name in HEADERS.items()}
    counts["x-amzn-bedrock-invocation-latency"] = tally.latency()
    return whole(encoded(reply), {name: str(count) for name, count in counts.items() if count is not None})


def invoke_stream(asked: Asked) -> Answer:
    """InvokeModelWithResponseStream."""
    adapter, capabilities, body = native(asked)
    if not capabilities.streaming:
        raise invalid(_DOES_NOT_STREAM)
    guarded = guardrails.of_headers(asked, body)
    answer = known.chunks if _is_known(adapter) else plugin.chunks
    chunks = answer(adapter, asked.model, body, guarded or asked.engine, Tally(), asked.presence)
    if guarded:
        chunks = _with_last(chunks, guarded.members)
    frames = _frames(
        asked.operation, chunks, lambda number, chunk: eventstream.chunk(encoded(chunk), eventstream.padding(number))
    )
    return streamed(frames, {"X-Amzn-Bedrock-Content-Type": "application/json"})


def _is_known(adapter: Adapter) -> bool:
    """Whether the model's own format is one that the gateway reads and writes."""
    return adapter.wire in WIRES


def _with_last(chunks: Iterator[Json], members: Callable[[], Json]) -> Iterator[Json]:
    """The chunks, the last one, which has the metrics, with more members."""
    with closing(chunks) as each:
        for chunk in each:
            yield {**chunk, **members()} if METRICS in chunk else chunk


def native(asked: Asked) -> tuple[Adapter, Capabilities, Json]:
    """The model and its body in the model's own format, or the refusal of either."""
    adapter, capabilities = asked.pick()
    body = parsed(asked.body)
    if adapter.operation != "InvokeModel" and asked.model.startswith("arn:"):
        adapter, capabilities = _by_body(asked.registry, body)
    if adapter.operation != "InvokeModel":
        raise invalid(NO_SUCH_MODEL)
    if faults := adapter.find_faults(body):
        told = "; ".join(f"{fault.path or '#'}: {fault.message}" for fault in faults)
        raise invalid(f"Malformed input request: {told}, please reformat your input and try again.")
    return adapter, capabilities, body


def _by_body(registry: Registry, body: Json) -> tuple[Adapter, Capabilities]:
    """The model behind an ARN that does not tell it: of the first family whose body this is."""
    native = (claim for claim in registry.claims if claim.adapter.operation == "InvokeModel")
    found = next((claim for claim in native if not claim.adapter.find_faults(body)), None)
    if found is None:
        raise invalid(NO_SUCH_MODEL)
    return found.adapter, found.capabilities


def converse(asked: Asked) -> Answer:
    """Converse."""
    _, body = _canonical(asked)
    tally = Tally()
    response = fold(known.events(guardrails.of_converse(asked, body), body, tally, asked.presence))
    return whole(encoded({**response, "metrics": {"latencyMs": tally.latency()}}))


def converse_stream(asked: Asked) -> Answer:
    """ConverseStream."""
    capabilities, body = _canonical(asked)
    if not capabilities.streaming:
        raise invalid(_DOES_NOT_STREAM)
    tally = Tally()

    def frame(number: int, event: Event) -> eventstream.Frame:
        [(kind, told)] = event.items()
        if kind == "metadata":
            told = {**told, "metrics": {"latencyMs": tally.latency()}}
        return eventstream.event(kind, encoded({**told, "p": eventstream.padding(number)}))

    events = known.events(guardrails.of_converse(asked, body), body, tally, asked.presence)
    return streamed(_frames(asked.operation, events, frame))


def _canonical(asked: Asked) -> tuple[Capabilities, Json]:
    adapter, capabilities = asked.pick()
    if "converse" not in adapter.speaks:
        raise invalid(_NOT_FOR_CONVERSE)
    body = parsed(asked.body)
    if faults := asked.registry.adapters["converse"].find_faults(body):
        raise invalid(validation_errors(faults))
    # A managed prompt brings its own messages.
    messages = body.get("messages", [{"role": "user"}])
    if not messages or messages[0]["role"] == "assistant":
        raise invalid(_STARTS_OTHERWISE)
    return capabilities, body


def _frames(operation: str, parts: Iterable[Json], frame: Callable[[int, Json], eventstream.Frame]) -> Iterator[bytes]:
    """Each part as a frame; an error after the first one is the last frame, before it an error of its own."""
    number = 0
    try:
        with closing(parts) as each:
            for part in each:
                yield eventstream.encode(frame(number, part))
                number += 1
    except Refusal as told:
        if not number:
            raise
        yield eventstream.encode(_last_frame(operation, told))
    except (CallerLeft, GeneratorExit):
        raise
    except Exception:
        if not number:
            raise
        LOG.exception("%s failed while streaming", operation)
        refusal = Refusal("InternalServerException", "The system encountered an unexpected error during processing.")
        yield eventstream.encode(_last_frame(operation, refusal))


def _last_frame(operation: str, refusal: Refusal) -> eventstream.Frame:
    """The frame that ends a stream with an error: an exception that the operation models, or else a plain error."""
    if refusal.streamed_name in STREAMED.get(operation, ()):
        return eventstream.exception(refusal.streamed_name, encoded(refusal.document))
    return eventstream.error(refusal.name, refusal.message)
