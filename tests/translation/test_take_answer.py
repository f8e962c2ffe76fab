"""What models do with the tool for their answer: its text is one JSON value, or the caller learns why not."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bedrock_flask.converse import fold, replay
from bedrock_flask.errors import UpstreamProtocolError
from bedrock_flask.translation import take_converse_answer as converse
from bedrock_flask.translation.answer_reader import AnswerReader
from bedrock_flask.translation.answer_tool import AnswerTool, make_answer_tool
from bedrock_flask.translation.messages import take_answer as claude

Json = dict[str, Any]
# Content in Claude's format, and a stop reason, to the same of the answer.
Taker = Callable[[list[Json], str], tuple[list[Json], str]]
PLAIN: Json = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
TOOL = make_answer_tool(PLAIN, [])
WRAPPED = make_answer_tool({"type": "array", "items": {"type": "integer"}}, [])


def call(given: Any, name: str = TOOL.name) -> Json:
    return {"type": "tool_use", "id": "t", "name": name, "input": given}


def text(words: str) -> Json:
    return {"type": "text", "text": words}


def to_converse(block: Json) -> Json:
    if block["type"] == "text":
        return {"text": block["text"]}
    return {"toolUse": {"toolUseId": block["id"], "name": block["name"], "input": block["input"]}}


def from_converse(response: Json) -> tuple[list[Json], str]:
    content = [
        text(block["text"]) if "text" in block else call(block["toolUse"]["input"], block["toolUse"]["name"])
        for block in response["output"]["message"]["content"]
    ]
    return content, response["stopReason"]


def make_response(content: list[Json], reason: str) -> Json:
    message = {"role": "assistant", "content": [*map(to_converse, content)]}
    return {"output": {"message": message}, "stopReason": reason, "usage": {"outputTokens": 3}}


def take_converse(content: list[Json], reason: str, tool: AnswerTool = TOOL) -> tuple[list[Json], str]:
    response = converse.take_answer(make_response(content, reason), tool)
    assert response["usage"] == {"outputTokens": 3}
    return from_converse(response)


def take_converse_stream(content: list[Json], reason: str, tool: AnswerTool = TOOL) -> tuple[list[Json], str]:
    events = [*split(replay(make_response(content, reason)))]
    taker = converse.make_event_taker(tool)
    taken = [each for event in events for each in taker.take(event)]
    indexes = [event["contentBlockStop"]["contentBlockIndex"] for event in taken if "contentBlockStop" in event]
    assert indexes == [*range(len(indexes))]
    return from_converse(fold(taken))


def split(events: Iterator[Json]) -> Iterator[Json]:
    """The events, with each piece of a tool's input in signs."""
    for event in events:
        delta = event.get("contentBlockDelta")
        for sign in delta["delta"]["toolUse"]["input"] if delta and "toolUse" in delta["delta"] else ():
            yield {"contentBlockDelta": {**delta, "delta": {"toolUse": {"input": sign}}}}
        if not delta or "toolUse" not in delta["delta"]:
            yield event


def take_claude(content: list[Json], reason: str, tool: AnswerTool = TOOL) -> tuple[list[Json], str]:
    reply = claude.take_answer({"content": content, "stop_reason": reason, "stop_details": None}, tool)
    assert "stop_details" in reply
    return reply["content"], reply["stop_reason"]


def take_claude_stream(content: list[Json], reason: str, tool: AnswerTool = TOOL) -> tuple[list[Json], str]:
    taker = claude.make_chunk_taker(tool)
    taken = [each for chunk in make_chunks(content, reason) for each in taker.take(chunk)]
    blocks: list[Json] = []
    stop = ""
    for chunk in taken:
        if chunk["type"] == "content_block_start":
            assert chunk["index"] == len(blocks)
            blocks.append({**chunk["content_block"], "pieces": ""})
        elif chunk["type"] == "content_block_delta":
            blocks[chunk["index"]]["pieces"] += chunk["delta"].get("text") or chunk["delta"].get("partial_json") or ""
        elif chunk["type"] == "message_delta":
            stop = chunk["delta"]["stop_reason"]
    assert taken[-1]["type"] == "message_stop"
    found = [
        text(block["pieces"]) if block["type"] == "text" else call(json.loads(block["pieces"]), block["name"])
        for block in blocks
    ]
    return found, stop


def make_chunks(content: list[Json], reason: str) -> Iterator[Json]:
    yield {"type": "message_start", "message": {"content": []}}
    for index, block in enumerate(content):
        is_text = block["type"] == "text"
        start = text("") if is_text else {**block, "input": {}}
        yield {"type": "content_block_start", "index": index, "content_block": start}
        for piece in block["text"] if is_text else json.dumps(block["input"]):
            kind = (
                {"type": "text_delta", "text": piece}
                if is_text
                else {"type": "input_json_delta", "partial_json": piece}
            )
            yield {"type": "content_block_delta", "index": index, "delta": kind}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "ping"}
    yield {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 3}}
    yield {"type": "message_stop"}


TAKERS = [take_converse, take_converse_stream, take_claude, take_claude_stream]
each_way = pytest.mark.parametrize("take", TAKERS)
JSON = '{"a": "b"}'


@each_way
def test_the_input_is_the_text_and_the_turn_has_ended(take: Taker) -> None:
    assert take([call({"a": "b"})], "tool_use") == ([text(JSON)], "end_turn")
    assert take([call({})], "tool_use") == ([text("{}")], "end_turn")


@each_way
def test_words_beside_the_answer_and_a_second_answer_are_left_out(take: Taker) -> None:
    content = [text("I look at it."), call({"a": "b"}), text("Done."), call({"a": "c"})]
    assert take(content, "tool_use") == ([text(JSON)], "end_turn")


@each_way
def test_a_call_of_the_callers_tool_stays_a_call(take: Taker) -> None:
    content = [text("I look it up."), call({"q": "x"}, "look_up")]
    assert take(content, "tool_use") == (content, "tool_use")
    both = take([call({"a": "b"}), call({"q": "x"}, "look_up")], "tool_use")
    assert both == ([text(JSON), call({"q": "x"}, "look_up")], "tool_use")


@each_way
@pytest.mark.parametrize("words", [JSON, f" {JSON}\n", f"```json\n{JSON}\n```", f"```\n{JSON}\n```\n"])
def test_json_in_words_is_the_answer_all_the_same(take: Taker, words: str) -> None:
    assert take([text(words)], "end_turn") == ([text(JSON)], "end_turn")


@each_way
def test_a_fence_with_many_line_breaks_costs_as_much_as_its_length(take: Taker) -> None:
    words = "```" + "\n" * 100_000 + "x"
    began = time.process_time()
    with pytest.raises(UpstreamProtocolError):
        take([text(words)], "end_turn")
    # A hundred times what it costs; to look for the end from each line break would cost a thousand times more.
    assert time.process_time() - began < 2


@each_way
@pytest.mark.parametrize(
    "content", [[text("I would rather talk.")], [text("{'a': 'b'}")], [], [text(100_000 * "[")]], ids=range(4)
)
def test_other_words_are_an_error_that_shows_them(take: Taker, content: list[Json]) -> None:
    with pytest.raises(UpstreamProtocolError) as error:
        take(content, "end_turn")
    assert (content[0]["text"][:200] if content else "") in error.value.detail


@each_way
@pytest.mark.parametrize("reason", ["max_tokens", "refusal", "guardrail_intervened", "content_filtered"])
def test_an_answer_that_was_cut_short_or_blocked_says_so_by_its_stop_reason(take: Taker, reason: str) -> None:
    assert take([text("Sorry, I cannot.")], reason) == ([text("Sorry, I cannot.")], reason)
    assert take([call({"a": "b"})], reason)[1] == reason


@pytest.mark.parametrize("take", TAKERS)
def test_an_answer_that_is_a_property_is_unpacked(take: Any) -> None:
    for given in ({"answer": [1, {"b": '}\\"'}, 2]}, {"answer": [1], "more": 2}, {"answer": 7}, {"answer": "x, }"}):
        content, reason = take([call(given)], "tool_use", WRAPPED)
        assert (json.loads(content[0]["text"]), reason) == (given["answer"], "end_turn")
    # A model may leave the property out.
    content, _ = take([call({"answers": [1]})], "tool_use", WRAPPED)
    assert json.loads(content[0]["text"]) == {"answers": [1]}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_white_space_and_pieces_of_any_size_make_no_difference(size: int) -> None:
    given = ' {\n "answer" :  [1, "a\\"}", {"b": [] }] \n}'
    reader = AnswerReader(is_wrapped=True)
    pieces = [reader.feed(given[at : at + size]) for at in range(0, len(given), size)]
    assert json.loads("".join([*pieces, reader.end()])) == [1, 'a"}', {"b": []}]


@pytest.mark.parametrize(
    "given", [' {"answer" : \n', ' {"ans wer":1}', '{"answers":[1]}', " {", "[1]", '{"answer"= 1}', "\n {x"]
)
@pytest.mark.parametrize("size", [1, 2, 100])
def test_an_input_that_does_not_have_the_property_comes_out_as_it_is(given: str, size: int) -> None:
    reader = AnswerReader(is_wrapped=True)
    pieces = [reader.feed(given[at : at + size]) for at in range(0, len(given), size)]
    assert "".join([*pieces, reader.end()]) == given


def test_white_space_before_an_answer_costs_as_much_as_its_length() -> None:
    def measure(reader: AnswerReader) -> float:
        reader.feed('{"answer":')
        began = time.process_time()
        for _ in range(50_000):
            reader.feed(" ")
        return time.process_time() - began

    passed_on, held_back = AnswerReader(is_wrapped=False), AnswerReader(is_wrapped=True)
    assert measure(held_back) < 20 * measure(passed_on)
    assert held_back.feed("1}") == "1"


def test_a_streamed_call_without_pieces_is_an_empty_object() -> None:
    events = [event for event in replay(make_response([call({})], "tool_use")) if "contentBlockDelta" not in event]
    event_taker = converse.make_event_taker(TOOL)
    taken = [each for event in events for each in event_taker.take(event)]
    assert from_converse(fold(taken)) == ([text("{}")], "end_turn")
    taker = claude.make_chunk_taker(TOOL)
    chunks = [each for each in make_chunks([call({})], "tool_use") if each["type"] != "content_block_delta"]
    deltas = [each for chunk in chunks for each in taker.take(chunk) if each["type"] == "content_block_delta"]
    assert [each["delta"] for each in deltas] == [{"type": "text_delta", "text": "{}"}]


def test_an_input_that_was_cut_is_the_text_so_far() -> None:
    response = make_response([call('{"a": "b')], "max_tokens")
    [block] = converse.take_answer(response, TOOL)["output"]["message"]["content"]
    assert block == {"text": '{"a": "b'}


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {"type": "array", "items": PLAIN},
        # A model answers `{}` to an object without properties.
        {"type": "object"},
        {"type": "object", "properties": {}},
        # Claude takes none of these at the root of a tool's schema.
        {**PLAIN, "anyOf": [{"required": ["a"]}]},
        {**PLAIN, "properties": {"a b": {"type": "string"}}},
    ],
)
def test_what_cannot_be_a_tools_input_is_its_only_property(schema: Any) -> None:
    tool = make_answer_tool(schema, [])
    assert (tool.is_wrapped, tool.schema["required"], [*tool.schema["properties"]]) == (True, ["answer"], ["answer"])
    assert not TOOL.is_wrapped


def test_the_tool_has_a_name_of_its_own() -> None:
    assert make_answer_tool(PLAIN, [TOOL.name, f"{TOOL.name}_3"]).name == f"{TOOL.name}_2"


def test_references_lead_into_the_part_that_the_schema_becomes() -> None:
    node = {"type": "object", "properties": {"n": {"$ref": "#/$defs/N"}, "all": {"$ref": "#"}}}
    tool = make_answer_tool({"$ref": "#/$defs/N", "$defs": {"N": node}}, [])
    moved = {**node, "properties": {**node["properties"], "all": {"$ref": "#/properties/answer"}}}
    assert tool.schema == {
        "type": "object",
        "properties": {"answer": {"$ref": "#/$defs/N"}},
        "required": ["answer"],
        "$defs": {"N": moved},
    }
