"""Models with their own format, by a dropped-in plugin: OpenAI's and Anthropic's clients reach them too."""

import json
from typing import Any

import pytest

from bedrock_flask.protocol import eventstream
from tests.doubles import Gateway, SendStream, SendWhole, StartGateway, Upstream
from tests.sse_decoder import Decoder

PLUGIN = '''"""Models of a made-up vendor: one that streams, one that does not, and one that nobody can translate."""

from bedrock_flask.plugin import Adapter, Capabilities, Schema, fields, hookimpl, text_of

STOPS = {"done": "end_turn", "full": "max_tokens"}


class Body(Schema):
    ask = fields.String(required=True, min_length=1, description="The question.")
    most = fields.Integer(min=1, max=100, description="Most words.")
    mood = fields.String(description="The tone.")


class Simple(Schema):
    ask = fields.String(required=True, description="The question.")


class Texts(Schema):
    texts = fields.List(fields.String(), required=True, max_items=2, description="The texts.")


def encode(request):
    most = request.get("inferenceConfig", {}).get("maxTokens")
    question = text_of(request["messages"][-1]["content"])
    mood = request.get("additionalModelRequestFields", {}).get("mood")
    return {"ask": question, **({"most": most} if most else {}), **({"mood": mood} if mood else {})}


def decode(reply):
    content = [{"text": reply["text"]}] if "text" in reply else []
    content += [{"toolUse": {"toolUseId": "t1", "name": "look", "input": reply["look"]}}] if "look" in reply else []
    response = {"output": {"message": {"role": "assistant", "content": content}}}
    if "why" in reply:
        response["stopReason"] = STOPS[reply["why"]]
        given, written = reply["in"], reply["out"]
        response["usage"] = {"inputTokens": given, "outputTokens": written, "totalTokens": given + written}
    return response


COMMON = dict(speaks={"acme": "InvokeModel"}, body=Body, encode=encode, decode=decode, sample={"ask": "What is 2+2?"})
REPLY = {"text": "Four.", "why": "done", "in": 3, "out": 5}


@hookimpl
def register_adapters(register):
    register(
        Adapter(
            name="acme",
            models={"acme.talk-*": Capabilities(tools=True)},
            reply=REPLY,
            chunks=[{"text": "Fo"}, {"text": "ur."}, {"why": "done", "in": 3, "out": 5}],
            extras={"mood": "additionalModelRequestFields.mood"},
            **COMMON,
        )
    )
    register(Adapter(name="acme-whole", models={"acme.whole-*": Capabilities(streaming=False)}, reply=REPLY, **COMMON))
    deaf = dict(COMMON, body=Simple, encode=lambda request: {"ask": text_of(request["messages"][-1]["content"])})
    register(Adapter(name="acme-deaf", models={"acme.deaf-*": Capabilities(tools=True)}, reply=REPLY, **deaf))
    register(
        Adapter(
            name="acme-vectors",
            models={"acme.vectors-*": Capabilities(output="embedding", streaming=False, batch=2)},
            body=Texts,
            speaks={"vectors": "InvokeModel"},
            encode=lambda request: {"texts": [text_of(message["content"]) for message in request["messages"]]},
            decode=lambda reply: {"embeddings": reply["vectors"], "usage": {"inputTokens": 1}},
            reply={"vectors": [[0.5]]},
            sample={"texts": ["a"]},
        )
    )
    alone = dict(body=Simple, speaks={"alone": "InvokeModel"}, sample={"ask": "x"})
    register(Adapter(name="acme-alone", models={"acme.alone-*": Capabilities()}, **alone))
'''
CHAT = {"messages": [{"role": "user", "content": "What is 2+2?"}]}


@pytest.fixture(scope="module")
def gateway(
    start_gateway: StartGateway, lasting_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Gateway:
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "acme.py").write_text(PLUGIN)
    return start_gateway(
        BEDROCK_FLASK_PLUGINS_DIR=str(folder),
        AWS_ENDPOINT_URL_BEDROCK_RUNTIME=lasting_upstream.url,
    )


@pytest.fixture
def upstream(lasting_upstream: Upstream) -> Upstream:
    return lasting_upstream.reset()


def sent(upstream: Upstream) -> Any:
    return json.loads(upstream.requests[-1].partition(b"\r\n\r\n")[2])


def texts(response: Any) -> str:
    found = [json.loads(event.data) for event in Decoder().feed(response.content) if event.data != "[DONE]"]
    return "".join(each["choices"][0]["delta"].get("content") or "" for each in found if each["choices"])


def frames(*chunks: dict[str, Any]) -> list[bytes]:
    return [eventstream.encode(eventstream.chunk(json.dumps(chunk).encode())) for chunk in chunks]


def test_a_request_is_encoded_and_its_answer_decoded(gateway: Gateway, upstream: Upstream, whole: SendWhole) -> None:
    upstream.scripts.append(whole(b'{"text":"Four.","why":"full","in":3,"out":5}'))
    document = gateway.post("/v1/chat/completions", {**CHAT, "model": "acme", "max_tokens": 7, "mood": "glad"}).json()
    assert sent(upstream) == {"ask": "What is 2+2?", "most": 7, "mood": "glad"}
    assert document["choices"][0]["message"]["content"] == "Four."
    assert document["choices"][0]["finish_reason"] == "length"
    assert document["usage"]["total_tokens"] == 8


def test_chunks_are_decoded_one_by_one(gateway: Gateway, upstream: Upstream, stream: SendStream) -> None:
    chunks = [
        {"text": "Fo"},
        {"text": "ur."},
        {"look": {"at": "it"}},
        {"text": "So."},
        {"why": "done", "in": 3, "out": 5},
    ]
    upstream.scripts.append(stream(*frames(*chunks)))
    body = {**CHAT, "model": "acme", "stream": True, "stream_options": {"include_usage": True}}
    response = gateway.post("/v1/chat/completions", body)
    assert texts(response) == "Four.So."
    events = [event.data for event in Decoder().feed(response.content)]
    assert events[-1] == "[DONE]"
    assert json.loads(events[-2])["usage"]["total_tokens"] == 8
    calls = [call for each in events[:-2] for call in json.loads(each)["choices"][0]["delta"].get("tool_calls", ())]
    assert json.loads("".join(call["function"]["arguments"] for call in calls)) == {"at": "it"}
    upstream.scripts.append(stream(*frames(*chunks)))
    answer = gateway.post("/v1/messages", {**CHAT, "model": "acme", "max_tokens": 9, "stream": True})
    starts = [
        json.loads(e.data)["content_block"]["type"] for e in Decoder().feed(answer.content) if "block_start" in e.event
    ]
    assert starts == ["text", "tool_use", "text"]


def test_a_cut_stream_of_chunks_is_no_success(gateway: Gateway, upstream: Upstream, stream: SendStream) -> None:
    upstream.scripts.append(stream(*frames({"text": "Fo"})))
    response = gateway.post("/v1/chat/completions", {**CHAT, "model": "acme", "stream": True})
    assert b"[DONE]" not in response.content
    assert b'"finish_reason": "stop"' not in response.content
    assert b"upstream_truncated" in response.content


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
def test_a_model_that_does_not_stream_serves_a_client_that_does(
    gateway: Gateway, upstream: Upstream, whole: SendWhole, path: str
) -> None:
    upstream.scripts.append(whole(b'{"text":"Four.","why":"done","in":3,"out":5}'))
    body = {"model": "acme-whole", "stream": True}
    body |= {"input": "What is 2+2?"} if "responses" in path else {**CHAT, "max_tokens": 9}
    response = gateway.post(path, body)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert b"Four." in response.content
    ends = {"/v1/chat/completions": b"[DONE]", "/v1/messages": b"message_stop", "/v1/responses": b"response.completed"}
    assert ends[path] in response.content
    assert upstream.requests[-1].startswith(b"POST /model/acme.whole-v1%3A0/invoke ")


def test_a_body_that_the_plugins_own_schema_refuses_is_not_sent(gateway: Gateway, upstream: Upstream) -> None:
    response = gateway.post("/v1/chat/completions", {**CHAT, "model": "acme", "max_tokens": 1000})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "max_tokens")
    assert upstream.requests == []


def test_a_model_that_nobody_can_translate_says_where_it_is_asked(gateway: Gateway, upstream: Upstream) -> None:
    response = gateway.post("/v1/chat/completions", {**CHAT, "model": "acme-alone"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "not_conversable")
    assert "/v1/models/acme-alone/invoke" in response.json()["error"]["message"]
    assert upstream.requests == []


# --- what `encode` does not read --------------------------------------------------------------------------------------

DROP = {"x-bedrock-flask-unsupported": "drop"}
FUNCTION = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
TOOL = {"name": "look", "input_schema": {"type": "object", "properties": {}}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}


def ask(path: str, model: str, **more: Any) -> tuple[str, dict[str, Any]]:
    body = {"input": "What is 2+2?"} if "responses" in path else {**CHAT, "max_tokens": 9}
    return path, {**body, "model": model, **more}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("path", "more", "name"),
    [
        ("/v1/chat/completions", {"temperature": 0.5}, "temperature"),
        ("/v1/chat/completions", {"top_p": 0.5}, "top_p"),
        ("/v1/chat/completions", {"stop": ["END"]}, "stop"),
        ("/v1/messages", {"top_p": 0.5}, "top_p"),
        ("/v1/messages", {"stop_sequences": ["END"]}, "stop_sequences"),
        ("/v1/responses", {"temperature": 0.5}, "temperature"),
    ],
)
def test_an_option_that_the_plugin_does_not_read_is_refused_or_dropped_and_listed(
    gateway: Gateway, upstream: Upstream, whole: SendWhole, path: str, more: dict[str, Any], name: str, stream: bool
) -> None:
    path, body = ask(path, "acme-whole", stream=stream, **more)
    refused = gateway.post(path, body)
    assert refused.status_code == 400
    assert f"{name}: 'acme-whole' cannot take this" in refused.text
    assert upstream.requests == []
    upstream.scripts.append(whole(b'{"text":"Four.","why":"done","in":3,"out":5}'))
    dropped = gateway.post(path, body, headers=DROP)
    assert dropped.status_code == 200, dropped.text
    assert dropped.headers["x-bedrock-flask-dropped"] == name


@pytest.mark.parametrize("policy", [{}, DROP])
@pytest.mark.parametrize(
    ("path", "more", "name"),
    [
        ("/v1/chat/completions", {"tools": [FUNCTION], "tool_choice": "required"}, "tools"),
        ("/v1/chat/completions", {"response_format": FORMAT}, "response_format"),
        ("/v1/messages", {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "look"}}, "tools"),
    ],
)
def test_a_tool_or_a_schema_that_the_plugin_does_not_read_is_refused_whatever_the_policy(
    gateway: Gateway, upstream: Upstream, path: str, more: dict[str, Any], name: str, policy: dict[str, str]
) -> None:
    path, body = ask(path, "acme-deaf", **more)
    response = gateway.post(path, body, headers=policy)
    assert (response.status_code, f"{name}: 'acme-deaf' cannot take this" in response.text) == (400, True)
    assert upstream.requests == []


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_a_limit_that_the_plugin_does_not_read_is_reported(
    gateway: Gateway, upstream: Upstream, whole: SendWhole, path: str
) -> None:
    upstream.scripts.append(whole(b'{"text":"Four.","why":"done","in":3,"out":5}'))
    response = gateway.post(*ask(path, "acme-deaf"))
    assert response.status_code == 200, response.text
    assert response.headers["x-bedrock-flask-dropped"] in ("max_tokens", "max_completion_tokens")


# --- a vector for each text -------------------------------------------------------------------------------------------


def test_every_text_of_a_batch_has_its_vector(gateway: Gateway, upstream: Upstream, whole: SendWhole) -> None:
    upstream.scripts += [whole(b'{"vectors":[[1],[2]]}'), whole(b'{"vectors":[[3],[4]]}')]
    response = gateway.post("/v1/embeddings", {"model": "acme-vectors", "input": ["a", "b", "a", "b"]})
    assert response.status_code == 200, response.text
    assert sent(upstream) == {"texts": ["a", "b"]}
    assert sorted(item["embedding"][0] for item in response.json()["data"]) == [1, 2, 3, 4]


@pytest.mark.parametrize("vectors", [b"[[1]]", b"[[1],[2],[3]]"])
def test_another_number_of_vectors_than_texts_is_an_error(
    gateway: Gateway, upstream: Upstream, whole: SendWhole, vectors: bytes
) -> None:
    upstream.scripts.append(whole(b'{"vectors":' + vectors + b"}"))
    response = gateway.post("/v1/embeddings", {"model": "acme-vectors", "input": ["a", "b"]})
    assert response.status_code == 502
    assert "vectors for 2 texts" in response.text


@pytest.mark.parametrize("tokens", [[1, 2], [[1, 2], [3]]])
def test_token_ids_are_refused_by_the_name_of_the_clients_setting(
    gateway: Gateway, upstream: Upstream, tokens: Any
) -> None:
    response = gateway.post("/v1/embeddings", {"model": "acme-vectors", "input": tokens})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "input")
    assert "check_embedding_ctx_length=False" in response.json()["error"]["message"]
    assert upstream.requests == []
