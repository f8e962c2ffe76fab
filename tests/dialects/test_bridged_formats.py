"""Models that speak a client's format and nothing else, by a dropped-in plugin: every dialect reaches them."""

import json
from typing import Any

import pytest

from bedrock_flask.protocol import eventstream
from tests.doubles import Emulator, Gateway, SendStream, SendWhole, StartEmulator, StartGateway, Upstream
from tests.sse_decoder import Decoder

Json = dict[str, Any]

PLUGIN = '''"""Models of a made-up vendor, each of which speaks one published format on InvokeModel and not Converse."""

from bedrock_flask.plugin import (
    Adapter,
    Capabilities,
    Open,
    Schema,
    anthropic_body,
    fields,
    hookimpl,
    openai_chat_body,
)

HELLO = [{"role": "user", "content": "Hello"}]
ALL = Capabilities(tools=True, system=True, images=True, reasoning=True)


class Chat(openai_chat_body.Body):
    model = fields.String(description="Bedrock has it in the address.")
    max_completion_tokens = fields.Integer(min=1, max=500, description="Maximum output tokens.")


class Narrow(Schema):
    messages = fields.List(fields.Anything(), required=True, min_items=1, description="The conversation so far.")
    max_completion_tokens = fields.Integer(min=1, description="Maximum output tokens.")


class Responses(Open):
    input = fields.List(fields.Anything(), required=True, min_items=1, description="The conversation so far.")


@hookimpl
def register_adapters(register):
    chat = dict(speaks={"openai_chat": "InvokeModel"}, sample={"messages": HELLO})
    register(
        Adapter(
            name="bridge-chat",
            models={"bridge.chat-*": ALL},
            body=Chat,
            extras={"effort": "outputConfig.effort"},
            **chat,
        )
    )
    register(
        Adapter(name="bridge-whole", models={"bridge.whole-*": ALL.but(streaming=False)}, body=Chat, **chat)
    )
    register(Adapter(name="bridge-narrow", models={"bridge.narrow-*": ALL}, body=Narrow, **chat))
    register(
        Adapter(
            name="bridge-claude",
            models={"bridge.claude-*": ALL},
            body=anthropic_body.Body,
            speaks={"anthropic": "InvokeModel"},
            sample={"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": HELLO},
        )
    )
    register(
        Adapter(
            name="bridge-responses",
            models={"bridge.responses-*": ALL},
            body=Responses,
            speaks={"openai_responses": "InvokeModel"},
            sample={"input": [{"type": "message", "role": "user", "content": "Hello"}]},
        )
    )
'''
PATHS = ["/v1/chat/completions", "/v1/messages", "/v1/responses"]
MODELS = ["bridge-chat", "bridge-whole", "bridge-claude", "bridge-responses"]
ENDS = {PATHS[0]: b"[DONE]", PATHS[1]: b"message_stop", PATHS[2]: b"response.completed"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "bridge.py").write_text(PLUGIN)
    return folder


@pytest.fixture(scope="module")
def emulator(start_emulator: StartEmulator, plugins: Any) -> Emulator:
    return start_emulator(plugins_dir=plugins)


@pytest.fixture(scope="module")
def gateway(start_gateway: StartGateway, emulator: Emulator, plugins: Any) -> Gateway:
    return start_gateway(BEDROCK_FLASK_PLUGINS_DIR=str(plugins), AWS_ENDPOINT_URL_BEDROCK_RUNTIME=emulator.url)


@pytest.fixture(scope="module")
def scripted_gateway(start_gateway: StartGateway, lasting_upstream: Upstream, plugins: Any) -> Gateway:
    return start_gateway(BEDROCK_FLASK_PLUGINS_DIR=str(plugins), AWS_ENDPOINT_URL_BEDROCK_RUNTIME=lasting_upstream.url)


@pytest.fixture
def upstream(lasting_upstream: Upstream) -> Upstream:
    return lasting_upstream.reset()


def request(path: str, model: str, words: str = "Tell me something.", **members: Any) -> Json:
    body: Json = {"model": model, **members}
    if path == "/v1/responses":
        return {"max_output_tokens": 400, "input": words} | body
    return body | {"messages": [{"role": "user", "content": words}], "max_tokens": 400}


def with_tool(path: str) -> Json:
    if path == "/v1/messages":
        return {"tools": [{"name": "weather", "input_schema": SCHEMA}]}
    function = {"name": "weather", "parameters": SCHEMA}
    tool = {"type": "function", **({"function": function} if "chat" in path else function)}
    return {"tools": [tool]}


def reply_text(path: str, reply: Json) -> str:
    if "chat" in path:
        return str(reply["choices"][0]["message"]["content"])
    content = reply["content"] if "messages" in path else reply["output"][-1]["content"]
    return "".join(block["text"] for block in content if "text" in block["type"])


def stream_text(path: str, data: bytes) -> str:
    chunks = [json.loads(event.data) for event in Decoder().feed(data) if event.data != "[DONE]"]
    if "chat" in path:
        return "".join(each["choices"][0]["delta"].get("content") or "" for each in chunks if each["choices"])
    if "messages" in path:
        return "".join(each["delta"].get("text", "") for each in chunks if each["type"] == "content_block_delta")
    return "".join(each["delta"] for each in chunks if each["type"] == "response.output_text.delta")


def call(path: str, reply: Json) -> tuple[str, Any]:
    """The name and the arguments of the one tool call of a reply."""
    if "messages" in path:
        [use] = [block for block in reply["content"] if block["type"] == "tool_use"]
        return use["name"], use["input"]
    [use] = (
        [each["function"] for each in reply["choices"][0]["message"]["tool_calls"]]
        if "chat" in path
        else [item for item in reply["output"] if item["type"] == "function_call"]
    )
    return use["name"], json.loads(use["arguments"])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("model", MODELS)
def test_a_model_that_speaks_one_format_is_reached_from_every_dialect(gateway: Gateway, path: str, model: str) -> None:
    whole = gateway.post(path, request(path, model))
    assert whole.status_code == 200, whole.text
    text = reply_text(path, whole.json())
    assert text
    assert int(whole.headers["x-bedrock-flask-output-tokens"]) > 0
    usage = whole.json()["usage"]
    assert usage.get("output_tokens", usage.get("completion_tokens")) > 0
    streamed = gateway.post(path, request(path, model, stream=True))
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert stream_text(path, streamed.content) == text
    assert ENDS[path] in streamed.content


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("model", MODELS)
def test_a_tool_is_called_in_the_words_of_the_caller(gateway: Gateway, path: str, model: str) -> None:
    reply = gateway.post(path, request(path, model, "Use weather.", **with_tool(path)))
    assert reply.status_code == 200, reply.text
    name, given = call(path, reply.json())
    assert (name, given.keys()) == ("weather", {"city"})
    streamed = gateway.post(path, request(path, model, "Use weather.", stream=True, **with_tool(path)))
    assert b'"weather"' in streamed.content
    assert ENDS[path] in streamed.content


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses"])
def test_the_body_is_the_models_own_and_goes_by_invoke(gateway: Gateway, emulator: Emulator, path: str) -> None:
    emulator.ask("DELETE", "/_emulator/requests")
    assert gateway.post(path, request(path, "bridge-chat", "Hi.")).status_code == 200
    [sent] = emulator.calls()
    assert sent["operation"] == "InvokeModel"
    assert json.loads(sent["body"])["messages"] == [{"role": "user", "content": "Hi."}]


def test_native_and_bedrocks_own_routes_serve_it_as_they_serve_any_model(gateway: Gateway) -> None:
    body = {"messages": [{"role": "user", "content": "Hi."}]}
    native = gateway.post("/v1/models/bridge-chat/invoke", body)
    assert native.json()["choices"][0]["message"]["content"]
    assert gateway.post("/model/bridge.chat-v1:0/invoke", body).json()["choices"]
    converse = gateway.post("/model/bridge.chat-v1:0/converse", {"messages": [{"role": "user", "content": []}]})
    assert converse.status_code == 400


def test_what_the_models_schema_refuses_is_not_sent(scripted_gateway: Gateway, upstream: Upstream) -> None:
    response = scripted_gateway.post("/v1/messages", request("/v1/messages", "bridge-chat") | {"max_tokens": 501})
    assert response.status_code == 400
    assert "max_tokens: " in response.json()["error"]["message"]
    assert upstream.requests == []


def test_what_the_model_requires_is_named_in_the_callers_words(gateway: Gateway) -> None:
    response = gateway.post("/v1/responses", request("/v1/responses", "bridge-claude") | {"max_output_tokens": None})
    assert response.status_code == 400
    assert (response.json()["error"]["param"], response.json()["error"]["code"]) == (
        "max_output_tokens",
        "invalid_body",
    )


def test_what_the_models_schema_does_not_have_is_refused_or_dropped(
    scripted_gateway: Gateway, upstream: Upstream, whole: SendWhole
) -> None:
    reply = {"choices": [{"message": {"content": "Hi."}, "finish_reason": "stop"}]}
    sampled = request("/v1/messages", "bridge-narrow", temperature=0.5, metadata={"user_id": "u"})
    refused = scripted_gateway.post("/v1/messages", sampled)
    assert refused.status_code == 400
    assert "temperature" in refused.json()["error"]["message"]
    assert upstream.requests == []
    upstream.scripts.append(whole(json.dumps(reply).encode()))
    dropped = scripted_gateway.post("/v1/messages", sampled, headers={"x-bedrock-flask-unsupported": "drop"})
    assert dropped.status_code == 200
    assert dropped.headers["x-bedrock-flask-dropped"].split(", ") == ["metadata", "temperature"]
    sent = json.loads(upstream.requests[-1].partition(b"\r\n\r\n")[2])
    assert sent.keys() == {"messages", "max_completion_tokens"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_guardrail_goes_by_the_headers_of_invoke(
    gateway: Gateway, emulator: Emulator, path: str, model: str, stream: bool
) -> None:
    named = {"guardrailIdentifier": "gr1", "guardrailVersion": "1", "trace": "enabled"}
    headers = {"X-Amzn-Bedrock-GuardrailIdentifier": "gr1", "X-Amzn-Bedrock-GuardrailVersion": "1"}
    guarded = request(path, model, "Say [[blocked]].", stream=stream)
    for more, given in (({"guardrailConfig": named}, {}), ({}, headers)):
        response = gateway.post(path, guarded | more, headers=given)
        assert response.status_code == 200, response.text
        assert "Sorry, the model cannot answer this question." in response.text
        sent = emulator.calls()[-1]
        assert "guardrail" not in sent["body"]
        assert {name.lower() for name in sent["headers"]} >= {name.lower() for name in headers}


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1/chat/completions", "bridge-claude"),
        ("/v1/chat/completions", "bridge-responses"),
        ("/v1/responses", "bridge-claude"),
        ("/v1/responses", "bridge-whole"),
    ],
)
def test_a_tier_goes_by_the_header_of_invoke(gateway: Gateway, emulator: Emulator, path: str, model: str) -> None:
    response = gateway.post(path, request(path, model, service_tier="flex", performanceConfig={"latency": "optimized"}))
    assert response.status_code == 200, response.text
    sent = emulator.calls()[-1]
    headers = {name.lower(): value for name, value in sent["headers"].items()}
    assert headers["x-amzn-bedrock-service-tier"] == "flex"
    assert headers["x-amzn-bedrock-performanceconfig-latency"] == "optimized"
    assert json.loads(sent["body"]).keys().isdisjoint({"service_tier", "performanceConfig"})


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses"])
@pytest.mark.parametrize(
    "reply",
    [
        {"choices": [{"message": {"content": [5]}, "finish_reason": "stop"}]},
        {"choices": [{"message": {"content": "", "tool_calls": [{"id": "x"}]}, "finish_reason": "stop"}]},
        {"choices": [{"message": {"content": {"a": 1}}, "finish_reason": ["stop"]}]},
    ],
)
def test_an_odd_answer_is_a_protocol_error(
    scripted_gateway: Gateway, upstream: Upstream, whole: SendWhole, path: str, reply: Json
) -> None:
    upstream.scripts.append(whole(json.dumps(reply).encode()))
    response = scripted_gateway.post(path, request(path, "bridge-chat"))
    assert response.status_code == 502
    assert "cannot be read" in response.text


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/responses"])
def test_a_stream_that_is_cut_is_not_a_success(
    scripted_gateway: Gateway, upstream: Upstream, stream: SendStream, path: str
) -> None:
    chunk = {"choices": [{"index": 0, "delta": {"content": "Fo"}, "finish_reason": None}]}
    upstream.scripts.append(stream(eventstream.encode(eventstream.chunk(json.dumps(chunk).encode()))))
    response = scripted_gateway.post(path, request(path, "bridge-chat", stream=True))
    assert "Fo" in stream_text(path, response.content)
    assert ENDS[path] not in response.content
    assert b"error" in response.content


def test_a_stream_that_reports_an_error_fails(
    scripted_gateway: Gateway, upstream: Upstream, stream: SendStream
) -> None:
    chunk = {"error": {"message": "out of cards", "type": "server_error"}}
    upstream.scripts.append(stream(eventstream.encode(eventstream.chunk(json.dumps(chunk).encode()))))
    response = scripted_gateway.post("/v1/messages", request("/v1/messages", "bridge-chat", stream=True))
    assert response.status_code == 502
    assert "out of cards" in response.text
