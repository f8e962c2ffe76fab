"""Contents that Bedrock refuses are put right in every client's format, whole and streamed."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.doubles import Emulator, Gateway

CLAUDE, NOVA, LLAMA = (
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "amazon.nova-pro-v1:0",
    "us.meta.llama4-maverick-17b-instruct-v1:0",
)
PIXTRAL, KIMI, NEMOTRON = (
    "mistral.pixtral-large-2502-v1:0",
    "moonshotai.kimi-k2.5",
    "nvidia.nemotron-nano-3-30b",
)
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
URI = f"data:image/png;base64,{PNG}"
IMAGE = {"image": {"format": "png", "source": {"bytes": PNG}}}
SCHEMA = {"type": "object", "properties": {}}
Json = dict[str, Any]


def sent(emulator: Emulator) -> Any:
    """The body of the last call."""
    return json.loads(emulator.calls()[-1]["body"])


def dropped(response: requests.Response) -> str:
    assert response.status_code == 200, response.text
    return str(response.headers.get("x-bedrock-flask-dropped", ""))


@dataclass(frozen=True)
class Client:
    """A client's format: the type of a text, an image, and a request with the result of a tool."""

    text_type: str
    image: Json
    ask: Callable[..., requests.Response]

    def text(self, text: str) -> Json:
        return {"type": self.text_type, "text": text}


def message(gateway: Gateway, model: str, content: Any, **more: Any) -> requests.Response:
    turns = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": content}]},
    ]
    tools = [{"name": "look", "input_schema": SCHEMA}]
    return gateway.post("/v1/messages", {"model": model, "max_tokens": 9, "messages": turns, "tools": tools, **more})


def chat(gateway: Gateway, model: str, content: Any, **more: Any) -> requests.Response:
    call = {"id": "t1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    turns = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "t1", "content": content},
    ]
    tools = [{"type": "function", "function": {"name": "look", "parameters": SCHEMA}}]
    return gateway.post("/v1/chat/completions", {"model": model, "messages": turns, "tools": tools, **more})


def respond(gateway: Gateway, model: str, content: Any, **more: Any) -> requests.Response:
    items = [
        {"role": "user", "content": "Look."},
        {"type": "function_call", "call_id": "t1", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "t1", "output": content},
    ]
    tools = [{"type": "function", "name": "look", "parameters": SCHEMA}]
    return gateway.post("/v1/responses", {"model": model, "input": items, "tools": tools, **more})


BASE64 = {"type": "base64", "media_type": "image/png", "data": PNG}
MESSAGES = Client("text", {"type": "image", "source": BASE64}, message)
CHAT = Client("text", {"type": "image_url", "image_url": {"url": URI}}, chat)
RESPONSES = Client("input_text", {"type": "input_image", "image_url": URI}, respond)
CLIENTS = [MESSAGES, CHAT, RESPONSES]


# --- tool results -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("model", [PIXTRAL, KIMI])
def test_an_image_in_a_result_is_beside_it_for_a_model_that_takes_none_inside(
    gateway: Gateway, emulator: Emulator, model: str, client: Client, stream: bool
) -> None:
    response = client.ask(gateway, model, [client.text("shot"), client.image], stream=stream)
    assert "content[1]" in dropped(response) or "output[1]" in dropped(response)
    result, *beside = sent(emulator)["messages"][2]["content"]
    assert result["toolResult"]["content"] == [{"text": "shot"}, {"text": "[image 1: see below]"}]
    assert beside == [{"text": "[image 1]"}, IMAGE]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("model", [NOVA, LLAMA, CLAUDE])
def test_an_image_in_a_result_stays_there_for_a_model_that_takes_it(
    gateway: Gateway, emulator: Emulator, model: str, client: Client
) -> None:
    assert dropped(client.ask(gateway, model, [client.text("shot"), client.image])) == ""
    [result] = sent(emulator)["messages"][2]["content"]
    assert PNG in json.dumps(result)


@pytest.mark.parametrize("client", CLIENTS)
def test_an_image_in_a_result_is_refused_by_name_for_a_model_that_takes_none(gateway: Gateway, client: Client) -> None:
    response = client.ask(gateway, "amazon.nova-micro-v1:0", [client.image])
    assert response.status_code == 400
    assert "this model does not support images" in response.text


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("content", ["", " ", []])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("model", [NEMOTRON, NOVA, PIXTRAL])
def test_an_empty_result_says_so(
    gateway: Gateway, emulator: Emulator, model: str, client: Client, content: Any, stream: bool
) -> None:
    assert dropped(client.ask(gateway, model, content, stream=stream)) == ""
    [result] = sent(emulator)["messages"][2]["content"]
    assert result["toolResult"]["content"] == [{"text": "(no output)"}]


@pytest.mark.parametrize("client", [CHAT, RESPONSES])
def test_claude_takes_an_empty_result(gateway: Gateway, emulator: Emulator, client: Client) -> None:
    assert dropped(client.ask(gateway, CLAUDE, "")) == ""
    [result] = sent(emulator)["messages"][2]["content"]
    assert result["toolResult"]["content"] == []


def test_a_result_without_content_says_so(gateway: Gateway, emulator: Emulator) -> None:
    turns = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}]},
    ]
    tools = [{"name": "look", "input_schema": SCHEMA}]
    body = {"model": NEMOTRON, "max_tokens": 9, "messages": turns, "tools": tools}
    assert dropped(gateway.post("/v1/messages", body)) == ""
    assert sent(emulator)["messages"][2]["content"][0]["toolResult"]["content"] == [{"text": "(no output)"}]


# --- stop sequences ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("model", "takes"), [(CLAUDE, False), ("anthropic.claude-opus-5", False), (NOVA, True)])
def test_stop_sequences_of_white_space_are_left_out_where_the_model_refuses_them(
    gateway: Gateway, emulator: Emulator, model: str, takes: bool, stream: bool
) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "stream": stream}
    for stop in (["\n\n", "END"], ["\n", "", "END", " "]):
        response = gateway.post("/v1/chat/completions", {**body, "stop": stop})
        assert ("stop" in dropped(response)) == (not takes)
        kept = [each for each in stop if each.strip() or (takes and each)]
        assert sent(emulator)["inferenceConfig"]["stopSequences"] == kept
    response = gateway.post("/v1/chat/completions", {**body, "stop": "\n"})
    assert ("stop" in dropped(response)) == (not takes)
    assert ("stopSequences" in sent(emulator).get("inferenceConfig", {})) == takes


# --- documents --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_a_document_given_as_text_is_sent_as_bytes_beside_a_text(
    gateway: Gateway, emulator: Emulator, stream: bool
) -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "Grass is green."}
    for model in (NOVA, PIXTRAL):
        turns = [{"role": "user", "content": [{"type": "document", "source": source, "title": "My notes_1.txt"}]}]
        body = {"model": model, "max_tokens": 9, "messages": turns, "stream": stream}
        assert dropped(gateway.post("/v1/messages", body)) == ""
        document, text = sent(emulator)["messages"][0]["content"]
        assert base64.b64decode(document["document"]["source"]["bytes"]) == b"Grass is green."
        assert text["text"].strip()


def test_two_documents_of_one_name_get_two(gateway: Gateway, emulator: Emulator) -> None:
    file = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}}
    turns = [{"role": "user", "content": [file, file]}]
    for model in (CLAUDE, NOVA, PIXTRAL):
        assert dropped(gateway.post("/v1/chat/completions", {"model": model, "messages": turns})) == ""
        names = [block["document"]["name"] for block in sent(emulator)["messages"][0]["content"] if "document" in block]
        assert len(set(names)) == 2


# --- cache points -----------------------------------------------------------------------------------------------------

MARK = {"type": "ephemeral"}
POINT = {"cachePoint": {"type": "default"}}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", [NOVA, "us.amazon.nova-2-lite-v1:0"])
def test_a_mark_behind_a_result_moves_behind_the_last_text_for_nova(
    gateway: Gateway, emulator: Emulator, model: str, stream: bool
) -> None:
    """Claude Code marks the last result of each turn."""
    use = {"type": "tool_use", "id": "t1", "name": "look", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "42", "cache_control": MARK}
    turns = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": [{"type": "text", "text": "I look."}, use]},
        {"role": "user", "content": [result]},
    ]
    body = {"model": model, "max_tokens": 9, "messages": turns, "tools": [{"name": "look", "input_schema": SCHEMA}]}
    assert "cache" in dropped(gateway.post("/v1/messages", {**body, "stream": stream}))
    contents = [turn["content"] for turn in sent(emulator)["messages"]]
    assert contents[1][:2] == [{"text": "I look."}, POINT]
    assert POINT not in contents[2]


def test_a_mark_behind_a_document_that_is_no_pdf_moves_before_it_for_claude(
    gateway: Gateway, emulator: Emulator
) -> None:
    uri = "data:text/markdown;base64,IyBoZWxsbw=="
    file = {"type": "file", "file": {"filename": "a.md", "file_data": uri}, "cache_control": MARK}
    turns = [{"role": "user", "content": [{"type": "text", "text": "Sum up."}, file]}]
    assert "cache" in dropped(gateway.post("/v1/chat/completions", {"model": CLAUDE, "messages": turns}))
    text, point, document = sent(emulator)["messages"][0]["content"]
    assert (text, point, document["document"]["format"]) == ({"text": "Sum up."}, POINT, "md")


def test_a_mark_behind_reasoning_moves_before_it_for_claude(gateway: Gateway, emulator: Emulator) -> None:
    details = [{"type": "reasoning.text", "text": "Hm.", "signature": "s"}]
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "", "reasoning_details": details, "cache_control": MARK},
        {"role": "user", "content": "Go on."},
    ]
    assert "cache" in dropped(gateway.post("/v1/chat/completions", {"model": CLAUDE, "messages": turns}))
    contents = [turn["content"] for turn in sent(emulator)["messages"]]
    assert POINT in contents[0]
    assert POINT not in contents[1]


# --- schemas of tools -------------------------------------------------------------------------------------------------

OPENAIS = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/A"}},
    "required": ["a"],
    "$defs": {"A": {"type": "string"}},
    "additionalProperties": False,
}
PLAIN = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}


def offer(gateway: Gateway, model: str, schema: Json, stream: bool = False, **tool: Any) -> list[requests.Response]:
    """The same tool in the formats of three clients."""
    says = [{"role": "user", "content": "Hi"}]
    function = {"name": "f", "parameters": schema, **tool}
    common = {"model": model, "stream": stream}
    tools = [{"name": "f", "input_schema": schema, **tool}]
    return [
        gateway.post("/v1/messages", {**common, "max_tokens": 9, "messages": says, "tools": tools}),
        gateway.post(
            "/v1/chat/completions",
            {**common, "messages": says, "tools": [{"type": "function", "function": function}]},
        ),
        gateway.post("/v1/responses", {**common, "input": "Hi", "tools": [{"type": "function", **function}]}),
    ]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", [NOVA, "amazon.nova-micro-v1:0", "us.amazon.nova-2-lite-v1:0"])
def test_the_schema_of_a_tool_is_plain_for_nova(gateway: Gateway, emulator: Emulator, model: str, stream: bool) -> None:
    for response in offer(gateway, model, OPENAIS, stream):
        assert dropped(response) != ""
    for call in emulator.calls()[-3:]:
        assert json.loads(call["body"])["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"] == PLAIN


def test_the_schema_of_a_tool_is_as_it_came_for_other_models(gateway: Gateway, emulator: Emulator) -> None:
    for model in (CLAUDE, PIXTRAL):
        for response in offer(gateway, model, OPENAIS)[1:]:
            assert "tools" not in dropped(response)
        for call in emulator.calls()[-2:]:
            assert json.loads(call["body"])["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"] == OPENAIS


@pytest.mark.parametrize("model", [CLAUDE, NOVA, PIXTRAL])
def test_a_tool_without_description_or_type_is_taken(gateway: Gateway, emulator: Emulator, model: str) -> None:
    for response in offer(gateway, model, {"type": "object", "properties": {}}, description=""):
        assert response.status_code == 200, response.text
    # Claude's own body is the caller's.
    for tools in (json.loads(call["body"]).get("toolConfig", {}).get("tools", ()) for call in emulator.calls()[-3:]):
        assert all("description" not in tool["toolSpec"] for tool in tools)
    for response in offer(gateway, model, {"properties": {}})[1:]:
        assert response.status_code == 200, response.text


def test_a_property_name_that_claude_refuses_is_refused_by_name(gateway: Gateway) -> None:
    schema = {"type": "object", "properties": {"filter[id]": {"type": "string"}}}
    for response in offer(gateway, CLAUDE, schema):
        assert response.status_code == 400
    for response in offer(gateway, CLAUDE, schema)[1:]:
        assert "filter[id]" in response.text
    for response in offer(gateway, NOVA, schema):
        assert response.status_code == 200, response.text


# --- reasoning of earlier turns ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "kept"),
    [
        ("us.deepseek.r1-v1:0", None),
        ("us.amazon.nova-2-lite-v1:0", None),
        (NOVA, None),
        ("openai.gpt-oss-120b-1:0", {"text": "Hm."}),
        ("moonshot.kimi-k2-thinking", {"text": "Hm."}),
    ],
)
def test_the_reasoning_of_claude_in_a_conversation_that_goes_on_with_another_model(
    gateway: Gateway, emulator: Emulator, model: str, kept: Json | None, stream: bool
) -> None:
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [thinking, {"type": "text", "text": "Hello."}]},
        {"role": "user", "content": "Go on."},
    ]
    details = [{"type": "reasoning.text", "text": "Hm.", "signature": "s"}]
    turns = [messages[0], {"role": "assistant", "content": "Hello.", "reasoning_details": details}, messages[2]]
    asked = [
        gateway.post("/v1/messages", {"model": model, "max_tokens": 9, "messages": messages, "stream": stream}),
        gateway.post("/v1/chat/completions", {"model": model, "messages": turns, "stream": stream}),
    ]
    for response, call in zip(asked, emulator.calls()[-2:], strict=True):
        # The reasoning, or its signature.
        assert dropped(response).startswith("messages[1]")
        content = json.loads(call["body"])["messages"][1]["content"]
        blocks = [block["reasoningContent"]["reasoningText"] for block in content if "reasoningContent" in block]
        assert blocks == ([] if kept is None else [kept])


@pytest.mark.parametrize("model", [CLAUDE, "anthropic.claude-opus-5"])
def test_unsigned_reasoning_does_not_reach_claude(gateway: Gateway, emulator: Emulator, model: str) -> None:
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello.", "reasoning_content": "Hm."},
        {"role": "user", "content": "Go on."},
    ]
    response = gateway.post("/v1/chat/completions", {"model": model, "messages": turns})
    assert dropped(response).startswith("messages[1]")
    assert sent(emulator)["messages"][1]["content"] == [{"text": "Hello."}]
