"""Responses of OpenAI's API as other servers write them, read as Converse."""

from typing import Any

import pytest

from bedrock_flask.converse import fold, replay
from bedrock_flask.errors import BedrockError, UpstreamError, UpstreamProtocolError
from bedrock_flask.wires.openai_responses import (
    WIRE,
    read_chunks,
    read_reply,
    read_request,
    write_chunks,
    write_request,
)
from bedrock_flask.wires.openai_responses.tools import CUSTOM

Json = dict[str, Any]
FOREIGN = "gAAAAABforeign"


def reply(*output: Json, **members: Any) -> Json:
    return {"object": "response", "status": "completed", "output": [*output], **members}


def message(*parts: Json) -> Json:
    return {"type": "message", "role": "assistant", "content": [*parts]}


def text(words: str, *annotations: Json) -> Json:
    return {"type": "output_text", "text": words, "annotations": [*annotations]}


def content(read: Json) -> list[Json]:
    return list(read["output"]["message"]["content"])


def event(kind: str, **members: Any) -> Json:
    return {"type": f"response.{kind}", "output_index": 0, **members}


def test_pages_of_the_web_are_cited() -> None:
    cited = {"type": "url_citation", "url": "https://example.com", "title": "T", "start_index": 0, "end_index": 3}
    citation = {"title": "T", "location": {"web": {"url": "https://example.com"}}}
    expected = [{"citationsContent": {"content": [{"text": "Hi."}], "citations": [citation]}}, {"text": "No."}]
    whole = message(text("Hi.", cited), {"type": "refusal", "refusal": "No."})
    assert content(read_reply(reply(whole))) == expected
    stream = [
        event("created"),
        event("output_item.added", item={"type": "message"}),
        event("output_text.delta", content_index=0, delta="Hi"),
        event("output_text.delta", content_index=0, delta="."),
        event("content_part.done", content_index=0, part=text("Hi.", cited)),
        event("refusal.delta", content_index=1, delta="No."),
        event("output_item.done", item=whole),
        event("completed", response=reply(whole)),
    ]
    assert content(fold(read_chunks(stream))) == expected


def test_reasoning_in_several_parts_is_one_text() -> None:
    summary = [{"type": "summary_text", "text": "One."}, {"type": "summary_text", "text": "Two."}]
    item = {"type": "reasoning", "summary": summary, "content": [{"type": "reasoning_text", "text": "Three."}]}
    expected = [{"reasoningContent": {"reasoningText": {"text": "One.\n\nTwo.\n\nThree."}}}]
    assert content(read_reply(reply(item))) == expected
    stream = [
        event("created"),
        event("reasoning_summary_text.delta", summary_index=0, delta="On"),
        event("reasoning_summary_text.delta", summary_index=0, delta="e."),
        event("reasoning_summary_text.delta", summary_index=1, delta="Two."),
        event("reasoning_text.delta", content_index=0, delta="Three."),
        event("output_item.done", item=item),
        event("completed", response=reply(item)),
    ]
    assert content(fold(read_chunks(stream))) == expected


def test_the_reasoning_of_a_model_goes_back_to_it_as_it_came() -> None:
    item = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}], "encrypted_content": FOREIGN}
    unsigned = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]}
    history = content(read_reply(reply(item, unsigned)))
    assert history[0]["reasoningContent"]["reasoningText"]["signature"].endswith(FOREIGN)
    request = {"messages": [{"role": "user", "content": [{"text": "Q"}]}, {"role": "assistant", "content": history}]}
    assert write_request(request)["input"][1:] == [item, unsigned]


def test_the_reason_to_stop_is_converses() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "look", "arguments": ""}
    cut = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    filtered = {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}
    assert read_reply(reply())["stopReason"] == "end_turn"
    assert read_reply(reply(call))["stopReason"] == "tool_use"
    assert read_reply(reply(**cut))["stopReason"] == "max_tokens"
    assert read_reply(reply(**filtered))["stopReason"] == "content_filtered"
    assert read_reply(reply(native_stop_reason="stop_sequence"))["stopReason"] == "stop_sequence"


def test_calls_are_read_whole_and_in_pieces() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "look", "namespace": "eyes", "arguments": '{"q": 1}'}
    use = {"toolUse": {"toolUseId": "c", "name": "eyes__look", "input": {"q": 1}}}
    assert content(read_reply(reply(call))) == [use]
    stream = [
        event("created"),
        event("output_item.added", item={**call, "arguments": ""}),
        event("output_item.done", item=call),
        event("completed", response=reply(call)),
    ]
    assert content(fold(read_chunks(stream))) == [use]


@pytest.mark.parametrize("given", ["", 'a "quoted"\nline', "\U0001f600 smile"])
def test_a_custom_tools_text_is_its_one_argument(given: str) -> None:
    use = {"toolUse": {"toolUseId": "c", "name": "patch", "input": {"input": given}}}
    item = {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": given}
    assert content(read_reply(reply(item))) == [use]
    response = {"output": {"message": {"role": "assistant", "content": [use]}}, "stopReason": "tool_use"}
    chunks = list(write_chunks(replay(response), "m", custom=frozenset({"patch"})))
    assert content(fold(read_chunks(chunks))) == [use]
    assert CUSTOM["required"] == ["input"]
    body = {"input": [{"type": "message", "role": "user", "content": "Q"}, item]}
    assert read_request(body)["messages"][1]["content"] == [use]


def test_items_that_converse_does_not_have_keep_their_kind() -> None:
    search = {"type": "web_search_call", "id": "ws", "status": "completed"}
    assert content(read_reply(reply(search))) == [{"web_search_call": search}]


def test_a_failure_without_a_reason_of_converses_is_raised() -> None:
    error = {"code": "server_error", "message": "out of cards"}
    with pytest.raises(BedrockError, match="out of cards"):
        read_reply(reply(status="failed", error=error))
    with pytest.raises(UpstreamError, match="The model reported an error: it failed without details"):
        read_reply(reply(status="failed"))
    with pytest.raises(BedrockError, match="out of cards"):
        list(read_chunks([{"type": "error", **error}]))


@pytest.mark.parametrize(
    "document",
    [{}, reply({}), reply(message({})), reply({"type": "function_call"}), reply({"type": None}), {"output": 5}],
)
def test_any_other_document_is_a_protocol_error(document: Json) -> None:
    with pytest.raises(UpstreamProtocolError):
        read_reply(document)


@pytest.mark.parametrize("end", ["completed", "incomplete"])
def test_the_last_event_has_a_response_of_its_status(end: str) -> None:
    last = {"type": f"response.{end}"}
    for status in (end, None):
        assert WIRE.is_stop(last | {"response": reply(status=status)})
    for status in ("failed", "in_progress", "cancelled", [], {}):
        assert not WIRE.is_stop(last | {"response": reply(status=status)})
    for response in (None, [], "x"):
        assert not WIRE.is_stop(last | {"response": response})
    assert not WIRE.is_stop(last)
    assert not WIRE.is_stop({"type": "response.in_progress", "response": reply(status="in_progress")})


def test_an_answer_that_only_the_last_event_has_is_not_lost() -> None:
    last = {"type": "response.completed", "response": reply(message(text("4")))}
    assert content(fold(read_chunks([{"type": "response.created"}, last]))) == [{"text": "4"}]
