"""Chat completions in InvokeModel: each family's form is written as it is, and every form is read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.adapter import ChatForm
from bedrock_flask.bedrock.usage import Usage, from_members
from bedrock_flask.converse import fold, replay
from bedrock_flask.wires.openai_chat.invoke import WIRE, read_request, shape_wire
from tests.contract.test_wire_laws import calm, reasoning, responses, text, tool_use

Json = dict[str, Any]
OPENAI = ChatForm()
TAGGED = ChatForm(is_tagged=True)
MISTRAL = ChatForm(piece="message", reason="stop_reason", has_usage=False)
FORMS = st.sampled_from([OPENAI, TAGGED, MISTRAL, ChatForm(last="[DONE]")])
ANSWERS = responses(text, tool_use, reasoning)
METRICS = "amazon-bedrock-invocationMetrics"
COUNTED = {METRICS: {"inputTokenCount": 7, "outputTokenCount": 5}}


def answer(*content: Json, reason: str = "end_turn") -> Json:
    usage = {"inputTokens": 7, "outputTokens": 5, "totalTokens": 12}
    return {
        "output": {"message": {"role": "assistant", "content": [*content]}},
        "stopReason": reason,
        "usage": usage,
    }


THOUGHT = {"reasoningContent": {"reasoningText": {"text": "A sum."}}}
CALL = {"toolUse": {"toolUseId": "t1", "name": "add", "input": {"a": 2}}}


def write(form: ChatForm, response: Json) -> Json:
    wire = shape_wire(form)
    assert wire.write_reply
    return wire.write_reply(response, "m")


def stream(form: ChatForm, response: Json) -> list[Json]:
    return list(shape_wire(form).write_chunks(replay(response), "m"))


def join(form: ChatForm, chunks: list[Json]) -> Json:
    """What a client of the stream puts together."""
    message: Json = {"content": "", "reasoning_content": "", "calls": {}}
    for chunk in chunks:
        [choice] = chunk["choices"]
        piece = choice[form.piece]
        message["content"] += piece.get("content") or ""
        message["reasoning_content"] += piece.get("reasoning_content", "")
        for call in piece.get("tool_calls", ()):
            function = call["function"]
            known = message["calls"].setdefault(call["index"], {"arguments": "", **call})
            known["arguments"] += function.get("arguments", "")
    return message


def test_the_reasoning_of_gpt_oss_precedes_its_text_in_tags() -> None:
    said = answer(THOUGHT, {"text": "4"})
    [choice] = write(TAGGED, said)["choices"]
    assert choice["message"] == {"role": "assistant", "content": "<reasoning>A sum.</reasoning>4"}
    assert choice["finish_reason"] == "stop"
    assert join(TAGGED, stream(TAGGED, said))["content"] == "<reasoning>A sum.</reasoning>4"


def test_reasoning_without_a_text_closes_its_tag() -> None:
    cut = answer(THOUGHT, reason="max_tokens")
    assert join(TAGGED, stream(TAGGED, cut))["content"] == "<reasoning>A sum.</reasoning>"
    called = answer(THOUGHT, CALL, reason="tool_use")
    assert join(TAGGED, stream(TAGGED, called))["content"] == "<reasoning>A sum.</reasoning>"
    assert write(TAGGED, called)["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "add"


def test_others_have_their_reasoning_in_a_member() -> None:
    [choice] = write(OPENAI, answer(THOUGHT, {"text": "4"}))["choices"]
    assert choice["message"] == {"role": "assistant", "content": "4", "reasoning_content": "A sum."}


def test_mistrals_form_has_a_message_and_a_stop_reason_in_each_chunk_and_no_usage() -> None:
    said = answer({"text": "4"}, reason="max_tokens")
    reply = write(MISTRAL, said)
    assert reply["choices"] == [{"index": 0, "message": {"role": "assistant", "content": "4"}, "stop_reason": "length"}]
    assert "usage" not in reply
    chunks = stream(MISTRAL, said)
    assert [chunk["choices"][0]["stop_reason"] for chunk in chunks] == [None] * (len(chunks) - 1) + ["length"]
    assert all("message" in chunk["choices"][0] and "usage" not in chunk for chunk in chunks)


@calm
@given(ANSWERS, FORMS)
def test_an_answer_in_any_form_is_whole_and_ends_once(response: Json, form: ChatForm) -> None:
    reply, chunks = write(form, fold(replay(response))), stream(form, response)
    assert WIRE.is_complete(reply)
    assert json.loads(json.dumps([reply, chunks])) == [reply, chunks]
    assert [WIRE.is_terminal(chunk) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    counted = from_members(response["usage"]) if form.has_usage else Usage()
    read = Usage()
    for chunk in chunks:
        read = read.merge(WIRE.read_usage(chunk))
    assert read == WIRE.read_usage(reply) == counted


@calm
@given(responses(text, reasoning), FORMS)
def test_the_pieces_are_the_whole(response: Json, form: ChatForm) -> None:
    # Reasoning behind a text opens the tags again in a stream, which Bedrock's models do not do.
    content = response["output"]["message"]["content"]
    content.sort(key=lambda block: "text" in block)
    message, pieces = write(form, response)["choices"][0]["message"], join(form, stream(form, response))
    assert pieces["content"] == (message["content"] or "")
    assert pieces["reasoning_content"] == message.get("reasoning_content", "")


@pytest.mark.parametrize(
    ("chunk", "ends"),
    [
        ({"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": None}]}, False),
        ({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, True),
        ({"choices": [{"index": 0, "message": {"content": ""}, "stop_reason": "length"}]}, True),
        ({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": None}, False),
        ({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5}}, True),
        ({"choices": [{"index": 0, "message": {"content": ""}, "stop_reason": None}], **COUNTED}, True),
    ],
)
def test_every_end_is_known(chunk: Json, ends: bool) -> None:
    assert WIRE.is_terminal(chunk) is ends


def test_the_counts_of_the_metrics_are_read() -> None:
    assert WIRE.read_usage({"choices": [], **COUNTED}) == Usage(7, 5)


# --- requests --------------------------------------------------------------------------------------------------------


def ask(**more: Any) -> Json:
    return {"messages": [{"role": "user", "content": "Hi"}], **more}


def test_a_temperature_above_converses_is_kept() -> None:
    assert read_request(ask(temperature=1.5, max_tokens=5))["inferenceConfig"] == {"maxTokens": 5, "temperature": 1.5}


def test_mistrals_any_forces_a_tool() -> None:
    tools = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]
    assert read_request(ask(tools=tools, tool_choice="any"))["toolConfig"]["toolChoice"] == {"any": {}}


def test_palmyras_text_and_mistrals_image_are_read() -> None:
    palmyra = {"messages": [{"role": "user", "content": {"text": "Hi"}}]}
    assert read_request(palmyra)["messages"][0]["content"] == [{"text": "Hi"}]
    part = {"type": "image_url", "image_url": "data:image/png;base64,iVBORw0KGgo="}
    [block] = read_request({"messages": [{"role": "user", "content": [part]}]})["messages"][0]["content"]
    assert block["image"]["format"] == "png"


def test_what_a_body_says_of_the_call_is_not_for_the_model() -> None:
    assert read_request(ask(model="m", stream=False)) == read_request(ask())
