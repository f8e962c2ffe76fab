"""The families with a chat body: bodies as AWS publishes them pass unchanged, and altered ones are refused."""

import json
from typing import Any

import boto3
import pytest
from botocore.config import Config

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.fields import find_faults
from bedrock_flask.models.loading import load_registry
from bedrock_flask.protocol import eventstream
from bedrock_flask.wires import find_wire
from tests.doubles import Emulator, Gateway, GatewayWith, SendStream, SendWhole, StartGateway, Upstream
from tests.sse_decoder import Decoder

Json = dict[str, Any]
REGISTRY = load_registry()
CHAT: list[Adapter] = [each for each in REGISTRY.adapters.values() if each.wire == "invoke_chat"]
PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNoAAAAggCB2kUIOwAAAABJRU5ErkJggg=="
)
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="

METRICS = "amazon-bedrock-invocationMetrics"
PAYMENT = {
    "type": "function",
    "function": {
        "name": "get_payment",
        "description": "Finds a payment.",
        "parameters": {
            "type": "object",
            "properties": {"payment_id": {"type": "string", "description": "The payment's number."}},
            "required": ["payment_id"],
        },
    },
}
ASKED: Json = {"role": "user", "content": "Is payment P7 settled?"}
CALLED: Json = {
    "role": "assistant",
    "content": "",
    "tool_calls": [
        {"id": "a1b2c3d4e", "function": {"name": "get_payment", "arguments": '{"payment_id": "P7"}'}},
    ],
}
FOUND: Json = {"role": "tool", "content": '{"status": "settled"}', "tool_call_id": "a1b2c3d4e"}
SEEN = [
    {"type": "text", "text": "What is on the picture?"},
    {"type": "image_url", "image_url": {"url": PNG}},
]


def ask(content: Any = "Name three colours.", **more: Any) -> Json:
    return {"messages": [{"role": "user", "content": content}], **more}


GPT_OSS, QWEN, PALMYRA = "openai.gpt-oss-20b-1:0", "qwen.qwen3-32b-v1:0", "us.writer.palmyra-x5-v1:0"
LARGE, PIXTRAL = "mistral.mistral-large-2407-v1:0", "us.mistral.pixtral-large-2502-v1:0"
LLAMA, LARGE_2402 = "meta.llama3-3-70b-instruct-v1:0", "mistral.mistral-large-2402-v1:0"
SUMMARY: Json = {
    "type": "json_schema",
    "json_schema": {
        "name": "summary",
        "schema": {
            "type": "object",
            "properties": {"title": {"type": "string"}},
            "required": ["title"],
            "additionalProperties": False,
        },
    },
}
JAMBA, NEW_MISTRAL, KIMI = "ai21.jamba-1-5-large-v1:0", "mistral.mistral-large-3-675b-instruct", "moonshotai.kimi-k2.5"
# Sources: the pages of the user guide's model parameters, the "Invoke API" of the models' cards, and programs of AWS's.
PUBLISHED: list[tuple[str, Json]] = [
    (
        GPT_OSS,
        {
            "model": GPT_OSS,
            "messages": [
                {"role": "system", "content": "You help with travel."},
                {"role": "assistant", "content": "Hello! Where to?"},
                {"role": "user", "content": "To the sea."},
            ],
            "max_completion_tokens": 150,
            "temperature": 0.7,
            "top_p": 0.9,
            "stream": False,
        },
    ),
    (
        "openai.gpt-oss-120b-1:0",
        {
            "messages": [{"role": "developer", "content": "Be terse."}, {"role": "user", "content": "2+2?"}],
            "max_tokens": 20,
            "reasoning_effort": "high",
            "stop": ["\n\n"],
            "tools": [PAYMENT],
            "tool_choice": "auto",
        },
    ),
    ("openai.gpt-oss-safeguard-20b", ask(max_completion_tokens=64)),
    # The user guide's example of structured output has the parameters of Converse.
    (GPT_OSS, ask(inferenceConfig={"maxTokens": 3000, "temperature": 1.0}, response_format=SUMMARY)),
    (QWEN, ask(inferenceConfig={"maxTokens": 3000, "temperature": 1.0}, response_format=SUMMARY)),
    # The cards of models with a prompt have messages.
    (LLAMA, ask(max_tokens=1024)),
    ("us.meta.llama4-scout-17b-instruct-v1:0", ask(max_tokens=1024)),
    ("us.deepseek.r1-v1:0", ask(max_tokens=1024)),
    ("mistral.mistral-7b-instruct-v0:2", ask(max_tokens=1024)),
    (LARGE_2402, {"messages": [ASKED, CALLED, FOUND], "tools": [PAYMENT], "max_tokens": 8192}),
    (LARGE_2402, ask(tools=[PAYMENT], tool_choice="any", top_p=1, temperature=0.7)),
    (QWEN, ask(max_tokens=1024)),
    ("qwen.qwen3-235b-a22b-2507-v1:0", ask(max_tokens=1024, reasoning_effort="low", top_p=0.8, stop="END")),
    ("qwen.qwen3-coder-480b-a35b-v1:0", ask(max_tokens=512, temperature=0, tools=[PAYMENT], tool_choice="required")),
    ("qwen.qwen3-vl-235b-a22b", ask(SEEN, max_tokens=300)),
    (QWEN, ask(max_tokens=64, top_k=20, chat_template_kwargs={"enable_thinking": False}, presence_penalty=1.5)),
    ("deepseek.v3.2", ask(max_tokens=1024, temperature=0.3, seed=7, logprobs=True, top_logprobs=2)),
    ("deepseek.v3-v1:0", ask(max_tokens=1024, thinking={"type": "enabled"})),
    (KIMI, ask(SEEN, max_tokens=1024)),
    ("moonshot.kimi-k2-thinking", ask(max_tokens=16000, temperature=1.0)),
    ("zai.glm-5", ask(max_tokens=1024, response_format={"type": "json_object"})),
    ("zai.glm-4.7-flash", ask(max_tokens=1024, thinking={"type": "disabled"})),
    ("us.zai.glm-5.3", ask(max_tokens=1024, reasoning_effort="max")),
    ("global.moonshotai.kimi-k3", ask(max_tokens=1024)),
    ("minimax.minimax-m2", ask(max_tokens=1024, temperature=1.0, top_p=0.95, top_k=40)),
    ("google.gemma-3-27b-it", ask(SEEN, max_tokens=1024)),
    ("nvidia.nemotron-nano-12b-v2", ask(SEEN, max_tokens=1024)),
    (
        "nvidia.nemotron-super-3-120b",
        {"messages": [{"role": "system", "content": "/no_think"}, ASKED], "max_tokens": 50, "n": 1},
    ),
    (LARGE, {"messages": [{"role": "user", "content": "which model are you?"}]}),
    (LARGE, {"messages": [ASKED], "tools": [PAYMENT]}),
    (LARGE, {"messages": [ASKED, CALLED, FOUND], "tools": [PAYMENT]}),
    (LARGE, ask(tools=[PAYMENT], tool_choice="any", max_tokens=200, top_p=1, temperature=0.7)),
    (PIXTRAL, ask(SEEN, max_tokens=10)),
    (PIXTRAL, ask([{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": PNG}], safe_prompt=True)),
    (NEW_MISTRAL, ask(SEEN, max_tokens=1024, safe_prompt=False, random_seed=3)),
    ("mistral.ministral-3-8b-instruct", ask(max_tokens=1024)),
    ("mistral.magistral-small-2509", ask(max_tokens=1024, reasoning_effort="medium")),
    ("mistral.devstral-2-123b", ask(max_tokens=1024, tools=[PAYMENT], tool_choice="any")),
    (
        "mistral.voxtral-small-24b-2507",
        ask([{"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}, {"type": "text", "text": "?"}]),
    ),
    (PALMYRA, {"messages": [{"role": "user", "content": {"text": "What is a qubit?"}}]}),
    ("us.writer.palmyra-x4-v1:0", {"temperature": 1, **ask("What is a qubit?")}),
    (PALMYRA, ask(max_tokens=8192, min_tokens=8192, top_p=1.0, stop=["a", "b", "c", "d"], seed=-4)),
    ("writer.palmyra-vision-7b", ask(SEEN, max_tokens=400)),
    (
        JAMBA,
        {
            "messages": [{"role": "system", "content": "Be kind."}, ASKED],
            "max_tokens": 4096,
            "temperature": 0.7,
            "top_p": 0.8,
            "stop": ["###"],
            "n": 1,
            "frequency_penalty": 0.1,
            "presence_penalty": 0,
        },
    ),
    ("ai21.jamba-1-5-mini-v1:0", ask(n=16, temperature=1.2, documents=[{"content": "Rome is old."}])),
]
# What is changed in a published body, and the path of the fault.
ALTERED: list[tuple[str, Json, str]] = [
    (GPT_OSS, ask(max_completion_token=5), "max_completion_token"),
    (GPT_OSS, ask(max_completion_tokens="150"), "max_completion_tokens"),
    (GPT_OSS, ask(max_completion_tokens=0), "max_completion_tokens"),
    (GPT_OSS, ask(temperature=2.1), "temperature"),
    (GPT_OSS, ask(reasoning_effort="huge"), "reasoning_effort"),
    (GPT_OSS, ask(stop=["a", "b", "c", "d", "e"]), "stop"),
    (GPT_OSS, ask(SEEN), "messages[0].content[1].type"),
    (GPT_OSS, {"max_completion_tokens": 5}, "messages"),
    (GPT_OSS, {"messages": []}, "messages"),
    (GPT_OSS, {"messages": [{"role": "robot", "content": "Hi"}]}, "messages[0].role"),
    (QWEN, ask(max_token=5), "max_token"),
    (QWEN, ask(top_p=1.01), "top_p"),
    (QWEN, ask(messagez=[]), "messagez"),
    (QWEN, {"messages": "Hi"}, "messages"),
    (QWEN, {"messages": [{"role": "user"}]}, "messages[0].content"),
    (QWEN, {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}, "messages[0].content[0].type"),
    (QWEN, ask(tools=[{"type": "function"}]), "tools[0].function"),
    (QWEN, ask(tools=[{"type": "function", "function": {"name": 7}}]), "tools[0].function.name"),
    (QWEN, ask(tool_choice="any"), "tool_choice"),
    (QWEN, ask(enable_thinking="no"), "enable_thinking"),
    (QWEN, ask(inputText="Hi"), "inputText"),
    ("deepseek.v3.2", ask(thinking={"type": "on"}), "thinking.type"),
    ("deepseek.v3.2", ask(prompt="Hi"), "prompt"),
    ("deepseek.v3.2", ask(top_logprobs=21), "top_logprobs"),
    ("zai.glm-5", ask(response_format={"type": "yaml"}), "response_format.type"),
    ("minimax.minimax-m2", ask(n=0), "n"),
    (
        "google.gemma-3-27b-it",
        ask([{"type": "image_url", "image_url": {"uri": PNG}}]),
        "messages[0].content[0].image_url.url",
    ),
    ("nvidia.nemotron-nano-3-30b", ask(seed=1.5), "seed"),
    (KIMI, ask(presence_penalty=-2.5), "presence_penalty"),
    (QWEN, ask(inferenceConfig={"maxTokns": 5}), "inferenceConfig.maxTokns"),
    (LLAMA, ask(max_tokns=5), "max_tokns"),
    (LLAMA, ask(max_tokens=0), "max_tokens"),
    (LLAMA, {"massages": [ASKED]}, "prompt"),
    ("us.deepseek.r1-v1:0", ask(temperature="1"), "temperature"),
    (LARGE_2402, ask(max_tokens=8193), "max_tokens"),
    (LARGE, ask(temperature=1.1), "temperature"),
    (LARGE, ask(max_tokens=8193), "max_tokens"),
    (LARGE, ask(tools=[PAYMENT], tool_choice="required"), "tool_choice"),
    (LARGE, ask(tools=[PAYMENT], tool_choice={"type": "function", "function": {"name": "get_payment"}}), "tool_choice"),
    (LARGE, ask(safe_promt=True), "safe_promt"),
    (LARGE, ask(max_completion_tokens=5), "max_completion_tokens"),
    (PIXTRAL, ask([{"type": "image", "image_url": PNG}]), "messages[0].content[0].type"),
    (LARGE, {"messages": [ASKED, {**FOUND, "tool_call_id": None}]}, "messages[1].tool_call_id"),
    (NEW_MISTRAL, ask(tool_choice="always"), "tool_choice"),
    (PALMYRA, ask(max_tokens=8193), "max_tokens"),
    (PALMYRA, ask(max_tokens=0), "max_tokens"),
    (PALMYRA, ask(top_p=0), "top_p"),
    (PALMYRA, ask(stop=["a", "b", "c", "d", "e"]), "stop"),
    (PALMYRA, ask(max_tokens=10, min_tokens=11), "min_tokens"),
    (PALMYRA, ask({"tex": "Hi"}), "messages[0].content.tex"),
    (PALMYRA, ask(top_k=5), "top_k"),
    (JAMBA, ask(n=17), "n"),
    (JAMBA, ask(n=2, temperature=0), "n"),
    (JAMBA, ask(max_tokens=4097), "max_tokens"),
    (JAMBA, ask(numResults=1), "numResults"),
]


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Any:
    """An unmodified boto3 client of the gateway."""
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=gateway.url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )


def read_pieces(chunks: list[Any]) -> str:
    """The text of a stream, of whatever form."""
    choices = [choice for chunk in chunks if isinstance(chunk, dict) for choice in chunk["choices"]]
    return "".join((choice.get("delta") or choice.get("message") or {}).get("content") or "" for choice in choices)


@pytest.mark.parametrize(("model", "body"), PUBLISHED)
def test_a_published_body_passes_unchanged_on_the_native_route(
    gateway: Gateway, emulator: Emulator, model: str, body: Json
) -> None:
    written = "  " + json.dumps(body, indent=2)
    response = gateway.post(f"/v1/models/{model}/invoke", written)
    assert response.status_code == 200, response.text
    [call] = emulator.calls()
    assert (call["operation"], call["body"]) == ("InvokeModel", written)
    adapter = REGISTRY.pick(model)[0].for_body(body)
    assert adapter.answer is not None
    assert find_faults(adapter.answer(), response.json()) == []
    # Some forms have no counts, and then they are in Bedrock's headers.
    usage = find_wire(adapter).read_usage(response.json())
    counts = [int(response.headers[f"x-bedrock-flask-{kind}-tokens"]) for kind in ("input", "output")]
    assert counts == [usage.input, usage.output] or usage == Usage()
    assert min(counts) > 0


@pytest.mark.parametrize(("model", "body"), PUBLISHED)
def test_a_published_body_passes_unchanged_through_boto3(
    gateway: Gateway, emulator: Emulator, client: Any, model: str, body: Json
) -> None:
    written = json.dumps(body)
    reply = client.invoke_model(modelId=model, body=written)
    answer = json.loads(reply["body"].read())
    [call] = emulator.calls()
    assert (call["operation"], call["body"]) == ("InvokeModel", written)
    assert answer["choices"][0]["message"]["role"] == "assistant"


@pytest.mark.parametrize(("model", "body"), [each for each in PUBLISHED if each[1].get("stream") is None])
def test_streams_are_complete_and_count_as_whole_answers_do(
    gateway: Gateway, emulator: Emulator, client: Any, model: str, body: Json
) -> None:
    whole = gateway.post(f"/v1/models/{model}/invoke", body)
    *events, usage = Decoder().feed(gateway.post(f"/v1/models/{model}/invoke-stream", body).content)
    assert usage.event == "usage", usage.data
    counted = json.loads(usage.data)
    for kind in ("input", "output"):
        assert counted[f"{kind}_tokens"] == int(whole.headers[f"x-bedrock-flask-{kind}-tokens"])
    chunks = [json.loads(event.data) for event in events]
    assert read_pieces(chunks) == (whole.json()["choices"][0]["message"]["content"] or "")
    streamed = client.invoke_model_with_response_stream(modelId=model, body=json.dumps(body))
    frames = [json.loads(event["chunk"]["bytes"]) for event in streamed["body"]]
    assert read_pieces(frames) == read_pieces(chunks)
    [metrics] = [each["amazon-bedrock-invocationMetrics"] for each in frames if "choices" in each and METRICS in each]
    assert metrics["inputTokenCount"] == counted["input_tokens"]
    assert metrics["outputTokenCount"] == counted["output_tokens"]


@pytest.mark.parametrize(("model", "body", "path"), ALTERED)
def test_an_altered_body_is_refused_at_its_path_before_any_call(
    gateway: Gateway, emulator: Emulator, client: Any, model: str, body: Json, path: str
) -> None:
    response = gateway.post(f"/v1/models/{model}/invoke", body)
    assert response.status_code == 400, response.text
    assert path in [error["path"] for error in response.json()["errors"]]
    assert emulator.calls() == []
    with pytest.raises(client.exceptions.ValidationException) as refused:
        client.invoke_model(modelId=model, body=json.dumps(body))
    assert path in str(refused.value)
    # On Bedrock's route, what the schema does not know is Bedrock's to refuse.
    adapter = REGISTRY.pick(model)[0].for_body(body)
    is_known = any(not fault.unknown for fault in adapter.find_faults(body))
    assert (emulator.calls() == []) is is_known


@pytest.mark.parametrize(
    ("model", "body", "words"),
    [
        (QWEN, ask(SEEN), "image_url"),
        ("moonshot.kimi-k2-thinking", ask(SEEN), "image_url"),
        ("mistral.devstral-2-123b", ask(SEEN), "image_url"),
        (NEW_MISTRAL, ask([{"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}]), "input_audio"),
        (LARGE, ask(SEEN), "image_url"),
        ("writer.palmyra-vision-7b", ask(tools=[PAYMENT]), "tools"),
        ("writer.palmyra-vision-7b", {"messages": [{"role": "system", "content": "x"}, ASKED]}, "system messages"),
    ],
)
def test_what_only_another_model_of_the_family_takes_is_bedrocks_to_refuse(
    gateway: Gateway, emulator: Emulator, model: str, body: Json, words: str
) -> None:
    response = gateway.post(f"/v1/models/{model}/invoke", body)
    assert (response.status_code, response.json()["code"]) == (400, "bedrock_validation"), response.text
    assert words in response.json()["detail"]
    assert len(emulator.calls()) == 1


def test_the_emulator_ends_palmyras_stream_as_bedrock_does(gateway: Gateway, emulator: Emulator) -> None:
    *events, usage = Decoder().feed(gateway.post(f"/v1/models/{PALMYRA}/invoke-stream", ask()).content)
    assert [json.loads(event.data) for event in events][-1] == "[DONE]"
    assert usage.event == "usage"


DONE = eventstream.encode(eventstream.chunk(b'"[DONE]"', ""))


def make_frame(**choice: Any) -> bytes:
    return eventstream.encode(eventstream.chunk(json.dumps({"choices": [{"index": 0, **choice}]}).encode(), ""))


@pytest.mark.parametrize(
    ("frames", "last"),
    [
        ((make_frame(delta={"content": "4"}), make_frame(delta={}, finish_reason="stop"), DONE), "usage"),
        ((make_frame(delta={"content": "4"}), DONE), "error"),
        ((make_frame(delta={"content": "4"}),), "error"),
        ((DONE,), "error"),
    ],
)
def test_done_ends_a_stream_only_where_the_model_has_stopped(
    gateway_with: GatewayWith, session_upstream: Upstream, stream: SendStream, frames: tuple[bytes, ...], last: str
) -> None:
    upstream = session_upstream.reset()
    gateway = gateway_with(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url)
    upstream.scripts.append(stream(*frames))
    response = gateway.post(f"/v1/models/{PALMYRA}/invoke-stream", ask())
    events = Decoder().feed(response.content) if response.ok else []
    assert (events[-1].event if events else "error") == last
    if last == "usage":
        assert events[-2].data == '"[DONE]"'


def test_a_client_of_openais_reaches_them_by_converse(gateway: Gateway, emulator: Emulator) -> None:
    for model in (QWEN, GPT_OSS, LARGE, PALMYRA, KIMI):
        response = gateway.post("/v1/chat/completions", {"model": model, **ask()})
        assert response.status_code == 200, response.text
    assert {call["operation"] for call in emulator.calls()} == {"Converse"}


IMPORTED = "arn:aws:bedrock:us-east-1:123456789012:imported-model/a1b2c3d4e5f6"
TAGGED = [{"content": "<reas"}, {"content": "oning>A su"}, {"content": "m.</reasoning"}, {"content": ">4"}]


@pytest.fixture(scope="module")
def own(start_gateway: StartGateway, lasting_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Gateway:
    """A gateway with imported models, in front of an upstream that sends what its scripts hold."""
    path = tmp_path_factory.mktemp("models") / "models.toml"
    path.write_text(
        "".join(f'[models.own-{name}]\narn = "{IMPORTED}"\nadapter = "{name}"\n' for name in ("qwen", "gpt-oss"))
    )
    return start_gateway(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=lasting_upstream.url, BEDROCK_FLASK_MODELS_FILE=str(path))


@pytest.mark.parametrize("name", ["own-qwen", "own-gpt-oss"])
def test_an_imported_model_answers_every_client_by_invoke_model(
    own: Gateway, lasting_upstream: Upstream, whole: SendWhole, stream: SendStream, name: str
) -> None:
    upstream = lasting_upstream.reset()
    body = {"model": name, "messages": [{"role": "user", "content": "2+2?"}], "max_tokens": 9, "temperature": 0.5}
    counts = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    message = {"role": "assistant", "content": "<reasoning>A sum.</reasoning>4"}
    reply = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": counts}
    upstream.scripts.append(whole(json.dumps(reply).encode()))
    answer = own.post("/v1/chat/completions", body).json()
    assert (answer["choices"][0]["message"]["content"], answer["usage"]["completion_tokens"]) == ("4", 5)
    assert answer["choices"][0]["message"]["reasoning_content"] == "A sum."
    request = upstream.requests.pop()
    assert request.split(b" ")[1].endswith(b"/invoke")
    sent = {"messages": body["messages"], "max_tokens": 9, "temperature": 0.5}
    assert json.loads(request.partition(b"\r\n\r\n")[2]) == sent
    frames = [make_frame(delta=piece, finish_reason=None) for piece in TAGGED]
    upstream.scripts.append(stream(*frames, make_frame(delta={}, finish_reason="length")))
    events = Decoder().feed(own.post("/v1/chat/completions", {**body, "stream": True}).content)
    choices = [json.loads(event.data)["choices"][0] for event in events if event.data != "[DONE]"]
    assert "".join(each["delta"].get("content") or "" for each in choices) == "4"
    assert "".join(each["delta"].get("reasoning_content") or "" for each in choices) == "A sum."
    assert choices[-1]["finish_reason"] == "length"
    assert upstream.requests.pop().split(b" ")[1].endswith(b"/invoke-with-response-stream")


@pytest.mark.parametrize("adapter", CHAT, ids=lambda each: each.name)
def test_the_sample_answer_is_one_of_the_format(adapter: Adapter) -> None:
    wire = find_wire(adapter)
    assert adapter.reply is not None
    assert adapter.chunks is not None
    assert adapter.answer is not None
    assert wire.is_complete(dict(adapter.reply))
    assert find_faults(adapter.answer(), dict(adapter.reply)) == []
    ends = [wire.is_terminal(dict(chunk)) for chunk in adapter.chunks]
    assert ends == [False] * (len(ends) - 1) + [True]
    assert read_pieces([*adapter.chunks]) == adapter.reply["choices"][0]["message"]["content"]


@pytest.mark.parametrize("adapter", CHAT, ids=lambda each: each.name)
def test_each_known_id_is_claimed_by_its_family_and_says_where_it_is_served(adapter: Adapter) -> None:
    for model, known in adapter.known_models.items():
        found, capabilities = REGISTRY.pick(model)
        assert found is adapter
        # Some newer ones are served by bedrock-mantle alone.
        assert {"invoke", "converse"} <= {*capabilities.surfaces} or all(
            each.startswith("mantle/") for each in capabilities.surfaces
        )
        assert known.name
        assert bool(known.profiles) is not known.on_demand or known.regions
