"""The laws of a format of a plugin's own: what encode and decode return, and when an answer is complete."""

import copy
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

from bedrock_flask.adapter import PLUGIN_CRASHES, Adapter
from bedrock_flask.bedrock.stop_reasons import STOP_REASONS
from bedrock_flask.bedrock.usage import Usage, from_members
from bedrock_flask.bodies.converse_body import Body
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, Response, member, replay, text_of_answer
from bedrock_flask.emulator.engines.scripted import ScriptedEngine
from bedrock_flask.emulator.formats.answer_parts import split_answer
from bedrock_flask.fields import find_faults
from bedrock_flask.models.loading import describe_error
from bedrock_flask.wires import find_wire, find_written_wire

COUNTS = ("inputTokens", "outputTokens", "totalTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
_INDEX = re.compile(r"\[\d+\]")
QUESTION = "Why is the sea blue?"
# The requests that every `encode` gets: one question, and one after an exchange.
REQUESTS: tuple[Json, ...] = (
    {"messages": [{"role": "user", "content": [{"text": QUESTION}]}]},
    {
        "messages": [
            {"role": "user", "content": [{"text": "Hello."}]},
            {"role": "assistant", "content": [{"text": "Hello, what would you like to know?"}]},
            {"role": "user", "content": [{"text": QUESTION}]},
        ],
        "inferenceConfig": {"maxTokens": 64, "temperature": 0.5},
    },
)
# The requests that every `encode` of a model that ranks texts gets: the query, and then each document.
_DOCUMENTS = ("The sea is blue because water absorbs red light.", "Rain is likely.")
RANKING_REQUESTS: tuple[Json, ...] = (
    {"messages": [{"role": "user", "content": [{"text": text}]} for text in (QUESTION, *_DOCUMENTS)]},
)
_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="
_WEATHER = {
    "name": "weather",
    "description": "Tells the weather of a city.",
    "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}},
}


def _ask_about(kind: str, format: str, **more: Any) -> Json:
    block = {kind: {"format": format, **more, "source": {"bytes": _PIXEL}}}
    return {"messages": [{"role": "user", "content": [block, {"text": QUESTION}]}]}


def _continue(answer: Json, *blocks: Json, **more: Any) -> Json:
    question = {"role": "user", "content": [{"text": "Hello."}]}
    turns = [question, {"role": "assistant", "content": [answer]}, {"role": "user", "content": [*blocks]}]
    return {"messages": turns, **more}


_IMAGE_ALONE = {"messages": [{"role": "user", "content": [_ask_about("image", "png")["messages"][0]["content"][0]]}]}
# A request for each capability, as in AWS's HTTP API (media are base64), and the texts that the body must contain.
CAPABILITY_REQUESTS: Mapping[str, tuple[Json, tuple[str, ...]]] = {
    "system": ({**REQUESTS[0], "system": [{"text": "Be terse."}]}, ("Be terse.",)),
    "images": (_ask_about("image", "png"), (_PIXEL,)),
    "documents": (_ask_about("document", "pdf", name="report"), (_PIXEL,)),
    "video": (_ask_about("video", "mp4"), (_PIXEL,)),
    "audio": (_ask_about("audio", "mp3"), (_PIXEL,)),
    "tools": (
        _continue(
            {"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Zurich"}}},
            {"toolResult": {"toolUseId": "tooluse_1", "content": [{"text": "Sunny."}]}},
            toolConfig={"tools": [{"toolSpec": _WEATHER}]},
        ),
        ("weather", "Zurich", "Sunny."),
    ),
    "cache": (
        {"messages": [{"role": "user", "content": [{"text": QUESTION}, {"cachePoint": {"type": "default"}}]}]},
        (),
    ),
    "reasoning": (
        _continue(
            {"reasoningContent": {"reasoningText": {"text": "A greeting.", "signature": "c2ln"}}}, {"text": QUESTION}
        ),
        (QUESTION,),
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


# An answer that every format can express.
TEXT: Response = {
    "output": {"message": {"role": "assistant", "content": [{"text": "A question of light."}]}},
    "stopReason": "max_tokens",
    "usage": {"inputTokens": 14, "outputTokens": 5, "totalTokens": 19},
}


def list_requests(adapter: Adapter) -> tuple[Json, ...]:
    """The requests that `encode` of this adapter gets."""
    ranks = any(each.output == "ranking" for each in adapter.models.values())
    return RANKING_REQUESTS if ranks else REQUESTS


def encode_makes_a_body(adapter: Adapter) -> Iterator[str]:
    """The result of encode fits the body's schema and contains the user's text."""
    if adapter.encode is None:
        return
    if any(each.output == "image" for each in adapter.models.values()):
        yield from _find_image_faults(adapter, adapter.encode)
        return
    reported: set[tuple[str, str]] = set()
    for request in list_requests(adapter):
        given = copy.deepcopy(request)
        body = adapter.encode(given)
        if given != request:
            yield "encode changes the request that it gets: build a new one"
        for fault in adapter.find_faults(body):
            # A fault of every turn is reported for the first.
            if (kind := (_INDEX.sub("[]", fault.path), fault.message)) not in reported:
                reported.add(kind)
                yield f"encode makes a body that does not fit: {fault.path or 'the body'}: {fault.message}"
        if QUESTION not in _dump(body):
            yield f"encode makes a body without the user's text: {body!r:.200}"


def _find_image_faults(adapter: Adapter, encode: Callable[[Request], Json]) -> Iterator[str]:
    """An image model needs a text, an image, or both, and may need members of its own, which are the sample's."""
    own = {
        name: adapter.sample[name]
        for name, place in adapter.extras.items()
        if name in adapter.sample and place == f"additionalModelRequestFields.{name}"
    }
    image = {"image": {"format": "png", "source": {"bytes": _PIXEL}}}
    found: list[list[str]] = []
    for text, images in itertools.product((True, False), range(3)):
        content = [{"text": QUESTION}] * text + [image] * images
        request = {"messages": [{"role": "user", "content": content}], "additionalModelRequestFields": own}
        given = copy.deepcopy(request)
        body = encode(given)
        lines = [
            f"encode makes a body that does not fit: {each.path}: {each.message}" for each in adapter.find_faults(body)
        ]
        lost = [each for each in (QUESTION * text, _PIXEL * bool(images)) if each not in _dump(body)]
        lines += [f"encode makes a body without what the request has: {each!r:.40}" for each in lost]
        lines += ["encode changes the request that it gets: build a new one"] if given != request else []
        found.append(lines)
    yield from min(found, key=len)


def encode_takes_what_the_model_can(adapter: Adapter) -> Iterator[str]:
    """For each declared capability, encode accepts a request with it, and its content is in the body."""
    # A fault of every request is reported once, by the law above.
    if adapter.encode is None or not _is_encoded(adapter, adapter.encode):
        return
    for capability, (request, needed) in _list_capability_requests(adapter).items():
        if not any(getattr(each, capability) for each in list_encoded(adapter)):
            continue
        try:
            body = adapter.encode(copy.deepcopy(request))
        except PLUGIN_CRASHES as error:
            yield f"encode fails at what {capability}=True announces: {describe_error(adapter, error)}"
            continue
        for fault in adapter.find_faults(body):
            path = fault.path or "the body"
            yield f"encode makes a body that does not fit for what {capability}=True announces: {path}: {fault.message}"
        missing = [each for each in needed if each not in _dump(body)]
        if missing:
            yield f"encode makes a body without what {capability}=True announces: {missing[0]!r:.40} is not in it"


def list_encoded(adapter: Adapter) -> Sequence[Capabilities]:
    """What the models can do that `encode` serves: if Converse serves the family, those that were imported."""
    if adapter.imported is not None and "converse" in adapter.speaks:
        return (adapter.imported,)
    return (*adapter.models.values(),)


def _list_capability_requests(adapter: Adapter) -> Mapping[str, tuple[Json, tuple[str, ...]]]:
    """The requests for capabilities; a model whose inputs are a text or an image gets the image alone."""
    if all(each.output == "embedding" and each.mixed_inputs == "never" for each in adapter.models.values()):
        return {**CAPABILITY_REQUESTS, "images": (_IMAGE_ALONE, (_PIXEL,))}
    return CAPABILITY_REQUESTS


def _is_encoded(adapter: Adapter, encode: Callable[[Request], Json]) -> bool:
    try:
        return not any(adapter.find_faults(encode(copy.deepcopy(each))) for each in list_requests(adapter))
    except PLUGIN_CRASHES:
        return False


def batch_is_whole(adapter: Adapter) -> Iterator[str]:
    """An embedding model that takes several texts in a call returns a vector for each of them."""
    batch = max((each.batch for each in adapter.models.values() if each.output == "embedding"), default=1)
    if batch == 1 or adapter.encode is None or adapter.decode is None or adapter.emulate is None:
        return
    texts = [f"{QUESTION} ({number})" for number in range(1, min(batch, 3) + 1)]
    request = {"messages": [{"role": "user", "content": [{"text": text}]} for text in texts]}
    vectors = adapter.decode(adapter.emulate(adapter.encode(request), ScriptedEngine())).get("embeddings")
    if not isinstance(vectors, list) or len(vectors) != len(texts):
        count = len(vectors) if isinstance(vectors, list) else 0
        yield f"{len(texts)} texts get {count} vectors: encode must keep the texts apart, a message for each"


def request_is_read(adapter: Adapter) -> Iterator[str]:
    """The sample of a format that the gateway knows is read as a valid Converse request."""
    read = find_wire(adapter).read_request
    if read is not None:
        for fault in find_faults(Body(), read(copy.deepcopy(dict(adapter.sample)))):
            yield f"the sample is read as a Converse request that does not fit: {fault.path}: {fault.message}"


def decode_gives_converse(adapter: Adapter) -> Iterator[str]:
    """The result of decode is a Converse response, or a part of one for a chunk."""
    if adapter.decode is None:
        return
    replies = [("its reply", reply) for reply in _list_replies(adapter)]
    for name, reply in (
        *replies,
        *((f"chunk {number}", chunk) for number, chunk in enumerate(_list_chunks(adapter), 1)),
    ):
        given = copy.deepcopy(reply)
        decoded = adapter.decode(given)
        if given != reply:
            yield f"decode changes {name}, which it gets: build a new one"
        yield from (f"decode of {name}: {fault}" for fault in _find_response_faults(decoded))


def chunks_equal_the_reply(adapter: Adapter) -> Iterator[str]:
    """The decoded chunks, one after another, equal the decoded reply."""
    if adapter.decode is None or adapter.reply is None or not adapter.chunks:
        return
    whole = adapter.decode(copy.deepcopy(dict(adapter.reply)))
    parts = [adapter.decode(copy.deepcopy(chunk)) for chunk in _list_chunks(adapter)]
    text = "".join(map(_join_text, parts))
    # A stream may end with a line break that a whole reply lacks.
    if text.strip() != _join_text(whole).strip():
        yield f"the chunks say {text!r:.100}, but the reply says {_join_text(whole)!r:.100}"
    reasons = [reason for part in parts if (reason := member(part, "stopReason")) is not None]
    if reasons[-1:] != [member(whole, "stopReason")]:
        yield f"the chunks end with the stopReasons {reasons}, but the reply with {member(whole, 'stopReason')!r}"
    usage = reduce(Usage.merge, (from_members(member(part, "usage")) for part in parts), Usage())
    counted = from_members(member(whole, "usage"))
    if usage != counted and Usage() not in (usage, counted):
        yield f"the chunks have the usage {usage.to_dict()}, but the reply has {counted.to_dict()}"


def written_answers_are_read(adapter: Adapter) -> Iterator[str]:
    """What write_reply and write_chunks make of an answer, decode reads as the same answer."""
    if adapter.decode is None or adapter.write_reply is None or adapter.write_chunks is None:
        return
    reply = adapter.decode(adapter.write_reply(copy.deepcopy(TEXT)))
    parts = [adapter.decode(chunk) for chunk in adapter.write_chunks(split_answer(replay(TEXT), lambda: 14))]
    for name, found in (("write_reply", [reply]), ("write_chunks", parts)):
        text = "".join(map(text_of_answer, found))
        if text_of_answer(TEXT) not in text:
            yield f"{name} writes {text_of_answer(TEXT)!r}, and decode reads {text!r:.100}"
        if member(found[-1], "stopReason") != TEXT["stopReason"]:
            yield f"{name} ends with {TEXT['stopReason']!r}, and decode reads {member(found[-1], 'stopReason')!r}"


def answer_is_recognised(adapter: Adapter) -> Iterator[str]:
    """The reply is recognised as an answer, and an empty object is not."""
    wire = find_wire(adapter)
    for reply in _list_replies(adapter):
        if not wire.is_complete(copy.deepcopy(reply)):
            yield f"no answer is found in the emulator's reply: {reply!r:.200}"
    if wire.is_complete({}):
        yield "an empty object passes for an answer: decode must not return a message for it"


def only_the_last_chunk_ends(adapter: Adapter) -> Iterator[str]:
    """A stream ends with its last chunk and not before, so that a truncated one is detected."""
    wire = find_written_wire(adapter)
    if wire.open_writer is None and adapter.decode is None:
        return
    if wire.open_writer is not None:
        chunks = list(wire.write_chunks(replay(RESPONSE), adapter.model))
    else:
        chunks = _list_chunks(adapter)
    for number, chunk in enumerate(chunks, 1):
        if wire.is_terminal(chunk) is not (number == len(chunks)):
            ends = "ends the stream already" if number < len(chunks) else "does not end the stream"
            yield f"chunk {number} of {len(chunks)} {ends}: only the last one has a stopReason"


def _list_replies(adapter: Adapter) -> list[Json]:
    """List the emulator's replies, from each of the adapter's functions that makes one."""
    wire = find_written_wire(adapter)
    if wire.write_reply is not None:
        return [wire.write_reply(RESPONSE, adapter.model)]
    replies = (
        [] if adapter.emulate is None else [adapter.emulate(copy.deepcopy(dict(adapter.sample)), ScriptedEngine())]
    )
    replies += [] if adapter.write_reply is None else [adapter.write_reply(TEXT)]
    return replies + ([] if adapter.reply is None else [dict(adapter.reply)])


def _list_chunks(adapter: Adapter) -> list[Json]:
    return [dict(chunk) for chunk in adapter.chunks or ()]


def _dump(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False)


def _find_response_faults(response: Any) -> Iterator[str]:
    if not isinstance(response, dict):
        yield f"it is not a dict: {response!r:.200}"
        return
    message, content = member(response, "output", "message"), member(response, "output", "message", "content")
    if message is not None and not _is_content(content):
        yield f"output.message.content is not a list of blocks with one member each: {content!r:.200}"
    role = member(message, "role")
    if role not in (None, "assistant"):
        yield f"output.message.role is {role!r}, not 'assistant'"
    reason = response.get("stopReason")
    if reason is not None and reason not in STOP_REASONS:
        yield f"the stopReason {reason!r} is not one of Converse's: {', '.join(sorted(STOP_REASONS))}"
    yield from _find_usage_faults(response.get("usage"))
    vectors = response.get("embeddings")
    if vectors is not None and not (isinstance(vectors, list) and all(_is_vector(each) for each in vectors)):
        yield f"embeddings is not a list of lists of numbers: {vectors!r:.200}"
    ranking = response.get("ranking")
    if ranking is not None and not (isinstance(ranking, list) and all(map(_is_ranked, ranking))):
        yield f"ranking is not a list of objects with an index and a score: {ranking!r:.200}"


def _find_usage_faults(usage: Any) -> Iterator[str]:
    if usage is None:
        return
    known = isinstance(usage, Mapping) and usage and all(name in COUNTS for name in usage)
    if not known or not all(isinstance(count, int) and count >= 0 for count in usage.values()):
        yield f"usage is {usage!r:.200}, but must have counts by Converse's names: {', '.join(COUNTS)}"


def _is_content(content: Any) -> bool:
    return isinstance(content, list) and all(
        isinstance(block, Mapping) and len(block) == 1 and isinstance(block.get("text", ""), str) for block in content
    )


def _is_ranked(each: Any) -> bool:
    return isinstance(each, Mapping) and isinstance(each.get("index"), int) and _is_vector([each.get("score")])


def _is_vector(vector: Any) -> bool:
    return isinstance(vector, list) and all(
        isinstance(number, int | float) and not isinstance(number, bool) for number in vector
    )


def _join_text(response: Any) -> str:
    return "".join(block.get("text", "") for block in member(response, "output", "message", "content") or ())
