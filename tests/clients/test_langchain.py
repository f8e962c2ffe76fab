"""langchain's packages for OpenAI, Anthropic and AWS, unmodified: one conversation, by whichever of them it is held."""

import base64
import json
from collections.abc import Callable
from functools import reduce
from typing import Any

import pydantic
import pytest
from langchain_anthropic import ChatAnthropic
from langchain_aws import BedrockEmbeddings, ChatAnthropicBedrock, ChatBedrock, ChatBedrockConverse
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import SecretStr

from tests.clients.endpoint import Endpoint
from tests.doubles import Emulator

CLAUDE, NOVA, TOMORROW = "anthropic.claude-opus-4-6-v1", "amazon.nova-lite-v1:0", "newvendor.model-of-tomorrow"
SIGNED = {"reasoningContent": {"reasoningText": {"text": "The town decides.", "signature": "c2lnbmVk"}}}
TWO_CALLS = [
    {"text": "I look both up."},
    {"toolUse": {"toolUseId": "tooluse_1", "name": "get_weather", "input": {"city": "Zürich"}}},
    {"toolUse": {"toolUseId": "tooluse_2", "name": "get_time", "input": {}}},
]

# Each way to hold a conversation, and what makes it reason.
# Files are nothing that ChatBedrock knows.
FILES = frozenset({"chat completions", "responses", "messages", "converse", "anthropic's client for bedrock"})
WAYS: dict[str, tuple[Callable[..., BaseChatModel], dict[str, Any]]] = {}


def way(name: str, **reasons: Any) -> Callable[[Any], Any]:
    def kept(make: Any) -> Any:
        WAYS[name] = (make, reasons)
        return make

    return kept


@way("chat completions", reasoning_effort="low")
def chat_completions(endpoint: Endpoint, model: str, **more: Any) -> BaseChatModel:
    return ChatOpenAI(
        base_url=f"{endpoint.url}/v1", api_key=endpoint.key, model=model, max_retries=0, stream_usage=True, **more
    )


@way("responses", reasoning={"effort": "low", "summary": "auto"}, include=["reasoning.encrypted_content"], store=False)
def responses(endpoint: Endpoint, model: str, **more: Any) -> BaseChatModel:
    return chat_completions(endpoint, model, use_responses_api=True, output_version="responses/v1", **more)


@way("messages", thinking={"type": "adaptive"})
def messages(endpoint: Endpoint, model: str, **more: Any) -> BaseChatModel:
    return ChatAnthropic(
        base_url=endpoint.url, api_key=endpoint.key, model=model, max_tokens=4000, max_retries=0, **more
    )


def _signed(endpoint: Endpoint) -> dict[str, Any]:
    key_id, secret = endpoint.pair
    return {"region_name": "eu-west-1", "aws_access_key_id": key_id, "aws_secret_access_key": secret}


@way("converse", additional_model_request_fields={"thinking": {"type": "adaptive"}})
def converse(endpoint: Endpoint, model: str, **more: Any) -> BaseChatModel:
    # Of a model of tomorrow it does not know who makes it, and would ask.
    return ChatBedrockConverse(
        model=model,
        endpoint_url=endpoint.url,
        provider=model.split(".")[0],
        max_tokens=4000,
        max_retries=0,
        **_signed(endpoint),
        **more,
    )


@way("invoke", model_kwargs={"thinking": {"type": "adaptive"}})
def invoke(endpoint: Endpoint, model: str, **more: Any) -> BaseChatModel:
    return ChatBedrock(
        model=model,
        endpoint_url=endpoint.url,
        provider=model.split(".")[0],
        max_tokens=4000,
        max_retries=0,
        **_signed(endpoint),
        **more,
    )


@way("anthropic's client for bedrock", thinking={"type": "adaptive"})
def anthropic_bedrock(endpoint: Endpoint, model: str, **more: Any) -> BaseChatModel:
    # It takes no address; the SDK beneath finds one in the environment. Claude 4.6 does not have the SDK's own version.
    version = {"extra_body": {"anthropic_version": "bedrock-2023-05-31"}}
    return ChatAnthropicBedrock(
        model=model, max_tokens=4000, max_retries=0, model_kwargs=version, **_signed(endpoint), **more
    )


EVERY = [
    (name, model)
    for name in ("chat completions", "responses", "messages", "converse")
    for model in (CLAUDE, NOVA, TOMORROW)
]
EVERY += [("invoke", CLAUDE), ("anthropic's client for bedrock", CLAUDE)]
whole_and_streamed = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


@pytest.fixture(autouse=True)
def _address(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BEDROCK_BASE_URL", endpoint.url)


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"21 degrees in {city}"


@tool
def get_time() -> str:
    """The time."""
    return "12:00"


TOOLS = [get_weather, get_time]


class Answer(pydantic.BaseModel):
    """What the weather is."""

    city: str
    degrees: int


def ask(model: Any, turns: list[Any], streamed: bool) -> Any:
    """One answer, whole, or added up by langchain from its stream."""
    return reduce(lambda one, other: one + other, model.stream(turns)) if streamed else model.invoke(turns)


def run(message: AIMessage) -> list[ToolMessage]:
    by_name: dict[str, Any] = {each.name: each for each in TOOLS}
    return [by_name[call["name"]].invoke(call) for call in message.tool_calls]


def text(message: AIMessage) -> str:
    return str(message.text)


@whole_and_streamed
@pytest.mark.parametrize(("name", "model"), EVERY)
def test_a_conversation_with_parallel_tools_over_two_turns(
    endpoint: Endpoint, says: Any, sent: Any, emulator: Emulator, name: str, model: str, streamed: bool
) -> None:
    counts = {"inputTokens": 7, "outputTokens": 5, "cacheReadInputTokens": 11}
    says(TWO_CALLS, stop="tool_use", prompt="Weather and time?", usage=counts)
    chat = WAYS[name][0](endpoint, model).bind_tools(TOOLS)
    turns: list[Any] = [SystemMessage("Be terse."), HumanMessage("Weather and time?")]
    first = ask(chat, turns, streamed)
    assert text(first) == "I look both up."
    calls = [(call["name"], call["args"]) for call in first.tool_calls]
    assert calls == [("get_weather", {"city": "Zürich"}), ("get_time", {})]
    if not (streamed and model == CLAUDE and name in ("messages", "invoke", "anthropic's client for bedrock")):
        # Claude's own stream tells the input first, where the emulator does not know yet what is scripted.
        assert (first.usage_metadata["input_tokens"], first.usage_metadata["output_tokens"]) == (18, 5)
    second = ask(chat, [*turns, first, *run(first)], streamed)
    assert "21 degrees in Zürich" in text(second)
    assert "12:00" in text(second)
    assert not second.tool_calls
    turns = sent()[-1]["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    given = [block for block in turns[-1]["content"] if "toolResult" in block or block.get("type") == "tool_result"]
    ids = [block["toolResult"]["toolUseId"] if "toolResult" in block else block["tool_use_id"] for block in given]
    assert ids == ["tooluse_1", "tooluse_2"]
    assert {call["model"] for call in emulator.calls()} == {model}


@whole_and_streamed
@pytest.mark.parametrize("name", WAYS)
def test_reasoning_keeps_its_signature_over_two_turns(
    endpoint: Endpoint, says: Any, sent: Any, name: str, streamed: bool
) -> None:
    says([SIGNED, *TWO_CALLS], stop="tool_use", prompt="Weather and time?")
    make, reasons = WAYS[name]
    chat = make(endpoint, CLAUDE, **reasons).bind_tools(TOOLS)
    turns: list[Any] = [HumanMessage("Weather and time?")]
    first = ask(chat, turns, streamed)
    ask(chat, [*turns, first, *run(first)], streamed)
    turn = sent()[-1]["messages"][1]["content"]
    if name == "chat completions":
        # langchain drops what OpenAI's own API has no word for; adaptive thinking accepts that.
        assert [next(iter(block)) for block in turn] == ["text", "toolUse", "toolUse"]
    elif "reasoningContent" in turn[0]:
        assert turn[0] == SIGNED
    else:
        assert (turn[0]["thinking"], turn[0]["signature"]) == ("The town decides.", "c2lnbmVk")
    body = sent()[-1]
    result = body.get("thinking") or body["additionalModelRequestFields"]["thinking"]
    assert result["type"] == "adaptive"


@pytest.mark.parametrize(("name", "model"), EVERY)
def test_an_answer_is_held_to_a_schema_and_images_and_papers_are_seen(
    endpoint: Endpoint, says: Any, sent: Any, png: bytes, pdf: bytes, name: str, model: str
) -> None:
    image = {"type": "image", "base64": base64.b64encode(png).decode(), "mime_type": "image/png"}
    paper = {"type": "file", "base64": base64.b64encode(pdf).decode(), "mime_type": "application/pdf"}
    paper |= {"filename": "plan.pdf", "name": "plan"} if name != "messages" else {"filename": "plan.pdf"}
    papers = [paper] if name in FILES else []
    seen = HumanMessage([image, *papers, {"type": "text", "text": "What does it say?"}])
    chat = WAYS[name][0](endpoint, model)
    by_tool = name not in ("chat completions", "responses", "messages")
    document = {"city": "Zürich", "degrees": 21}
    says(
        [{"toolUse": {"toolUseId": "t", "name": "Answer", "input": document}}]
        if by_tool
        else [{"text": json.dumps(document)}]
    )
    held = chat.with_structured_output(Answer, **({} if by_tool else {"method": "json_schema"}))
    assert held.invoke([seen]) == Answer(city="Zürich", degrees=21)
    body = sent()[0]
    kinds = [block.get("type") or next(iter(block)) for block in body["messages"][0]["content"]]
    assert kinds == ["image", *(["document"] if papers else []), "text"]
    assert all(each["base64"] in json.dumps(body) for each in (image, *papers))
    if not by_tool and model == CLAUDE:
        form = body["output_config"]["format"] if "output_config" in body else body["outputConfig"]["textFormat"]
        assert form["type"] == "json_schema"
    elif not by_tool:
        assert body["toolConfig"]["tools"][-1]["toolSpec"]["name"] == "json_answer"


@pytest.mark.parametrize("name", WAYS)
def test_errors_come_as_those_of_the_sdk_beneath(endpoint: Endpoint, emulator: Emulator, name: str) -> None:
    chat = WAYS[name][0](endpoint, CLAUDE)
    for streamed in (False, True):
        emulator.fault("ThrottlingException")
        with pytest.raises(Exception, match=r"(?i)too many requests|throttl"):
            ask(chat, [HumanMessage("x")], streamed)
    emulator.fault("exception_frame", error="throttlingException", after=3)
    with pytest.raises(Exception, match=r"(?i)too many requests|throttl"):
        ask(chat, [HumanMessage("x")], True)


def test_embeddings_by_both(endpoint: Endpoint) -> None:
    texts = ["one", "two", "three"]
    openai = OpenAIEmbeddings(
        base_url=f"{endpoint.url}/v1",
        api_key=SecretStr(endpoint.key),
        model="titan-embed",
        dimensions=256,
        check_embedding_ctx_length=False,
    )
    aws = BedrockEmbeddings(
        endpoint_url=endpoint.url,
        model_id="amazon.titan-embed-text-v2:0",
        model_kwargs={"dimensions": 256},
        **_signed(endpoint),
    )
    for one, other in zip(openai.embed_documents(texts), aws.embed_documents(texts), strict=True):
        assert one == pytest.approx(other, abs=1e-6)
    assert openai.embed_query("two") == pytest.approx(aws.embed_query("two"), abs=1e-6)


@pytest.mark.parametrize(
    ("model", "size"),
    [
        ("amazon.titan-embed-text-v1", 1536),
        ("amazon.titan-embed-image-v1", 1024),
        ("cohere.embed-english-v3", 1024),
        ("cohere.embed-v4:0", 1536),
        ("amazon.nova-2-multimodal-embeddings-v1:0", 3072),
    ],
)
def test_every_embedding_family_that_langchain_knows_is_embedded_by_both(
    endpoint: Endpoint, model: str, size: int
) -> None:
    texts = ["one", "two", "three"]
    openai = OpenAIEmbeddings(
        base_url=f"{endpoint.url}/v1",
        api_key=SecretStr(endpoint.key),
        model=model,
        check_embedding_ctx_length=False,
    )
    aws = BedrockEmbeddings(endpoint_url=endpoint.url, model_id=model, **_signed(endpoint))
    vectors = aws.embed_documents(texts)
    assert {len(vector) for vector in vectors} == {size}
    for one, other in zip(openai.embed_documents(texts), vectors, strict=True):
        assert one == pytest.approx(other, abs=1e-6)
    assert aws.embed_query("two") == pytest.approx(vectors[1], abs=1e-6)


@pytest.mark.parametrize(
    "model",
    [
        "amazon.titan-embed-image-v1",
        "cohere.embed-multilingual-v3",
        "cohere.embed-v4:0",
        "amazon.nova-2-multimodal-embeddings-v1:0",
        "us.twelvelabs.marengo-embed-3-0-v1:0",
    ],
)
def test_an_image_is_embedded_by_both(endpoint: Endpoint, png: bytes, model: str) -> None:
    aws = BedrockEmbeddings(endpoint_url=endpoint.url, model_id=model, **_signed(endpoint))
    openai = OpenAIEmbeddings(
        base_url=f"{endpoint.url}/v1",
        api_key=SecretStr(endpoint.key),
        model=model,
        check_embedding_ctx_length=False,
    )
    uri = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    assert openai.embed_query(uri) == pytest.approx(aws.embed_image(png), abs=1e-6)
