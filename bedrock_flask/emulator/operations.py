"""The operations of bedrock-runtime that the emulator serves, each a function from a call to an answer."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from bedrock_flask.adapter import Adapter, Engine
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.closing import closing
from bedrock_flask.converse import Event, Json, fold
from bedrock_flask.emulator import natively
from bedrock_flask.emulator.answer import Answer, streamed, whole
from bedrock_flask.emulator.natively import Tally
from bedrock_flask.emulator.presence import CallerLeft, Presence
from bedrock_flask.emulator.refusals import STREAMED, Refusal, invalid
from bedrock_flask.errors import FieldError
from bedrock_flask.protocol import eventstream
from bedrock_flask.protocol.json import MalformedJSON, parse
from bedrock_flask.registry import Registry
from bedrock_flask.usage import HEADERS

LOG = logging.getLogger("bedrock_flask.emulator")

_NO_SUCH_MODEL = "The provided model identifier is invalid."
_NOT_FOR_CONVERSE = (
    "This action doesn't support the model that you provided. Try again with a supported text or chat model."
)
_STARTS_OTHERWISE = (
    "A conversation must start with a user message. Try again with a conversation that starts with a user message."
)
_DOES_NOT_STREAM = "The model is unsupported for streaming"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One call as it arrived, and what serves it."""

    operation: str
    model: str
    body: bytes
    registry: Registry
    engine: Engine
    presence: Presence

    def pick(self) -> tuple[Adapter, Capabilities]:
        """The adapter and the capabilities of the model; a Refusal where nobody claims it."""
        try:
            return self.registry.pick(self.model)
        except LookupError:
            raise invalid(_NO_SUCH_MODEL) from None


def answer(asked: Asked) -> Answer:
    """The answer to a call. Refusal for what Bedrock would refuse, CallerLeft when nobody waits for it any more."""
    return OPERATIONS[asked.operation].answer(asked)


def _invoke(asked: Asked) -> Answer:
    adapter, _, body = _native(asked)
    tally = Tally()
    reply = natively.reply(adapter, asked.model, body, asked.engine, tally, asked.presence)
    counts = {name: getattr(tally.usage, count) for count, name in HEADERS.items()}
    counts["x-amzn-bedrock-invocation-latency"] = tally.latency()
    return whole(_json(reply), {name: str(count) for name, count in counts.items() if count is not None})


def _invoke_stream(asked: Asked) -> Answer:
    adapter, capabilities, body = _native(asked)
    if not capabilities.streaming:
        raise invalid(_DOES_NOT_STREAM)
    chunks = natively.chunks(adapter, asked.model, body, asked.engine, Tally(), asked.presence)
    frames = _frames(
        asked.operation, chunks, lambda number, chunk: eventstream.chunk(_json(chunk), eventstream.padding(number))
    )
    return streamed(frames, {"X-Amzn-Bedrock-Content-Type": "application/json"})


def _native(asked: Asked) -> tuple[Adapter, Capabilities, Json]:
    adapter, capabilities = asked.pick()
    body = _parsed(asked.body)
    if adapter.operation != "InvokeModel" and asked.model.startswith("arn:"):
        adapter, capabilities = _by_body(asked.registry, body)
    if adapter.operation != "InvokeModel":
        raise invalid(_NO_SUCH_MODEL)
    if faults := adapter.faults(body):
        told = "; ".join(f"{fault.path or '#'}: {fault.message}" for fault in faults)
        raise invalid(f"Malformed input request: {told}, please reformat your input and try again.")
    return adapter, capabilities, body


def _by_body(registry: Registry, body: Json) -> tuple[Adapter, Capabilities]:
    """The model behind an ARN that does not tell it: of the first family whose body this is."""
    native = (claim for claim in registry.claims if claim.adapter.operation == "InvokeModel")
    found = next((claim for claim in native if not claim.adapter.faults(body)), None)
    if found is None:
        raise invalid(_NO_SUCH_MODEL)
    return found.adapter, found.capabilities


def _converse(asked: Asked) -> Answer:
    _, body = _canonical(asked)
    tally = Tally()
    response = fold(natively.events(asked.engine, body, tally, asked.presence))
    return whole(_json({**response, "metrics": {"latencyMs": tally.latency()}}))


def _converse_stream(asked: Asked) -> Answer:
    capabilities, body = _canonical(asked)
    if not capabilities.streaming:
        raise invalid(_DOES_NOT_STREAM)
    tally = Tally()

    def frame(number: int, event: Event) -> eventstream.Frame:
        [(kind, told)] = event.items()
        if kind == "metadata":
            told = {**told, "metrics": {"latencyMs": tally.latency()}}
        return eventstream.event(kind, _json({**told, "p": eventstream.padding(number)}))

    events = natively.events(asked.engine, body, tally, asked.presence)
    return streamed(_frames(asked.operation, events, frame))


def _canonical(asked: Asked) -> tuple[Capabilities, Json]:
    adapter, capabilities = asked.pick()
    if "converse" not in adapter.speaks:
        raise invalid(_NOT_FOR_CONVERSE)
    body = _parsed(asked.body)
    if faults := asked.registry.adapters["converse"].faults(body):
        raise invalid(_validation_errors(faults))
    # A managed prompt brings its own messages.
    messages = body.get("messages", [{"role": "user"}])
    if not messages or messages[0]["role"] == "assistant":
        raise invalid(_STARTS_OTHERWISE)
    return capabilities, body


def _validation_errors(faults: list[FieldError]) -> str:
    told = "; ".join(f"Value at '{fault.path}' failed to satisfy constraint: {fault.message}" for fault in faults)
    return f"{len(faults)} validation error{'s' * (len(faults) > 1)} detected: {told}"


def _parsed(body: bytes) -> Any:
    try:
        return parse(body)
    except MalformedJSON as fault:
        told = f"{fault.path}: {fault.message}" if fault.path else fault.message
        raise invalid(f"Malformed input request: {told}, please reformat your input and try again.") from None


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
        return eventstream.exception(refusal.streamed_name, _json(refusal.document))
    return eventstream.error(refusal.name, refusal.message)


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class Operation:
    """Where an operation is found, and what answers it."""

    path: str
    answer: Callable[[Asked], Answer]


OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        "InvokeModel": Operation("invoke", _invoke),
        "InvokeModelWithResponseStream": Operation("invoke-with-response-stream", _invoke_stream),
        "Converse": Operation("converse", _converse),
        "ConverseStream": Operation("converse-stream", _converse_stream),
    }
)
