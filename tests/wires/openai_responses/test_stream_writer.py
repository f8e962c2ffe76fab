"""The Responses wire, streams: what each event contains, and that together they say what the reply says."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bedrock_flask.converse import fold, replay
from bedrock_flask.wires.openai_responses import WIRE, is_terminal, open_writer, write_chunks, write_reply

Json = dict[str, Any]
START: Json = {"messageStart": {"role": "assistant"}}
METADATA: Json = {"metadata": {"usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}}}


def delta(index: int, **document: Any) -> Json:
    return {"contentBlockDelta": {"delta": document, "contentBlockIndex": index}}


def opened(index: int, name: str, number: str, **members: Any) -> Json:
    use = {"toolUseId": number, "name": name, **members}
    return {"contentBlockStart": {"start": {"toolUse": use}, "contentBlockIndex": index}}


def stopped(index: int) -> Json:
    return {"contentBlockStop": {"contentBlockIndex": index}}


def stop(reason: str = "end_turn") -> Json:
    return {"messageStop": {"stopReason": reason}}


def answer(*content: Json, **members: Any) -> Json:
    return {"output": {"message": {"role": "assistant", "content": list(content)}}, "stopReason": "end_turn", **members}


def stream(*events: Json, **options: Any) -> list[Json]:
    """The events without numbers and ids, after the two that every stream begins with."""
    chunks = list(write_chunks([START, *events], "m", **options))
    assert [chunk.pop("sequence_number") for chunk in chunks] == list(range(len(chunks)))
    assert [chunk["type"] for chunk in chunks[:2]] == ["response.created", "response.in_progress"]
    assert chunks[0]["response"]["status"] == "in_progress"
    known = {chunk["item"]["id"]: chunk["output_index"] for chunk in chunks if "item" in chunk}
    for chunk in chunks:
        if "item_id" in chunk:
            assert known[chunk.pop("item_id")] == chunk["output_index"]
        if "item" in chunk:
            chunk["item"] = {name: value for name, value in chunk["item"].items() if name != "id"}
    return chunks[2:]


def kinds(chunks: list[Json]) -> list[str]:
    return [chunk["type"].removeprefix("response.") for chunk in chunks]


def text(words: str) -> Json:
    return {"type": "output_text", "text": words, "annotations": [], "logprobs": []}


def test_a_text_stream_has_the_documented_events() -> None:
    chunks = stream(delta(0, text="He"), delta(0, text="llo"), stopped(0), stop(), METADATA)
    message: Json = {"type": "message", "role": "assistant", "content": []}
    place = {"output_index": 0, "content_index": 0}
    assert chunks[:-1] == [
        {"type": "response.output_item.added", "output_index": 0, "item": {**message, "status": "in_progress"}},
        {"type": "response.content_part.added", **place, "part": text("")},
        {"type": "response.output_text.delta", **place, "delta": "He", "logprobs": []},
        {"type": "response.output_text.delta", **place, "delta": "llo", "logprobs": []},
        {"type": "response.output_text.done", **place, "text": "Hello", "logprobs": []},
        {"type": "response.content_part.done", **place, "part": text("Hello")},
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "item": {**message, "content": [text("Hello")], "status": "completed"},
        },
    ]
    last = chunks[-1]
    assert last["type"] == "response.completed"
    assert last["response"]["usage"]["total_tokens"] == 5
    assert last["response"]["output"][0]["content"] == [text("Hello")]


def test_parallel_calls_stream_their_arguments_as_they_come() -> None:
    chunks = stream(
        opened(1, "add", "a"),
        delta(1, toolUse={"input": '{"x":'}),
        delta(1, toolUse={"input": " 1}"}),
        stopped(1),
        opened(2, "now", "b"),
        stopped(2),
        stop("tool_use"),
        METADATA,
    )
    one = {"type": "function_call", "call_id": "a", "name": "add"}
    two = {"type": "function_call", "call_id": "b", "name": "now"}
    added, done = {"arguments": "", "status": "in_progress"}, {"status": "completed"}
    assert chunks[:-1] == [
        {"type": "response.output_item.added", "output_index": 0, "item": {**one, **added}},
        {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": '{"x":'},
        {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": " 1}"},
        {"type": "response.function_call_arguments.done", "output_index": 0, "arguments": '{"x": 1}'},
        {"type": "response.output_item.done", "output_index": 0, "item": {**one, "arguments": '{"x": 1}', **done}},
        {"type": "response.output_item.added", "output_index": 1, "item": {**two, **added}},
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": "{}"},
        {"type": "response.function_call_arguments.done", "output_index": 1, "arguments": "{}"},
        {"type": "response.output_item.done", "output_index": 1, "item": {**two, "arguments": "{}", **done}},
    ]


def test_calls_that_come_at_the_same_time_keep_apart() -> None:
    chunks = stream(
        opened(0, "add", "a"),
        opened(1, "sub", "b"),
        delta(1, toolUse={"input": '{"y": 2}'}),
        delta(0, toolUse={"input": '{"x": 1}'}),
        stopped(1),
        stopped(0),
        stop("tool_use"),
        METADATA,
    )
    assert [item["arguments"] for item in chunks[-1]["response"]["output"]] == ['{"x": 1}', '{"y": 2}']
    assert kinds(chunks)[-3:] == ["output_item.done", "output_item.done", "completed"]


def test_the_input_of_a_custom_tool_streams_as_the_text_it_is() -> None:
    pieces = ['{"in', 'put": "a', "\\n\\ud83d", "\\ude00", '"}']
    chunks = stream(
        opened(0, "patch", "a"),
        *(delta(0, toolUse={"input": piece}) for piece in pieces),
        stopped(0),
        stop("tool_use"),
        METADATA,
        custom=frozenset({"patch"}),
    )
    item = {"type": "custom_tool_call", "call_id": "a", "name": "patch"}
    assert chunks[:-1] == [
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**item, "input": "", "status": "in_progress"},
        },
        {"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": "a"},
        {"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": "\n"},
        {"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": "😀"},
        {"type": "response.custom_tool_call_input.done", "output_index": 0, "input": "a\n😀"},
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "item": {**item, "input": "a\n😀", "status": "completed"},
        },
    ]


@pytest.mark.parametrize(("raw", "document"), [('{"patch": "x"}', '{"patch": "x"}'), ("", "{}"), ("[1", "[1")])
def test_a_custom_tool_that_is_not_given_its_input_is_given_all(raw: str, document: str) -> None:
    chunks = stream(opened(0, "patch", "a"), delta(0, toolUse={"input": raw}), stopped(0), custom=frozenset({"patch"}))
    assert [chunk["delta"] for chunk in chunks if chunk["type"].endswith(".delta")] == [document]


def test_a_call_names_the_namespace_of_its_tool_at_once() -> None:
    [added] = stream(opened(0, "crm__find", "a"), namespaced={"crm__find": ("crm", "find")})
    assert (added["item"]["namespace"], added["item"]["name"]) == ("crm", "find")


def test_reasoning_streams_as_a_summary() -> None:
    chunks = stream(
        delta(0, reasoningContent={"text": "Hm"}),
        delta(0, reasoningContent={"text": "."}),
        delta(0, reasoningContent={"signature": "S"}),
        stopped(0),
        delta(1, text="4"),
    )
    place = {"output_index": 0, "summary_index": 0}
    assert chunks[:7] == [
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {"type": "reasoning", "summary": [], "status": "in_progress"},
        },
        {
            "type": "response.reasoning_summary_part.added",
            **place,
            "part": {"type": "summary_text", "text": ""},
        },
        {"type": "response.reasoning_summary_text.delta", **place, "delta": "Hm"},
        {"type": "response.reasoning_summary_text.delta", **place, "delta": "."},
        {"type": "response.reasoning_summary_text.done", **place, "text": "Hm."},
        {"type": "response.reasoning_summary_part.done", **place, "part": {"type": "summary_text", "text": "Hm."}},
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "item": {
                "type": "reasoning",
                "summary": [{"type": "summary_text", "text": "Hm."}],
                "encrypted_content": chunks[6]["item"]["encrypted_content"],
                "status": "completed",
            },
        },
    ]
    assert chunks[7]["output_index"] == 1


@pytest.mark.parametrize("document", [{"signature": "S"}, {"redactedContent": "QUJD"}])
def test_reasoning_without_words_is_told_all_the_same(document: Json) -> None:
    chunks = stream(delta(0, reasoningContent=document), stopped(0), stop())
    assert kinds(chunks) == ["output_item.added", "output_item.done"]
    block = (
        {"redactedContent": "QUJD"} if "redactedContent" in document else {"reasoningText": {"text": "", **document}}
    )
    [item] = write_reply(answer({"reasoningContent": block}), "m")["output"]
    assert chunks[1]["item"]["encrypted_content"] == item["encrypted_content"]


def test_texts_in_a_row_are_parts_of_one_message() -> None:
    chunks = stream(delta(0, text="a"), stopped(0), delta(1, text="b"), stopped(1), opened(2, "add", "t"))
    assert kinds(chunks) == [
        "output_item.added",
        *("content_part.added", "output_text.delta", "output_text.done", "content_part.done"),
        *("content_part.added", "output_text.delta", "output_text.done", "content_part.done"),
        "output_item.done",
        "output_item.added",
    ]
    assert [chunk["content_index"] for chunk in chunks if "content_index" in chunk] == [0] * 4 + [1] * 4
    assert chunks[9]["item"]["content"] == [text("a"), text("b")]


@pytest.mark.parametrize(
    ("reason", "status"), [("max_tokens", "incomplete"), ("content_filtered", "incomplete"), ("sleepy", "failed")]
)
def test_an_item_that_is_cut_never_passes_for_a_whole_one(reason: str, status: str) -> None:
    chunks = stream(delta(0, text="a"), stopped(0), opened(1, "add", "t"), stopped(1), stop(reason), METADATA)
    items = [chunk["item"]["status"] for chunk in chunks if chunk["type"] == "response.output_item.done"]
    assert items == ["completed", "incomplete"]
    assert chunks[-1]["type"] == f"response.{status}"
    assert [item["status"] for item in chunks[-1]["response"]["output"]] == items


def test_a_block_whose_end_is_not_told_ends_with_the_answer() -> None:
    chunks = stream(delta(0, text="a"), stop())
    assert kinds(chunks)[-3:] == ["output_text.done", "content_part.done", "output_item.done"]


def test_a_stream_that_just_ends_says_no_more() -> None:
    assert kinds(stream(delta(0, text="a"), stopped(0))) == [
        *("output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done")
    ]
    assert not any(map(is_terminal, stream(delta(0, text="a"), stopped(0), stop())))


def test_what_the_format_has_not_is_left_out_of_a_stream() -> None:
    image = {"contentBlockStart": {"start": {"image": {"format": "png"}}, "contentBlockIndex": 2}}
    assert (
        stream(
            {"new": {"x": 1}},
            delta(0, text=""),
            stopped(0),
            opened(1, "nova_grounding", "a", type="server_tool_use"),
            delta(1, toolUse={"input": "{}"}),
            stopped(1),
            image,
            delta(2, image={"source": {"bytes": "AAAA"}}),
            stopped(2),
            delta(3, citation={"title": "T"}),
            stopped(3),
        )
        == []
    )
    chunks = stream(delta(0, citation={"title": "T"}), delta(0, text="a"), delta(0, citation={"title": "U"}))
    assert kinds(chunks) == ["output_item.added", "content_part.added", "output_text.delta"]


def test_every_event_is_written_as_soon_as_it_can_be() -> None:
    taken = 0

    def events() -> Iterator[Json]:
        nonlocal taken
        for event in (START, delta(0, text="a"), delta(0, text="b"), stopped(0), stop(), METADATA):
            taken += 1
            yield event

    after = {chunk["type"]: taken for chunk in write_chunks(events(), "m")}
    assert after["response.created"] == 1
    assert after["response.content_part.added"] == 2
    assert after["response.output_text.delta"] == 3
    assert after["response.content_part.done"] == 4
    assert after["response.output_item.done"] == 5
    assert after["response.completed"] == 6


def test_leaving_a_stream_closes_the_events() -> None:
    closed = []

    def events() -> Iterator[Json]:
        try:
            yield from replay(answer({"text": "a"}))
        finally:
            closed.append(True)

    chunks = write_chunks(events(), "m")
    next(chunks)
    chunks.close()  # type: ignore[attr-defined]
    assert closed == [True]


# --- laws -------------------------------------------------------------------------------------------------------------

values = st.dictionaries(st.text() | st.just("input"), st.integers() | st.text(), max_size=2)
names = st.sampled_from(["add", "patch", "crm__find"])
blocks = st.one_of(
    st.builds(lambda words: {"text": words}, st.text()),
    st.builds(
        lambda words: {"citationsContent": {"content": [{"text": words}], "citations": [{"title": "T"}]}}, st.text()
    ),
    st.builds(
        lambda name, given, more: {"toolUse": {"toolUseId": "t", "name": name, "input": given, **more}},
        names,
        values,
        st.sampled_from([{}, {}, {"type": "server_tool_use"}]),
    ),
    st.builds(
        lambda text, more: {"reasoningContent": {"reasoningText": {"text": text, **more}}},
        st.text(),
        st.sampled_from([{}, {"signature": "S"}]),
    ),
    st.just({"reasoningContent": {"redactedContent": "QUJD"}}),
    st.just({"image": {"format": "png", "source": {"bytes": "AAAA"}}}),
)
reasons = st.sampled_from(["end_turn", "tool_use", "max_tokens", "guardrail_intervened", "malformed_tool_use", "new"])


@st.composite
def streams(draw: st.DrawFn) -> list[Json]:
    """The events of an answer, its deltas cut anywhere."""
    usage = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5, "cacheReadInputTokens": 7}
    document = answer(*draw(st.lists(blocks, max_size=5)), stopReason=draw(reasons), usage=usage)
    return [piece for event in replay(document) for piece in draw(cuts(event))]


@st.composite
def cuts(draw: st.DrawFn, event: Json) -> list[Json]:
    document = event.get("contentBlockDelta", {"delta": {}, "contentBlockIndex": 0})
    index = document["contentBlockIndex"]
    match document["delta"]:
        case {"text": str(whole)}:
            return [delta(index, text=piece) for piece in draw(cut(whole))]
        case {"toolUse": {"input": whole}}:
            return [delta(index, toolUse={"input": piece}) for piece in draw(cut(whole))]
        case {"reasoningContent": {"text": whole}}:
            return [delta(index, reasoningContent={"text": piece}) for piece in draw(cut(whole))]
    return [event]


@st.composite
def cut(draw: st.DrawFn, whole: str) -> list[str]:
    places = sorted(draw(st.sets(st.integers(0, len(whole)), max_size=3)))
    return [whole[start:end] for start, end in zip([0, *places], [*places, len(whole)], strict=True)]


def compared(response: Json) -> Json:
    """A response without ids and times, and its arguments as the JSON they are."""
    document = {name: value for name, value in response.items() if name not in ("id", "created_at", "completed_at")}
    document["output"] = [{name: value for name, value in item.items() if name != "id"} for item in document["output"]]
    for item in document["output"]:
        for name in item.keys() & {"arguments", "input"}:
            item[name] = as_json(item[name])
    return document


def as_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


ASKED: Json = {"custom": frozenset({"patch"}), "namespaced": {"crm__find": ("crm", "find")}}


@settings(deadline=None, max_examples=100)
@given(streams())
def test_a_stream_amounts_to_the_reply(events: list[Json]) -> None:
    chunks = list(write_chunks(events, "m", **ASKED))
    assert compared(chunks[-1]["response"]) == compared(write_reply(fold(events), "m", **ASKED))
    assert [is_terminal(chunk) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    done = [chunk["item"] for chunk in chunks if chunk["type"] == "response.output_item.done"]
    assert chunks[-1]["response"]["output"] == done


@settings(deadline=None, max_examples=100)
@given(streams())
def test_the_deltas_amount_to_what_is_done(events: list[Json]) -> None:
    document: dict[tuple[Any, ...], str] = {}
    for chunk in write_chunks(events, "m", **ASKED):
        kind, _, end = chunk["type"].rpartition(".")
        place = (kind, chunk.get("item_id"), chunk.get("content_index"))
        if end == "delta":
            document[place] = document.get(place, "") + chunk["delta"]
        elif end == "done" and kind in DONE:
            assert document.pop(place, "") == chunk[DONE[kind]]
    assert document == {}


DONE = {
    "response.output_text": "text",
    "response.function_call_arguments": "arguments",
    "response.custom_tool_call_input": "input",
    "response.reasoning_summary_text": "text",
}


@settings(deadline=None, max_examples=100)
@given(streams())
def test_no_event_changes_once_it_is_written(events: list[Json]) -> None:
    chunks: list[Json] = []
    before: list[str] = []
    for chunk in write_chunks(events, "m", **ASKED):
        chunks.append(chunk)
        before.append(json.dumps(chunk))
    assert [json.dumps(chunk) for chunk in chunks] == before


def test_it_stands_in_the_wire() -> None:
    assert WIRE.open_writer is open_writer
