"""The laws of a format of a plugin's own: what encode and decode make, and when an answer is whole."""

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from typing import Any

from bedrock_flask.adapter import PLUGIN_CRASHES, Adapter
from bedrock_flask.bedrock.stop_reasons import STOP_REASONS
from bedrock_flask.bedrock.usage import Usage, from_members
from bedrock_flask.bodies.converse_body import Body
from bedrock_flask.converse import Json, Request, Response, member, replay
from bedrock_flask.emulator.engines.scripted import ScriptedEngine
from bedrock_flask.fields import find_faults
from bedrock_flask.models.loading import describe_error
from bedrock_flask.wires import find_wire

COUNTS = ("inputTokens", "outputTokens", "totalTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
_INDEX = re.compile(r"\[\d+\]")
SAID = "Why is the sea blue?"
# What every model that is reached by `encode` is asked: one question, and one behind an exchange.
REQUESTS: tuple[Json, ...] = (
    {"messages": [{"role": "user", "content": [{"text": SAID}]}]},
    {
        "messages": [
            {"role": "user", "content": [{"text": "Hello."}]},
            {"role": "assistant", "content": [{"text": "Hello, what would you like to know?"}]},
            {"role": "user", "content": [{"text": SAID}]},
        ],
        "inferenceConfig": {"maxTokens": 64, "temperature": 0.5},
    },
)
_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="
_WEATHER = {
    "name": "weather",
    "description": "Tells the weather of a city.",
    "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}},
}


def _showing(kind: str, format: str, **more: Any) -> Json:
    block = {kind: {"format": format, **more, "source": {"bytes": _PIXEL}}}
    return {"messages": [{"role": "user", "content": [block, {"text": SAID}]}]}


def _between(answer: Json, *told: Json, **more: Any) -> Json:
    asked = {"role": "user", "content": [{"text": "Hello."}]}
    turns = [asked, {"role": "assistant", "content": [answer]}, {"role": "user", "content": [*told]}]
    return {"messages": turns, **more}


# A request for each ability, and what of it the body must hold: as AWS's HTTP API has it, so media are base64.
ABILITIES: Mapping[str, tuple[Json, tuple[str, ...]]] = {
    "system": ({**REQUESTS[0], "system": [{"text": "Be terse."}]}, ("Be terse.",)),
    "images": (_showing("image", "png"), (_PIXEL,)),
    "documents": (_showing("document", "pdf", name="report"), (_PIXEL,)),
    "video": (_showing("video", "mp4"), (_PIXEL,)),
    "audio": (_showing("audio", "mp3"), (_PIXEL,)),
    "tools": (
        _between(
            {"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Zurich"}}},
            {"toolResult": {"toolUseId": "tooluse_1", "content": [{"text": "Sunny."}]}},
            toolConfig={"tools": [{"toolSpec": _WEATHER}]},
        ),
        ("weather", "Zurich", "Sunny."),
    ),
    "cache": ({"messages": [{"role": "user", "content": [{"text": SAID}, {"cachePoint": {"type": "default"}}]}]}, ()),
    "reasoning": (
        _between({"reasoningContent": {"reasoningText": {"text": "A greeting.", "signature": "c2ln"}}}, {"text": SAID}),
        (SAID,),
    ),
}
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
    told: set[tuple[str, str]] = set()
    for request in REQUESTS:
        given = copy.deepcopy(request)
        made = adapter.encode(given)
        if given != request:
            yield "encode changes the request that it is given: make a new one"
        for fault in adapter.find_faults(made):
            # What is wrong with every turn is told of the first.
            if (kind := (_INDEX.sub("[]", fault.path), fault.message)) not in told:
                told.add(kind)
                yield f"encode makes a body that does not fit: {fault.path or 'the body'}: {fault.message}"
        if SAID not in _written(made):
            yield f"encode makes a body without what the user said: {made!r:.200}"


def encode_takes_what_the_model_can(adapter: Adapter) -> Iterator[str]:
    """For each ability that the adapter tells, encode takes a request with it, and it is in the body."""
    # What is wrong with every request is told once, by the law above.
    if adapter.encode is None or not _is_encoded(adapter, adapter.encode):
        return
    for ability, (request, needed) in ABILITIES.items():
        if not any(getattr(each, ability) for each in adapter.models.values()):
            continue
        try:
            made = adapter.encode(copy.deepcopy(request))
        except PLUGIN_CRASHES as error:
            yield f"encode cannot take what {ability}=True announces: {describe_error(adapter, error)}"
            continue
        for fault in adapter.find_faults(made):
            path = fault.path or "the body"
            yield f"encode makes a body that does not fit of what {ability}=True announces: {path}: {fault.message}"
        lacking = [each for each in needed if each not in _written(made)]
        if lacking:
            yield f"encode makes a body without what {ability}=True announces: {lacking[0]!r:.40} is not in it"


def _is_encoded(adapter: Adapter, encode: Callable[[Request], Json]) -> bool:
    try:
        return not any(adapter.find_faults(encode(copy.deepcopy(each))) for each in REQUESTS)
    except PLUGIN_CRASHES:
        return False


def request_is_read(adapter: Adapter) -> Iterator[str]:
    """The sample of a format that the gateway knows reads as a Converse request."""
    read = find_wire(adapter).read_request
    if read is not None:
        for fault in find_faults(Body(), read(copy.deepcopy(dict(adapter.sample)))):
            yield f"the sample reads as a Converse request that does not fit: {fault.path}: {fault.message}"


def decode_gives_converse(adapter: Adapter) -> Iterator[str]:
    """What decode gives is a Converse response, and a part of one for each chunk."""
    if adapter.decode is None:
        return
    replies = [("its reply", reply) for reply in _replies(adapter)]
    for name, told in (*replies, *((f"chunk {number}", chunk) for number, chunk in enumerate(_chunks(adapter), 1))):
        given = copy.deepcopy(told)
        decoded = adapter.decode(given)
        if given != told:
            yield f"decode changes {name}, which it is given: make a new one"
        yield from (f"decode of {name}: {fault}" for fault in _faults_of_response(decoded))


def chunks_amount_to_the_reply(adapter: Adapter) -> Iterator[str]:
    """What decode gives of the chunks, one after another, is what it gives of the reply."""
    if adapter.decode is None or adapter.reply is None or not adapter.chunks:
        return
    whole = adapter.decode(copy.deepcopy(dict(adapter.reply)))
    parts = [adapter.decode(copy.deepcopy(chunk)) for chunk in _chunks(adapter)]
    said = "".join(map(_text, parts))
    # A stream may end its last line where a whole reply does not.
    if said.strip() != _text(whole).strip():
        yield f"the chunks say {said!r:.100}, and the reply says {_text(whole)!r:.100}"
    reasons = [reason for part in parts if (reason := member(part, "stopReason")) is not None]
    if reasons[-1:] != [member(whole, "stopReason")]:
        yield f"the chunks end with the stopReasons {reasons}, and the reply with {member(whole, 'stopReason')!r}"
    usage = reduce(Usage.merge, (from_members(member(part, "usage")) for part in parts), Usage())
    counted = from_members(member(whole, "usage"))
    if usage != counted and Usage() not in (usage, counted):
        yield f"the chunks tell {usage.to_dict()}, and the reply tells {counted.to_dict()}"


def answer_is_told_from_none(adapter: Adapter) -> Iterator[str]:
    """The reply is an answer, and an empty object is not."""
    wire = find_wire(adapter)
    for reply in _replies(adapter):
        if not wire.complete(copy.deepcopy(reply)):
            yield f"no answer is found in the emulator's reply: {reply!r:.200}"
    if wire.complete({}):
        yield "an empty object passes for an answer: decode must not give a message where there is none"


def only_the_last_chunk_ends(adapter: Adapter) -> Iterator[str]:
    """A stream is over at its last chunk and not before, so that one that is cut is found out."""
    wire = find_wire(adapter)
    if wire.write_chunks is None and adapter.decode is None:
        return
    if wire.write_chunks is not None:
        chunks = list(wire.write_chunks(replay(RESPONSE), adapter.model))
    else:
        chunks = _chunks(adapter)
    for number, chunk in enumerate(chunks, 1):
        if wire.finished(chunk) is not (number == len(chunks)):
            ends = "ends the stream already" if number < len(chunks) else "does not end the stream"
            yield f"chunk {number} of {len(chunks)} {ends}: the last one, and no other, has a stopReason"


def _replies(adapter: Adapter) -> list[Json]:
    """What the emulator answers, by each of the adapter's ways."""
    wire = find_wire(adapter)
    if wire.write_reply is not None:
        return [wire.write_reply(RESPONSE, adapter.model)]
    made = [] if adapter.emulate is None else [adapter.emulate(copy.deepcopy(dict(adapter.sample)), ScriptedEngine())]
    return made + ([] if adapter.reply is None else [dict(adapter.reply)])


def _chunks(adapter: Adapter) -> list[Json]:
    return [dict(chunk) for chunk in adapter.chunks or ()]


def _written(made: Any) -> str:
    return json.dumps(made, ensure_ascii=False)


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
    yield from _faults_of_usage(response.get("usage"))
    vectors = response.get("embeddings")
    if vectors is not None and not (isinstance(vectors, list) and all(_is_vector(each) for each in vectors)):
        yield f"embeddings is no list of lists of numbers: {vectors!r:.200}"


def _faults_of_usage(usage: Any) -> Iterator[str]:
    if usage is None:
        return
    known = isinstance(usage, Mapping) and usage and all(name in COUNTS for name in usage)
    if not known or not all(isinstance(count, int) and count >= 0 for count in usage.values()):
        yield f"usage is {usage!r:.200}, and not counts by Converse's names: {', '.join(COUNTS)}"


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
