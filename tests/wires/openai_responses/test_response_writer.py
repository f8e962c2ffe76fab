"""The Responses wire, replies and what is read of them."""

import json
from typing import Any

import pytest

from bedrock_flask.bedrock.usage import METRICS, Usage
from bedrock_flask.wires.openai_responses import WIRE, is_complete, is_terminal, read_request, read_usage, write_reply

Json = dict[str, Any]

# "The response object" in OpenAI's API reference, shortened.
REPLY: Json = {
    "id": "resp_67ccd3a9",
    "object": "response",
    "created_at": 1741476777,
    "status": "completed",
    "model": "gpt-4o-2024-08-06",
    "output": [
        {
            "type": "message",
            "id": "msg_67ccd3ac",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "The image depicts", "annotations": []}],
        }
    ],
    "usage": {
        "input_tokens": 328,
        "input_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 20},
        "output_tokens": 52,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 380,
    },
}


def answer(*content: Json, **members: Any) -> Json:
    return {"output": {"message": {"role": "assistant", "content": list(content)}}, "stopReason": "end_turn", **members}


def output(*content: Json, stop: str = "end_turn", **options: Any) -> list[Json]:
    """The items of an answer without their ids, each of which is its own."""
    items = write_reply(answer(*content, stopReason=stop), "m", **options)["output"]
    ids = [item.pop("id") for item in items]
    assert len(set(ids)) == len(ids)
    return list(items)


def use(name: str, given: Any, number: str = "t1", **members: Any) -> Json:
    return {"toolUse": {"toolUseId": number, "name": name, "input": given, **members}}


def text(words: str) -> Json:
    return {"type": "output_text", "text": words, "annotations": [], "logprobs": []}


def message(*parts: Json, status: str = "completed") -> Json:
    return {"type": "message", "role": "assistant", "content": list(parts), "status": status}


def test_the_documented_reply_is_complete_and_its_usage_is_read() -> None:
    assert is_complete(REPLY)
    assert read_usage(REPLY) == Usage(208, 52, 100, 20)


def test_an_answer_that_is_cut_is_whole_as_a_reply_and_one_that_failed_is_not() -> None:
    assert is_complete(REPLY | {"status": "incomplete"})
    assert not is_complete(REPLY | {"status": "failed"})
    assert not is_complete(REPLY | {"error": {"code": "server_error"}})


@pytest.mark.parametrize("member", ["object", "status", "output"])
def test_a_reply_without_a_part_of_it_is_not_complete(member: str) -> None:
    assert not is_complete({name: value for name, value in REPLY.items() if name != member})
    assert not is_complete(REPLY | {member: None})
    assert not is_complete(REPLY | {member: "in_progress"})


@pytest.mark.parametrize(
    "foreign", [{}, {"usage": 5}, {"usage": {"input_tokens": "3"}}, {"response": []}, {"output": [], "type": None}]
)
def test_a_foreign_document_is_neither_complete_nor_finished_and_tells_no_usage(foreign: Json) -> None:
    assert not is_complete(foreign)
    assert not is_terminal(foreign)
    assert read_usage(foreign) == Usage()


def test_usage_is_read_of_the_last_event_and_of_bedrocks_metrics() -> None:
    chunk = {"type": "response.completed", "response": REPLY}
    assert is_terminal(chunk)
    assert read_usage(chunk) == read_usage(REPLY)
    assert read_usage({"usage": {"input_tokens": 3, "output_tokens": True}}) == Usage(3)
    assert read_usage({METRICS: {"inputTokenCount": 7}}) == Usage(7)
    assert not is_terminal({"type": "response.output_item.done"})


def test_a_response_is_written_whole() -> None:
    reply = write_reply(
        answer(
            {"text": "4"},
            usage={"inputTokens": 3, "outputTokens": 10, "cacheReadInputTokens": 32651, "cacheWriteInputTokens": 17},
            serviceTier={"type": "flex"},
        ),
        "my-model",
    )
    assert json.loads(json.dumps(reply)) == reply
    assert reply.pop("id").startswith("resp_")
    assert isinstance(reply.pop("created_at"), int)
    assert isinstance(reply.pop("completed_at"), int)
    assert reply["output"][0].pop("id").startswith("msg_")
    assert reply == {
        "object": "response",
        "status": "completed",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "model": "my-model",
        "native_stop_reason": "end_turn",
        "output": [message(text("4"))],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "flex",
        "store": False,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": None,
        "truncation": "disabled",
        "usage": {
            "input_tokens": 32671,
            "input_tokens_details": {"cached_tokens": 32651, "cache_write_tokens": 17},
            "output_tokens": 10,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 32681,
        },
        "user": None,
    }


def test_every_answer_has_an_id_of_its_own() -> None:
    assert write_reply(answer(), "m")["id"] != write_reply(answer(), "m")["id"]


def test_an_answer_without_usage_tells_none() -> None:
    reply = write_reply(answer({"text": "4"}), "m")
    assert (reply["usage"], read_usage(reply), reply["service_tier"]) == (None, Usage(), "default")


def test_items_stand_in_the_order_of_their_blocks_and_texts_in_a_row_are_one_message() -> None:
    cited = {"citationsContent": {"content": [{"text": "b"}, {"text": "c"}], "citations": []}}
    reasoning = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "S"}}}
    items = output(reasoning, {"text": "a"}, cited, use("add", {"x": 1}), {"text": "d"})
    assert [item["type"] for item in items] == ["reasoning", "message", "function_call", "message"]
    assert items[1:] == [
        message(text("a"), text("bc")),
        {"type": "function_call", "call_id": "t1", "name": "add", "arguments": '{"x": 1}', "status": "completed"},
        message(text("d")),
    ]


def test_reasoning_is_told_in_words_and_in_a_form_that_can_be_sent_back() -> None:
    blocks: list[Json] = [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "S"}}},
        {"reasoningContent": {"reasoningText": {"text": "", "signature": "T"}}},
        {"reasoningContent": {"redactedContent": "QUJD"}},
    ]
    items = output(*blocks)
    assert [item["summary"] for item in items] == [[{"type": "summary_text", "text": "Hm."}], [], []]
    back = [*items, {"role": "assistant", "content": "4"}]
    assert read_request({"model": "m", "input": back})["messages"] == [
        {"role": "assistant", "content": [*blocks, {"text": "4"}]}
    ]


@pytest.mark.parametrize(
    ("given", "document"),
    [
        ({"input": "*** Begin\n"}, "*** Begin\n"),
        ({"input": "", "why": "x"}, ""),
        ({"input": "\ud83d"}, "\ufffd"),
        ({"patch": "*** Begin"}, '{"patch": "*** Begin"}'),
        ({"input": 5}, '{"input": 5}'),
        ({}, "{}"),
        ("[1", "[1"),
        ('{"input": "*** Be', "*** Be"),
    ],
)
def test_a_call_of_a_custom_tool_gives_its_text(given: Any, document: str) -> None:
    assert output(use("patch", given), custom=frozenset({"patch"})) == [
        {"type": "custom_tool_call", "call_id": "t1", "name": "patch", "input": document, "status": "completed"}
    ]


def test_a_call_names_the_namespace_of_its_tool() -> None:
    known = {"crm__find": ("crm", "find"), "crm__note": ("crm", "note")}
    [one, other, third] = output(
        use("crm__find", {}),
        use("crm__note", {"input": "x"}, "t2"),
        use("crm__sell", {}, "t3"),
        custom=frozenset({"crm__note"}),
        namespaced=known,
    )
    assert (one["type"], one["namespace"], one["name"]) == ("function_call", "crm", "find")
    assert (other["type"], other["namespace"], other["name"]) == ("custom_tool_call", "crm", "note")
    assert (third["name"], "namespace" in third) == ("crm__sell", False)


def test_arguments_that_the_token_limit_cut_stay_the_text_they_are() -> None:
    [item] = output(use("add", '{"ci'), stop="max_tokens")
    assert (item["arguments"], item["status"]) == ('{"ci', "incomplete")


def test_blocks_that_the_format_has_not_are_left_out() -> None:
    image = {"image": {"format": "png", "source": {"bytes": "AAAA"}}}
    ran = {"toolResult": {"toolUseId": "t", "content": []}}
    grounding = use("nova_grounding", {}, type="server_tool_use")
    assert output({"text": "a"}, {"text": ""}, grounding, ran, image, {"text": "b"}) == [message(text("a"), text("b"))]
    assert output() == []


STOPS = [
    ("end_turn", "completed", None),
    ("stop_sequence", "completed", None),
    ("tool_use", "completed", None),
    ("max_tokens", "incomplete", "max_output_tokens"),
    ("model_context_window_exceeded", "incomplete", "max_output_tokens"),
    ("guardrail_intervened", "incomplete", "content_filter"),
    ("content_filtered", "incomplete", "content_filter"),
    ("malformed_model_output", "failed", None),
    ("malformed_tool_use", "failed", None),
    ("sleepy", "failed", None),
]


@pytest.mark.parametrize(("native", "status", "reason"), STOPS)
def test_why_a_model_stops_is_told(native: str, status: str, reason: str | None) -> None:
    reply = write_reply(answer(use("add", {}), {"text": "a"}, stopReason=native), "m")
    assert (reply["status"], reply["native_stop_reason"]) == (status, native)
    assert reply["incomplete_details"] == ({"reason": reason} if reason else None)
    assert (reply["error"] is not None) is (status == "failed")
    assert (reply["completed_at"] is not None) is (status == "completed")
    # Only the last item can have been cut.
    cut = "completed" if status == "completed" else "incomplete"
    assert [item["status"] for item in reply["output"]] == ["completed", cut]
    assert is_complete(reply) is (status != "failed")


def test_a_failure_names_the_native_reason() -> None:
    error = write_reply(answer(stopReason="malformed_tool_use"), "m")["error"]
    assert error == {
        "code": "server_error",
        "message": "The model stopped with 'malformed_tool_use'.",
    }


def test_it_stands_in_the_wire() -> None:
    assert (WIRE.is_complete, WIRE.is_terminal, WIRE.read_usage, WIRE.write_reply) == (
        is_complete,
        is_terminal,
        read_usage,
        write_reply,
    )
