"""The laws of a format of a plugin's own: what encode and decode make, and when an answer is whole."""

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

from bedrock_flask.adapter import Adapter
from bedrock_flask.bodies.converse_body import Body
from bedrock_flask.converse import Json, Response, member, replay
from bedrock_flask.emulator.engines.scripted import Scripted
from bedrock_flask.fields import faults
from bedrock_flask.usage import Usage, from_members
from bedrock_flask.wires import wire_of

# Source: the enum StopReason in botocore's service model of bedrock-runtime; a test compares them.
STOP_REASONS = frozenset(
    {
        "end_turn",
        "tool_use",
        "max_tokens",
        "stop_sequence",
        "guardrail_intervened",
        "content_filtered",
        "malformed_model_output",
        "malformed_tool_use",
        "model_context_window_exceeded",
    }
)
SAID = "Why is the sea blue?"
REQUESTS: tuple[Json, ...] = (
    {"messages": [{"role": "user", "content": [{"text": SAID}]}]},
    {
        "system": [{"text": "Be terse."}],
        "messages": [
            {"role": "user", "content": [{"text": "Hello."}]},
            {"role": "assistant", "content": [{"text": "Hello, what would you like to know?"}]},
            {"role": "user", "content": [{"text": SAID}]},
        ],
        "inferenceConfig": {"maxTokens": 64, "temperature": 0.5},
    },
)
RESPONSE: Response = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"text": "Let me look."},
                {"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Zürich", "days": 2}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": {
        "inputTokens": 14,
        "outputTokens": 5,
        "totalTokens": 29,
        "cacheReadInputTokens": 7,
        "cacheWriteInputTokens": 3,
    },
    "metrics": {"latencyMs": 12},
}


def encode_makes_a_body(adapter: Adapter) -> Iterator[str]:
    """What encode makes of a Converse request fits the body's schema and holds what the user said."""
    if adapter.encode is None:
        return
    for request in REQUESTS:
        given = copy.deepcopy(request)
        made = adapter.encode(given)
        if given != request:
            yield "encode changes the request that it is given: make a new one"
        for fault in adapter.faults(made):
            yield f"encode makes a body that does not fit: {fault.path or 'the body'}: {fault.message}"
        if SAID not in json.dumps(made, ensure_ascii=False, default=str):
            yield f"encode makes a body without what the user said: {made!r:.200}"


def request_is_read(adapter: Adapter) -> Iterator[str]:
    """The sample of a format that the gateway knows reads as a Converse request."""
    read = wire_of(adapter).read_request
    if read is not None:
        for fault in faults(Body(), read(copy.deepcopy(dict(adapter.sample)))):
            yield f"the sample reads as a Converse request that does not fit: {fault.path}: {fault.message}"


def decode_gives_converse(adapter: Adapter) -> Iterator[str]:
    """What decode gives is a Converse response, and a part of one for each chunk."""
    if adapter.decode is None:
        return
    replies = [("its reply", reply) for reply in _replies(adapter)]
    chunks = [(f"chunk {number}", chunk) for number, chunk in enumerate(map(dict, adapter.chunks or ()), 1)]
    for name, told in (*replies, *chunks):
        given = copy.deepcopy(told)
        decoded = adapter.decode(given)
        if given != told:
            yield f"decode changes {name}, which it is given: make a new one"
        yield from (f"decode of {name}: {fault}" for fault in _faults_of_response(decoded))
    said = "".join(_text(adapter.decode(copy.deepcopy(dict(chunk)))) for _, chunk in chunks)
    if chunks and not said and any(_text(adapter.decode(copy.deepcopy(dict(reply)))) for _, reply in replies):
        yield "decode finds text in the reply, and none in any of the chunks"


def answer_is_told_from_none(adapter: Adapter) -> Iterator[str]:
    """The reply is an answer, and an empty object is not."""
    wire = wire_of(adapter)
    for reply in _replies(adapter):
        if not wire.complete(copy.deepcopy(reply)):
            yield f"no answer is found in the emulator's reply: {reply!r:.200}"
    if wire.complete({}):
        yield "an empty object passes for an answer: decode must not give a message where there is none"


def only_the_last_chunk_ends(adapter: Adapter) -> Iterator[str]:
    """A stream is over at its last chunk and not before, so that one that is cut is found out."""
    wire = wire_of(adapter)
    if wire.write_chunks is not None:
        chunks = list(wire.write_chunks(replay(RESPONSE), adapter.model))
    else:
        chunks = [dict(chunk) for chunk in adapter.chunks or ()]
    for number, chunk in enumerate(chunks, 1):
        if wire.finished(chunk) is not (number == len(chunks)):
            ends = "ends the stream already" if number < len(chunks) else "does not end the stream"
            yield f"chunk {number} of {len(chunks)} {ends}: the last one, and no other, has a stopReason"


def _replies(adapter: Adapter) -> list[Json]:
    """What the emulator answers, by each of the adapter's ways."""
    wire = wire_of(adapter)
    if wire.write_reply is not None:
        return [wire.write_reply(RESPONSE, adapter.model)]
    made = [] if adapter.emulate is None else [adapter.emulate(copy.deepcopy(dict(adapter.sample)), Scripted())]
    return made + ([] if adapter.reply is None else [dict(adapter.reply)])


def _faults_of_response(response: Any) -> Iterator[str]:
    if not isinstance(response, dict):
        yield f"it is no dict: {response!r:.200}"
        return
    message, content = member(response, "output", "message"), member(response, "output", "message", "content")
    if message is not None and not _is_content(content):
        yield f"output.message.content is no list of blocks with one member each: {content!r:.200}"
    role = member(message, "role")
    if role not in (None, "assistant"):
        yield f"output.message.role is {role!r}, not 'assistant'"
    reason = response.get("stopReason")
    if reason is not None and reason not in STOP_REASONS:
        yield f"the stopReason {reason!r} is none of Converse's: {', '.join(sorted(STOP_REASONS))}"
    usage = response.get("usage")
    if usage is not None and from_members(usage) == Usage():
        yield f"usage has no count that is known, such as inputTokens and outputTokens: {usage!r:.200}"
    vectors = response.get("embeddings")
    if vectors is not None and not (isinstance(vectors, list) and all(_is_vector(each) for each in vectors)):
        yield f"embeddings is no list of lists of numbers: {vectors!r:.200}"


def _is_content(content: Any) -> bool:
    return isinstance(content, list) and all(
        isinstance(block, Mapping) and len(block) == 1 and isinstance(block.get("text", ""), str) for block in content
    )


def _is_vector(vector: Any) -> bool:
    return isinstance(vector, list) and all(
        isinstance(number, int | float) and not isinstance(number, bool) for number in vector
    )


def _text(response: Any) -> str:
    return "".join(block.get("text", "") for block in member(response, "output", "message", "content") or ())
