"""Answers that Bedrock has never given: whatever JSON comes, a wire writes it, or says that it cannot be read."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_flask.converse import fold, replay
from bedrock_flask.errors import UpstreamProtocolError
from bedrock_flask.translation.repairs import restore_event_tool_names, restore_tool_names
from bedrock_flask.wires import WIRES

Json = dict[str, Any]
Path = tuple[str | int, ...]

WRITTEN = ["anthropic", "nova", "openai_chat", "openai_responses"]
LEFT_OUT = "bedrock_flask_left_out"
# A busy machine is no failure.
calm = settings(deadline=None, max_examples=400)

IMAGE = {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}
CITED = {
    "citationsContent": {
        "content": [{"text": "said"}],
        "citations": [
            {"title": "T", "sourceContent": [{"text": "s"}], "location": {"web": {"url": "https://example.com"}}},
            {"title": "D", "location": {"documentPage": {"documentIndex": 0, "start": 1, "end": 2}}},
        ],
    }
}
RESPONSE: Json = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}},
                {"reasoningContent": {"redactedContent": "cmVk"}},
                {"text": "Well"},
                CITED,
                {"toolUse": {"toolUseId": "t", "name": "look", "input": {"q": [1]}}},
                {"toolUse": {"toolUseId": "s", "name": "web", "input": {}, "type": "server_tool_use"}},
                {"toolResult": {"toolUseId": "s", "content": [{"text": "r"}], "type": "web_tool_result"}},
                IMAGE,
            ],
        }
    },
    "stopReason": "tool_use",
    "additionalModelResponseFields": {"stop_sequence": "X"},
    "usage": {
        "inputTokens": 3,
        "outputTokens": 2,
        "totalTokens": 5,
        "cacheReadInputTokens": 1,
        "cacheWriteInputTokens": 1,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 1}],
    },
    "metrics": {"latencyMs": 5},
    "serviceTier": {"type": "flex"},
}
EVENTS: list[Json] = list(replay(RESPONSE))

strange = st.sampled_from(
    [None, True, 0, -1, 1.5, "", "x", [], [None], ["x"], {}, {"x": 1}, {"text": "x"}, {"type": 1}]
)
changes = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True), st.sampled_from(["drop", "rename", "change", "add", "again"]), strange
    ),
    min_size=1,
    max_size=4,
)


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from paths(value[key], (*path, key))


def mutated(value: Any, changes: list[tuple[float, str, Any]]) -> Any:
    """The value with some changes, each at some place below it."""
    value = copy.deepcopy(value)
    for share, how, new in changes:
        places = [path for path in paths(value) if path]
        if not places:
            break
        *before, last = places[int(share * len(places))]
        holder = value
        for key in before:
            holder = holder[key]
        change(holder, last, how, copy.deepcopy(new))
    return value


def change(holder: Any, key: Any, how: str, new: Any) -> None:
    match how:
        case "drop":
            del holder[key]
        case "rename" if isinstance(holder, dict):
            holder["renamed"] = holder.pop(key)
        case "add" if isinstance(holder[key], dict):
            holder[key]["added"] = new
        case "again" if isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        case _:
            holder[key] = new


@pytest.mark.parametrize("name", WRITTEN)
@calm
@given(changes)
def test_a_whole_answer_is_written_or_garbled(name: str, changes: list[tuple[float, str, Any]]) -> None:
    write = WIRES[name].write_reply
    assert write is not None
    try:
        written = write(restore_tool_names(mutated(RESPONSE, changes), {"look": "Look!"}), "m")
    except UpstreamProtocolError:
        return
    assert json.loads(json.dumps(written)) == written


@pytest.mark.parametrize("name", WRITTEN)
@calm
@given(changes)
def test_a_stream_is_written_or_garbled(name: str, changes: list[tuple[float, str, Any]]) -> None:
    write = WIRES[name].write_chunks
    events = [event for event in mutated(EVENTS, changes) if isinstance(event, dict)]
    try:
        written = list(write((restore_event_tool_names(event, {"look": "Look!"}) for event in events), "m"))
    except UpstreamProtocolError:
        return
    assert json.loads(json.dumps(written)) == written


@calm
@given(changes)
def test_a_stream_is_folded_and_an_answer_replayed_or_garbled(changes: list[tuple[float, str, Any]]) -> None:
    for attempt in (
        lambda: fold(event for event in mutated(EVENTS, changes) if isinstance(event, dict)),
        lambda: list(replay(mutated(RESPONSE, changes))),
    ):
        try:
            attempt()
        except UpstreamProtocolError:
            continue


def whole(name: str, *content: Json, **members: Any) -> Json:
    write = WIRES[name].write_reply
    assert write is not None
    message = {"role": "assistant", "content": list(content)}
    return write({"output": {"message": message}, "stopReason": "end_turn", "usage": {}, **members}, "m")


def streamed(name: str, *events: Json) -> list[Json]:
    write = WIRES[name].write_chunks
    ends = [{"messageStop": {"stopReason": "end_turn"}}, {"metadata": {"usage": {}}}]
    return list(write([{"messageStart": {"role": "assistant"}}, *events, *ends], "m"))


def block(start: Json | None, *deltas: Json) -> list[Json]:
    started = [] if start is None else [{"contentBlockStart": {"start": start, "contentBlockIndex": 0}}]
    each = ({"contentBlockDelta": {"delta": delta, "contentBlockIndex": 0}} for delta in deltas)
    return [*started, *each, {"contentBlockStop": {"contentBlockIndex": 0}}]


# What a stream's last word about the answer is, and what it says in texts.
LAST = {
    "anthropic": lambda chunks: next(chunk for chunk in chunks if chunk["type"] == "message_delta"),
    "openai_chat": lambda chunks: next(c for c in chunks if c["choices"] and c["choices"][0]["finish_reason"]),
    "openai_responses": lambda chunks: chunks[-1]["response"],
}
TEXTS = {
    "anthropic": lambda chunks: [c["delta"]["text"] for c in chunks if c["type"] == "content_block_delta"],
    "openai_chat": lambda chunks: [
        d for c in chunks if c["choices"] and (d := c["choices"][0]["delta"].get("content"))
    ],
    "openai_responses": lambda chunks: [c["delta"] for c in chunks if c["type"] == "response.output_text.delta"],
}
three = pytest.mark.parametrize("name", sorted(LAST))


@three
def test_a_block_that_a_format_has_no_words_for_is_named(name: str) -> None:
    assert whole(name, {"text": "x"}, IMAGE, {"brandNew": {"a": 1}}, IMAGE)[LEFT_OUT] == ["image", "brandNew"]
    assert LEFT_OUT not in whole(name, {"text": "x", "detail": 1}, {})
    image = block({"image": {"format": "png"}}, {"image": {"source": {"bytes": "aQ=="}}})
    assert LAST[name](streamed(name, *image, *block(None, {"brandNew": {}})))[LEFT_OUT] == ["image", "brandNew"]
    assert LEFT_OUT not in LAST[name](streamed(name, *block(None, {"text": "x"})))


@pytest.mark.parametrize("name", ["openai_chat", "openai_responses"])
def test_a_call_that_bedrock_has_run_itself_is_named_where_the_format_has_none(name: str) -> None:
    use = {"toolUseId": "s", "name": "web", "type": "server_tool_use"}
    assert whole(name, {"toolUse": {**use, "input": {}}})[LEFT_OUT] == ["toolUse"]
    assert LAST[name](streamed(name, *block({"toolUse": use}, {"toolUse": {"input": "{}"}})))[LEFT_OUT] == ["toolUse"]


@three
def test_what_is_new_beside_what_is_known_does_no_harm(name: str) -> None:
    deltas = block({}, {}, {"p": "abc", "text": "H", "index": 3}, {"text": "i"}, {"text": None})
    chunks = streamed(name, *({**event, "p": {"padding": "abc"}} for event in deltas))
    assert TEXTS[name](chunks) == ["H", "i"]
    assert LEFT_OUT not in LAST[name](chunks)


def test_two_parts_of_reasoning_in_one_delta_are_both_told() -> None:
    delta = {"reasoningContent": {"text": "Hm.", "signature": "S", "new": [1]}}
    chunks = streamed("anthropic", *block(None, delta))
    assert [c["delta"] for c in chunks if c["type"] == "content_block_delta"] == [
        {"type": "thinking_delta", "thinking": "Hm."},
        {"type": "signature_delta", "signature": "S"},
    ]
    items = streamed("openai_responses", *block(None, delta))[-1]["response"]["output"]
    assert [part["text"] for part in items[0]["summary"]] == ["Hm."]
    assert fold(block(None, delta))["output"]["message"]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "S"}}}
    ]


def test_folding_takes_what_is_known_and_keeps_what_is_new_alone() -> None:
    start = {"toolUse": {"toolUseId": "t", "name": "n"}, "new": 1}
    events = [{**event, "p": 1} for event in block(start, {"toolUse": {"input": "{}"}, "index": 1}, {})]
    assert fold(events)["output"]["message"]["content"] == [{"toolUse": {"toolUseId": "t", "name": "n", "input": {}}}]
    assert fold(block({}, {}))["output"]["message"]["content"] == []
    assert list(replay({"output": {"message": {"content": [{}]}}}))[1:2] == [
        {"contentBlockStop": {"contentBlockIndex": 0}}
    ]


@pytest.mark.parametrize("name", WRITTEN)
def test_a_count_that_is_null_is_none(name: str) -> None:
    wire = WIRES[name]
    counts = {"inputTokens": None, "outputTokens": 2, "cacheReadInputTokens": None}
    assert wire.read_usage(whole(name, {"text": "x"}, usage=counts)).counts()[:2] == (0, 2)
    chunks = list(wire.write_chunks([{"messageStop": {"stopReason": None}}, {"metadata": {"usage": counts}}], "m"))
    assert max(wire.read_usage(chunk).output or 0 for chunk in chunks) == 2
    whole(name, {"text": "x"}, usage=None, stopReason=None)


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_beyond_reading_is_garbled_and_says_so(name: str) -> None:
    wire = WIRES[name]
    assert wire.write_reply is not None
    with pytest.raises(UpstreamProtocolError, match="Bedrock's response cannot be read: 'output' is missing"):
        wire.write_reply({"stopReason": "end_turn"}, "m")
    with pytest.raises(UpstreamProtocolError, match="a value has an unexpected type"):
        streamed(name, {"contentBlockStart": None})
