"""The texts that a guardrail is given: all of a body, put together from the pieces of a stream."""

from typing import Any

import pytest

from bedrock_flask.wires.guarded_texts import AnswerTexts, UncheckableContent, list_request_texts


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ({"model": "m", "messages": [{"role": "user", "content": "a"}], "stop": ["b"]}, ["a", "b"]),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]}, ["f", "{}"]),
        ({"input": "a", "instructions": "b", "text": {"format": {"type": "text"}}}, ["a", "b"]),
        # A member that is a mark elsewhere is a text in what the caller names itself.
        ({"messages": [{"content": [{"type": "tool_use", "name": "f", "input": {"id": "a"}}]}]}, ["f", '{"id": "a"}']),
        ({"tools": [{"type": "function", "parameters": {"type": "object"}}]}, ['{"type": "object"}']),
        # What a later version of a format has.
        ({"messages": [], "advice": {"words": ["a"]}}, ["a"]),
        # What looks like an answer is a part of the request all the same.
        ({"messages": [{"object": "response", "content": "a"}]}, ["a"]),
        ({"messages": [{"content": [{"type": "redacted_thinking", "data": "x", "text": "a"}]}]}, ["a"]),
    ],
)
def test_all_texts_of_a_request_are_found(body: dict[str, Any], texts: list[str]) -> None:
    assert [*list_request_texts(body)] == texts


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"messages": [{"content": [{"type": "text", "text": "a"}, {"type": "image"}]}]}, "messages[0].content[1]"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]"),
        ({"input": [{"type": ["text"]}]}, "input[0]"),
        ({"input": [{"type": "function_call_output", "output": [{"type": "input_image"}]}]}, "input[0].output[0]"),
        ({"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}, "messages[0].audio"),
        ({"input": "a", "previous_response_id": "resp_1"}, "previous_response_id"),
        ({"input": "a", "background": True}, "background"),
    ],
)
def test_what_is_not_a_text_is_named(body: dict[str, Any], path: str) -> None:
    with pytest.raises(UncheckableContent) as caught:
        list_request_texts(body)
    assert caught.value.path == path


def read(*events: dict[str, Any]) -> list[str]:
    answer = AnswerTexts()
    for event in events:
        answer.read(event)
    return [*answer.join()]


def test_pieces_of_one_text_are_put_together_and_of_two_are_not() -> None:
    def delta(index: int, text: str) -> dict[str, Any]:
        return {"object": "chat.completion.chunk", "choices": [{"index": index, "delta": {"content": text}}]}

    assert read(delta(0, "blo"), delta(1, "x"), delta(0, "cked")) == ["blocked", "x"]
    # Anthropic's block begins with a piece.
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "blo"}}
    rest = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "cked"}}
    assert read(start, {**start, "index": 1}, rest) == ["blocked", "blo"]


def test_what_a_stream_repeats_is_checked_once_and_settings_are_not() -> None:
    place = {"output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "blocked"}
    output = [{"type": "message", "role": "assistant", "content": [part]}]
    done = {"object": "response", "instructions": "Be kind.", "tools": [{"name": "f"}], "output": output}
    assert read(
        {"type": "response.created", "response": {**done, "output": []}},
        {"type": "response.output_text.delta", **place, "delta": "blo"},
        {"type": "response.output_text.delta", **place, "delta": "cked"},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.completed", "response": done},
    ) == ["blocked"]
    assert read(done) == ["blocked"]


def test_a_part_of_an_answer_that_is_not_a_text_is_named() -> None:
    picture = {"type": "image_generation_call", "result": "iVBO"}
    for event in ({"object": "response", "output": [picture]}, {"type": "response.output_item.done", "item": picture}):
        with pytest.raises(UncheckableContent):
            read(event)
