"""OpenAI's own package for Python, unmodified, in front of every kind of chat model."""

import base64
import itertools
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pydantic
import pytest

from tests.clients.endpoint import Endpoint
from tests.doubles import Emulator, Gateway

CLAUDE, NOVA, TOMORROW = "claude", "draft", "newvendor.model-of-tomorrow"
IDS = {
    CLAUDE: "us.anthropic.claude-opus-4-6-v1",
    NOVA: "amazon.nova-lite-v1:0",
    TOMORROW: TOMORROW,
}
each_model = pytest.mark.parametrize("model", IDS)
whole_and_streamed = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
# Regressions R10: cached tokens count in OpenAI's prompt tokens, and are separate in Converse.
USAGE = {"inputTokens": 3, "outputTokens": 10, "cacheReadInputTokens": 32651, "cacheWriteInputTokens": 17}
SIGNED = {"reasoningContent": {"reasoningText": {"text": "The town decides.", "signature": "c2lnbmVk"}}}
REDACTED = {"reasoningContent": {"redactedContent": "cmVkYWN0ZWQ="}}
TWO_CALLS = [
    {"text": "I look both up."},
    {"toolUse": {"toolUseId": "tooluse_1", "name": "get_weather", "input": {"city": "Zürich"}}},
    {"toolUse": {"toolUseId": "tooluse_2", "name": "get_time", "input": {}}},
]
RESULTS = {"get_weather": "21 degrees", "get_time": '["12:00", null]'}


class GetWeather(pydantic.BaseModel):
    """The weather of a city."""

    city: str


class Answer(pydantic.BaseModel):
    city: str
    degrees: int


WEATHER = openai.pydantic_function_tool(GetWeather, name="get_weather")
TIME = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}
PLAIN = [
    {"type": "function", "function": {"name": "get_weather", "parameters": GetWeather.model_json_schema()}},
    TIME,
]


@pytest.fixture(scope="module")
def client(endpoint: Endpoint) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{endpoint.url}/v1", api_key=endpoint.key, max_retries=0) as sdk:
        yield sdk


@pytest.fixture
def ask(client: openai.OpenAI) -> Callable[..., Any]:
    """One answer, whole, or added up by the SDK from its stream."""

    def ask(*, streamed: bool = False, **body: Any) -> Any:
        if not streamed:
            return client.chat.completions.create(**body)
        with client.chat.completions.stream(**body, stream_options={"include_usage": True}) as stream:
            return stream.get_final_completion()

    return ask


def turns(*texts: str) -> list[dict[str, str]]:
    roles = itertools.cycle(("user", "assistant"))
    return [{"role": next(roles), "content": text} for text in texts]


def kept(message: Any) -> dict[str, Any]:
    """A message as a client keeps it for its next turn: all that came, names of the SDK's own taken away."""
    result = message.model_dump(exclude_none=True, exclude={"parsed"})
    for call in result.get("tool_calls", ()):
        call["function"].pop("parsed_arguments", None)
        call.pop("index", None)
    return dict(result)


# --- chat completions -------------------------------------------------------------------------------------------------


@each_model
def test_a_chat_says_the_same_whole_and_as_a_stream(
    client: openai.OpenAI, ask: Any, says: Any, emulator: Emulator, sent: Any, model: str
) -> None:
    says([{"text": "Red, green and blue: très simple."}], usage=USAGE)
    body: dict[str, Any] = {
        "model": model,
        "messages": [
            {"role": "system", "content": "Be terse."},
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
            *turns("Hi", "Hello.", "Name three colours."),
        ],
        "max_completion_tokens": 50,
        "stop": ["END"],
    }
    whole, streamed = ask(**body), ask(**body, streamed=True)
    for reply in (whole, streamed):
        assert reply.model == model
        assert reply.choices[0].message.content == "Red, green and blue: très simple."
        assert reply.choices[0].finish_reason == "stop"
        assert (reply.usage.prompt_tokens, reply.usage.completion_tokens, reply.usage.total_tokens) == (
            32671,
            10,
            32681,
        )
        assert reply.usage.prompt_tokens_details.cached_tokens == 32651
    chunks = list(client.chat.completions.create(**body, stream=True))
    assert all(chunk.choices and chunk.usage is None for chunk in chunks), "usage comes to whoever asks for it"
    assert len({chunk.id for chunk in chunks}) == 1
    assert [chunk.choices[0].finish_reason for chunk in chunks][-2:] == [None, "stop"]
    assert [call["model"] for call in emulator.calls()] == [IDS[model]] * 3
    assert [call["operation"] for call in emulator.calls()] == ["Converse", "ConverseStream", "ConverseStream"]
    first, second, third = sent()
    assert first == second == third
    assert [block["text"] for block in first["system"]] == ["Be terse.", "Be kind."]
    assert [turn["role"] for turn in first["messages"]] == ["user", "assistant", "user"]
    assert first["inferenceConfig"] == {"maxTokens": 50, "stopSequences": ["END"]}


@whole_and_streamed
@each_model
def test_parallel_tools_over_two_turns(ask: Any, says: Any, sent: Any, model: str, streamed: bool) -> None:
    says(TWO_CALLS, stop="tool_use", prompt="Weather and time?")
    tools = [WEATHER, TIME] if not streamed else [WEATHER, {**TIME, "function": {**TIME["function"], "strict": True}}]
    body: dict[str, Any] = {"model": model, "tools": tools}
    history: list[Any] = turns("Weather and time?")
    first = ask(**body, messages=history, streamed=streamed).choices[0]
    assert first.finish_reason == "tool_calls"
    assert first.message.content == "I look both up."
    calls = [(call.id, call.function.name, json.loads(call.function.arguments)) for call in first.message.tool_calls]
    assert calls == [("tooluse_1", "get_weather", {"city": "Zürich"}), ("tooluse_2", "get_time", {})]
    results = [{"role": "tool", "tool_call_id": id_, "content": RESULTS[name]} for id_, name, _ in calls]
    history += [kept(first.message), *results]
    second = ask(**body, messages=history, streamed=streamed).choices[0]
    assert second.finish_reason == "stop"
    assert "21 degrees" in second.message.content
    assert "12:00" in second.message.content
    value, turn, answered = sent()[-1]["messages"]
    assert (value["role"], turn["role"], answered["role"]) == ("user", "assistant", "user")
    assert turn["content"] == TWO_CALLS
    assert [result["toolResult"]["toolUseId"] for result in answered["content"]] == ["tooluse_1", "tooluse_2"]
    assert [tool["toolSpec"]["name"] for tool in sent()[-1]["toolConfig"]["tools"]] == ["get_weather", "get_time"]


def test_arguments_come_as_the_model_writes_them_and_nothing_waits(client: openai.OpenAI, says: Any) -> None:
    says(TWO_CALLS, stop="tool_use")
    chunks = client.chat.completions.create(model=NOVA, messages=turns("x"), tools=PLAIN, stream=True)  # type: ignore[call-overload]
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    assert [(call.index, call.id) for call in calls if call.id] == [(0, "tooluse_1"), (1, "tooluse_2")]
    for index, arguments in enumerate(({"city": "Zürich"}, {})):
        pieces = [call.function.arguments for call in calls if call.index == index]
        assert json.loads("".join(pieces)) == arguments


@each_model
def test_a_tool_can_be_demanded_forbidden_and_be_named_as_no_model_would(
    ask: Any, says: Any, sent: Any, model: str
) -> None:
    odd, long = "files.read", "mcp__" + "x" * 70
    tools = [{"type": "function", "function": {"name": name}} for name in (odd, "files@read", long)]
    forced = {"type": "function", "function": {"name": odd}}
    for choice, wanted in (("required", {"any": {}}), (forced, None)):
        value = ask(model=model, messages=turns("x"), tools=tools, tool_choice=choice).choices[0]
        assert [call.function.name for call in value.message.tool_calls] == [odd]
        config = sent()[-1]["toolConfig"]
        names = [tool["toolSpec"]["name"] for tool in config["tools"]]
        assert len({*names}) == 3
        assert all(len(name) <= 64 and name.replace("_", "").replace("-", "").isalnum() for name in names)
        assert config["toolChoice"] == (wanted or {"tool": {"name": names[0]}})
    value = ask(model=model, messages=turns("files.read"), tools=tools, tool_choice="none").choices[0]
    assert value.message.tool_calls is None
    assert "toolConfig" not in sent()[-1]


@each_model
def test_images_and_documents_arrive_as_what_they_are(ask: Any, sent: Any, png: bytes, pdf: bytes, model: str) -> None:
    image = "data:image/jpg;base64," + base64.b64encode(png).decode()
    paper = "data:application/pdf;base64," + base64.b64encode(pdf).decode()
    file = {"type": "file", "file": {"filename": "the plan (1).pdf", "file_data": paper}}
    ask(
        model=model,
        messages=[
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": image, "detail": "auto"}}]},
            {"role": "assistant", "content": "A point."},
            {"role": "user", "content": [file, file]},
        ],
    )
    [seen], _, [*papers] = [turn["content"] for turn in sent()[0]["messages"]]
    assert seen["image"]["format"] == "png", "the bytes tell, whatever the label"
    assert base64.b64decode(seen["image"]["source"]["bytes"]) == png
    documents = [block["document"] for block in papers if "document" in block]
    assert [document["format"] for document in documents] == ["pdf", "pdf"]
    assert base64.b64decode(documents[1]["source"]["bytes"]) == pdf
    assert len({document["name"] for document in documents}) == 2
    assert any("text" in block for block in papers), "Bedrock wants a text beside a document"


@whole_and_streamed
@pytest.mark.parametrize("model", [CLAUDE, TOMORROW])
def test_reasoning_comes_back_with_its_signature_in_the_second_turn(
    client: openai.OpenAI, ask: Any, says: Any, sent: Any, model: str, streamed: bool
) -> None:
    says([SIGNED, REDACTED, *TWO_CALLS[1:]], stop="tool_use", prompt="Weather?")
    body: dict[str, Any] = {"model": model, "tools": [WEATHER, {**TIME}], "reasoning_effort": "low"}
    if streamed:
        body["tools"] = [WEATHER]
    if model == TOMORROW:
        # How a model of tomorrow is asked to reason is unknown; the reasoning that it did is kept all the same.
        del body["reasoning_effort"]
    message = ask(**body, messages=turns("Weather?"), streamed=streamed).choices[0].message
    assert message.reasoning_content == "The town decides."
    details = message.reasoning_details
    assert [detail["type"] for detail in details] == ["reasoning.text", "reasoning.encrypted"]
    assert (details[0]["signature"], details[1]["data"]) == ("c2lnbmVk", "cmVkYWN0ZWQ=")
    results = [{"role": "tool", "tool_call_id": call.id, "content": "fine"} for call in message.tool_calls]
    ask(**body, messages=[*turns("Weather?"), kept(message), *results], streamed=streamed)
    assert sent()[-1]["messages"][1]["content"] == [SIGNED, REDACTED, *TWO_CALLS[1:]]
    if model == CLAUDE:
        assert sent()[-1]["additionalModelRequestFields"]["thinking"]["type"] == "adaptive"
        assert sent()[-1]["additionalModelRequestFields"]["output_config"] == {"effort": "low"}


def test_an_effort_is_said_as_each_family_knows_it(client: openai.OpenAI, sent: Any) -> None:
    two = "amazon.nova-2-lite-v1:0"
    response = client.chat.completions.create(model=two, messages=turns("x"), reasoning_effort="low")  # type: ignore[arg-type]
    reasons = {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}
    assert sent()[-1]["additionalModelRequestFields"] == reasons
    assert response.choices[0].message.reasoning_content  # type: ignore[attr-defined]
    for model in (NOVA, TOMORROW):
        with pytest.raises(openai.BadRequestError, match="effort"):
            client.chat.completions.create(model=model, messages=turns("x"), reasoning_effort="low")  # type: ignore[arg-type]
    assert len(sent()) == 1


def test_reasoning_that_does_not_come_back_is_off_for_that_turn_and_that_is_told(
    client: openai.OpenAI, says: Any, sent: Any
) -> None:
    budget = "anthropic.claude-sonnet-4-5-20250929-v1:0"
    says([SIGNED, TWO_CALLS[1]], stop="tool_use", prompt="Weather?")
    body: dict[str, Any] = {"model": budget, "tools": PLAIN, "reasoning_effort": "low", "max_tokens": 4000}
    message = client.chat.completions.create(**body, messages=turns("Weather?")).choices[0].message
    assert sent()[0]["additionalModelRequestFields"]["thinking"]["budget_tokens"] >= 1024
    bare = {name: value for name, value in kept(message).items() if not name.startswith("reasoning")}
    result = {"role": "tool", "tool_call_id": "tooluse_1", "content": "fine"}
    raw = client.chat.completions.with_raw_response.create(**body, messages=[*turns("Weather?"), bare, result])
    assert "effort" in raw.headers["x-bedrock-flask-dropped"]
    assert "thinking" not in sent()[-1].get("additionalModelRequestFields", {})


@pytest.mark.parametrize("model", [CLAUDE, NOVA, TOMORROW])
def test_an_answer_is_held_to_a_schema_and_parsed(client: openai.OpenAI, says: Any, sent: Any, model: str) -> None:
    says([{"text": '{"city": "Zürich", "degrees": 21}'}])
    body: dict[str, Any] = {"model": model, "messages": turns("Weather?"), "response_format": Answer}
    parsed = client.chat.completions.parse(**body).choices[0].message.parsed
    assert parsed == Answer(city="Zürich", degrees=21)
    with client.chat.completions.stream(**body) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == parsed
    for body in sent():
        if model == CLAUDE:
            schema = json.loads(body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"])
        else:
            schema = body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]
        assert set(schema["properties"]) == {"city", "degrees"}


def test_what_ends_an_answer_is_told_in_openais_words(client: openai.OpenAI, ask: Any, says: Any) -> None:
    reasons = {
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "guardrail_intervened": "content_filter",
        "content_filtered": "content_filter",
        "malformed_model_output": "error",
        "a_reason_of_tomorrow": "error",
    }
    for stop, expected in reasons.items():
        says([{"text": '{"city": "Zür'}], stop=stop, prompt=stop)
        for streamed in (False, True):
            if streamed and expected in ("length", "content_filter"):
                # The SDK's own way to say that an answer is not whole.
                error = (
                    openai.LengthFinishReasonError if expected == "length" else openai.ContentFilterFinishReasonError
                )
                with pytest.raises(error):
                    ask(model=CLAUDE, messages=turns(stop), streamed=True, response_format=Answer)
                continue
            choice = ask(model=NOVA, messages=turns(stop), streamed=streamed).choices[0]
            assert choice.finish_reason == expected
            # The SDK adds up a stream without the members that it does not know.
            assert streamed or choice.native_finish_reason == stop


def test_what_a_model_cannot_take_is_refused_by_name_or_dropped_and_told(client: openai.OpenAI, sent: Any) -> None:
    body: dict[str, Any] = {
        "model": NOVA,
        "messages": turns("x"),
        "seed": 7,
        "extra_body": {"of_tomorrow": 1},
        "user": "u-1",
    }
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(**body)
    assert refused.value.code == "unsupported"
    assert refused.value.param in ("seed", "of_tomorrow")
    assert sent() == []
    for way in ({"extra_headers": {"x-bedrock-flask-unsupported": "drop"}}, {"model": "easy"}):
        raw = client.chat.completions.with_raw_response.create(**{**body, **way})
        dropped = raw.headers["x-bedrock-flask-dropped"].split(", ")
        assert {"seed", "of_tomorrow"} <= {*dropped}
        assert raw.parse().choices[0].message.content
    assert all("additionalModelRequestFields" not in each for each in sent())


# --- responses --------------------------------------------------------------------------------------------------------


FUNCTION = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": False,
}
PATCH = {"type": "custom", "name": "apply_patch", "description": "Changes files."}


@pytest.fixture
def respond(client: openai.OpenAI) -> Callable[..., Any]:
    def respond(*, streamed: bool = False, **body: Any) -> Any:
        if not streamed:
            return client.responses.create(**body)
        with client.responses.stream(**body) as stream:
            return stream.get_final_response()

    return respond


@whole_and_streamed
@each_model
def test_a_response_with_its_tools_over_two_turns(
    respond: Any, says: Any, sent: Any, model: str, streamed: bool
) -> None:
    patch = "*** Begin Patch\n*** End Patch"
    use = {"toolUse": {"toolUseId": "tooluse_3", "name": "apply_patch", "input": {"input": patch}}}
    says([*TWO_CALLS[:2], use], stop="tool_use", usage=USAGE, prompt="Weather?")
    body: dict[str, Any] = {"model": model, "instructions": "Be terse.", "tools": [FUNCTION, PATCH], "store": False}
    history: list[Any] = [{"role": "user", "content": "Weather?"}]
    first = respond(**body, input=history, streamed=streamed)
    assert first.status == "completed"
    assert first.output_text == "I look both up."
    assert (first.usage.input_tokens, first.usage.output_tokens, first.usage.total_tokens) == (32671, 10, 32681)
    assert first.usage.input_tokens_details.cached_tokens == 32651
    message, call, custom = first.output
    assert (message.type, call.type, custom.type) == ("message", "function_call", "custom_tool_call")
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Zürich"})
    assert (custom.name, custom.input) == ("apply_patch", patch)
    history += [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in first.output]
    history += [
        {"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"},
        {"type": "custom_tool_call_output", "call_id": custom.call_id, "output": "Done"},
    ]
    second = respond(**body, input=history, streamed=streamed)
    assert "21 degrees" in second.output_text
    _, turn, answered = sent()[-1]["messages"]
    assert [next(iter(block)) for block in turn["content"]] == ["text", "toolUse", "toolUse"]
    assert [each["toolUse"]["input"] for each in turn["content"][1:]] == [{"city": "Zürich"}, {"input": patch}]
    assert [each["toolResult"]["toolUseId"] for each in answered["content"]] == [call.call_id, custom.call_id]
    assert sent()[-1]["system"] == [{"text": "Be terse."}]


CUSTOM = {"type": "custom", "custom": {"name": "apply_patch", "description": "Changes files."}}


@pytest.mark.parametrize("patch", ['*** Begin Patch\n"é" 🜁\n*** End Patch', ""])
@each_model
def test_a_chat_with_a_custom_tool_over_two_turns(
    client: openai.OpenAI, says: Any, sent: Any, model: str, patch: str
) -> None:
    use = {"toolUse": {"toolUseId": "tooluse_3", "name": "apply_patch", "input": {"input": patch}}}
    says([*TWO_CALLS[:2], use], stop="tool_use", prompt="Weather?")
    body: dict[str, Any] = {"model": model, "tools": [PLAIN[0], CUSTOM]}
    history: list[Any] = [{"role": "user", "content": "Weather?"}]
    message = client.chat.completions.create(messages=history, **body).choices[0].message
    function, custom = message.tool_calls or ()
    assert (function.type, custom.type) == ("function", "custom")
    assert (custom.custom.name, custom.custom.input) == ("apply_patch", patch)
    pieces: list[Any] = []
    for chunk in client.chat.completions.create(messages=history, stream=True, **body):
        pieces += [call for call in chunk.choices[0].delta.tool_calls or () if call.index == 1]
    assert (pieces[0].id, pieces[0].model_dump()["type"], pieces[0].custom["name"]) == (
        custom.id,
        "custom",
        "apply_patch",
    )
    assert "".join(piece.custom["input"] for piece in pieces) == patch
    assert not [piece for piece in pieces if piece.function]
    history += [message.model_dump(exclude_none=True)]
    history += [{"role": "tool", "tool_call_id": call.id, "content": "Done"} for call in (function, custom)]
    client.chat.completions.create(messages=history, **body)
    _, turn, answered = sent()[-1]["messages"]
    assert turn["content"][2]["toolUse"]["input"] == {"input": patch}
    assert [each["toolResult"]["toolUseId"] for each in answered["content"]] == [function.id, custom.id]


def test_a_custom_call_without_its_argument_is_handed_on_whole(client: openai.OpenAI, says: Any) -> None:
    says(
        [{"toolUse": {"toolUseId": "a", "name": "apply_patch", "input": {"patch": "x"}}}], stop="tool_use", prompt="Go"
    )
    body: dict[str, Any] = {"model": NOVA, "tools": [CUSTOM], "messages": [{"role": "user", "content": "Go"}]}
    [call] = client.chat.completions.create(**body).choices[0].message.tool_calls or ()
    assert json.loads(call.custom.input) == {"patch": "x"}
    chunks = list(client.chat.completions.create(stream=True, **body))
    calls = [call for chunk in chunks for call in chunk.choices[0].delta.tool_calls or ()]
    assert json.loads("".join(each.custom["input"] for each in calls)) == {"patch": "x"}


@whole_and_streamed
def test_a_response_keeps_its_reasoning_for_the_next_turn(respond: Any, says: Any, sent: Any, streamed: bool) -> None:
    says([SIGNED, REDACTED, TWO_CALLS[1]], stop="tool_use", prompt="Weather?")
    body: dict[str, Any] = {
        "model": CLAUDE,
        "tools": [FUNCTION],
        "reasoning": {"effort": "medium", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "store": False,
    }
    history: list[Any] = [{"role": "user", "content": "Weather?"}]
    first = respond(**body, input=history, streamed=streamed)
    assert [item.type for item in first.output] == ["reasoning", "reasoning", "function_call"]
    assert first.output[0].summary[0].text == "The town decides."
    history += [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in first.output]
    history += [{"type": "function_call_output", "call_id": "tooluse_1", "output": "fine"}]
    respond(**body, input=history, streamed=streamed)
    assert sent()[-1]["messages"][1]["content"] == [SIGNED, REDACTED, TWO_CALLS[1]]
    assert sent()[-1]["additionalModelRequestFields"]["output_config"] == {"effort": "medium"}


def test_a_response_sees_images_and_papers_and_is_held_to_a_schema(
    client: openai.OpenAI, says: Any, sent: Any, png: bytes, pdf: bytes
) -> None:
    says([{"text": '{"city": "Zürich", "degrees": 21}'}])
    image = "data:image/png;base64," + base64.b64encode(png).decode()
    paper = "data:application/pdf;base64," + base64.b64encode(pdf).decode()
    content: list[Any] = [
        {"type": "input_image", "image_url": image, "detail": "auto"},
        {"type": "input_file", "filename": "plan.pdf", "file_data": paper},
        {"type": "input_text", "text": "Which city?"},
    ]
    document = client.responses.parse(model=CLAUDE, input=[{"role": "user", "content": content}], text_format=Answer)
    assert document.output_parsed == Answer(city="Zürich", degrees=21)
    blocks = {next(iter(block)): block for block in sent()[0]["messages"][0]["content"]}
    assert base64.b64decode(blocks["image"]["image"]["source"]["bytes"]) == png
    assert base64.b64decode(blocks["document"]["document"]["source"]["bytes"]) == pdf
    assert sent()[0]["outputConfig"]["textFormat"]["type"] == "json_schema"


def test_a_response_that_is_not_whole_says_so_and_nothing_is_kept_here(respond: Any, says: Any, sent: Any) -> None:
    says([{"text": "Half"}], stop="max_tokens")
    *_, last = respond(model=NOVA, input="x", stream=True)
    assert last.type == "response.incomplete"
    for reply in (respond(model=NOVA, input="x"), last.response):
        assert (reply.status, reply.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    for kept_here in ({"store": True}, {"previous_response_id": "resp_1"}):
        with pytest.raises(openai.BadRequestError) as refused:
            respond(model=NOVA, input="x", **kept_here)
        assert refused.value.param == next(iter(kept_here))
    assert len(sent()) == 2


# --- embeddings and models --------------------------------------------------------------------------------------------


def test_embeddings_come_in_order_whatever_their_encoding(client: openai.OpenAI, sent: Any, emulator: Emulator) -> None:
    texts = [f"text number {n}" for n in range(12)]
    as_base64 = client.embeddings.create(model="titan-embed", input=texts, dimensions=256)
    as_floats = client.embeddings.create(model="titan-embed", input=texts, dimensions=256, encoding_format="float")
    assert [each.index for each in as_floats.data] == list(range(12))
    assert all(len(each.embedding) == 256 for each in as_base64.data)
    for one, other in zip(as_base64.data, as_floats.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
    assert as_floats.usage.prompt_tokens == as_base64.usage.total_tokens == sum(len(text.split()) for text in texts)
    assert sorted(body["inputText"] for body in sent()) == sorted(texts * 2)
    [alone] = client.embeddings.create(model="titan-embed", input=texts[3], dimensions=256).data
    assert alone.embedding == as_base64.data[3].embedding
    assert len(client.embeddings.create(model="titan-embed", input="x").data[0].embedding) == 1024
    for body, param in (({"input": ["x", " "]}, "input[1]"), ({"input": "x", "dimensions": 7}, "dimensions")):
        with pytest.raises(openai.BadRequestError) as refused:
            client.embeddings.create(model="titan-embed", **body)  # type: ignore[arg-type]
        assert refused.value.param == param
    emulator.fault("throttle", count=1)
    with pytest.raises(openai.RateLimitError):
        client.embeddings.create(model="titan-embed", input=texts)


def test_an_embedding_model_gets_its_own_parameters_and_images(client: openai.OpenAI, sent: Any, png: bytes) -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(png).decode()}"}}
    inputs: Any = ["a door", {"content": [{"type": "text", "text": "a road"}, image]}]
    answer = client.embeddings.create(
        model="cohere-embed", input=inputs, dimensions=256, extra_body={"input_type": "search_query"}
    )
    assert [len(each.embedding) for each in answer.data] == [256, 256]
    assert {body["input_type"] for body in sent()} == {"search_query"}
    with pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(model="titan-embed", input="x", extra_body={"truncate": "END"})
    assert refused.value.param == "truncate"
    with pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(model="titan-embed", input=inputs)
    assert refused.value.param == "input[1]"


def test_all_of_it_is_below_the_base_path_too(endpoint: Endpoint) -> None:
    with openai.OpenAI(base_url=f"{endpoint.url}/bedrock/v1", api_key=endpoint.key, max_retries=0) as client:
        assert client.chat.completions.create(model=NOVA, messages=turns("x")).choices  # type: ignore[arg-type]
        assert client.responses.create(model=NOVA, input="x").output_text
        assert client.embeddings.create(model="titan-embed", input="x").data
        assert {model.id for model in client.models.list()}
        with pytest.raises(openai.NotFoundError) as unknown:
            client.chat.completions.create(model="no-such-model", messages=turns("x"))  # type: ignore[arg-type]
        assert unknown.value.code == "unknown_model"


def test_the_client_for_awss_own_openai_endpoint_finds_it_here_too(endpoint: Endpoint) -> None:
    with openai.BedrockOpenAI(
        base_url=f"{endpoint.url}/openai/v1", aws_region="eu-west-1", api_key=endpoint.key, max_retries=0
    ) as client:
        for model in IDS:
            assert client.chat.completions.create(model=model, messages=turns("x")).choices  # type: ignore[arg-type]
        assert client.responses.create(model=NOVA, input="x").output_text
        with pytest.raises(openai.NotFoundError):
            client.responses.create(model="no-such-model", input="x")


def test_what_shows_in_no_answer_is_left_out_of_a_response_and_told(client: openai.OpenAI, sent: Any) -> None:
    raw = client.responses.with_raw_response.create(
        model=NOVA,
        input="x",
        tools=[{"type": "web_search"}, {"type": "function", "name": "f", "parameters": None, "strict": None}],
        prompt_cache_key="k",
    )
    assert {*raw.headers["x-bedrock-flask-dropped"].split(", ")} == {"tools.web_search", "prompt_cache_key"}
    assert sent()[0].keys() == {"messages", "toolConfig"}


def test_models_are_listed_and_retrieved(client: openai.OpenAI) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert {"claude", "nova", "titan-embed", "draft", "profiled"} <= listed.keys()
    assert listed["claude"].object == "model"
    assert client.models.retrieve("draft").id == "draft"
    with pytest.raises(openai.NotFoundError, match="no-such-model") as unknown:
        client.models.retrieve("no-such-model")
    assert unknown.value.code == "unknown_model"
    with pytest.raises(openai.AuthenticationError, match="Send an API key") as stranger:
        client.with_options(api_key="wrong").models.list()
    assert stranger.value.code == "unauthenticated"


# --- errors -----------------------------------------------------------------------------------------------------------


ERRORS = [
    ("ValidationException", openai.BadRequestError, 400, "bedrock_validation"),
    ("AccessDeniedException", openai.PermissionDeniedError, 403, "model_not_allowed"),
    ("ResourceNotFoundException", openai.NotFoundError, 404, "model_not_found"),
    ("ConflictException", openai.ConflictError, 409, "conflict"),
    ("ThrottlingException", openai.RateLimitError, 429, "throttled"),
    ("InternalServerException", openai.InternalServerError, 502, "bedrock_internal"),
    ("ServiceUnavailableException", openai.InternalServerError, 503, "bedrock_unavailable"),
    ("ExpiredTokenException", openai.InternalServerError, 503, "gateway_credentials"),
    ("ModelTimeoutException", openai.InternalServerError, 504, "model_timeout"),
]


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_each_error_of_bedrocks_is_the_sdks_own_class(ask: Any, respond: Any, emulator: Emulator, api: str) -> None:
    call = (lambda **more: ask(messages=turns("x"), **more)) if api == "chat" else (lambda **m: respond(input="x", **m))
    for name, error, status, code in ERRORS:
        for streamed in (False, True):
            retry = status in (429, 502) or code == "bedrock_unavailable"
            emulator.fault(name, **({"retry_after": "2"} if retry else {}))
            with pytest.raises(openai.APIStatusError) as raised:
                call(model=NOVA, streamed=streamed)
            assert type(raised.value) is error, name
            assert (raised.value.status_code, raised.value.code) == (status, code)
            assert raised.value.request_id
            headers = raised.value.response.headers
            assert headers["content-type"] == "application/json"
            assert headers["x-should-retry"] == ("true" if retry else "false")
            assert (headers.get("retry-after"), headers.get("retry-after-ms")) == (
                ("2", "2000") if retry else (None, None)
            )


def test_errors_of_the_gateways_own_are_the_sdks_own_classes(
    endpoint: Endpoint, client: openai.OpenAI, sent: Any
) -> None:
    def of(error: type[openai.APIStatusError], code: str, **body: Any) -> openai.APIStatusError:
        with pytest.raises(error) as raised:
            client.chat.completions.create(**{"model": NOVA, "messages": turns("x"), **body})
        assert raised.value.code == code
        return raised.value

    assert of(openai.BadRequestError, "invalid_body", messages=[]).param == "messages"
    assert of(openai.BadRequestError, "invalid_body", temperature="1").param == "temperature"
    broken = [*turns("x"), {"role": "assistant", "tool_calls": [_call("{")]}]
    result = of(openai.BadRequestError, "unsupported", messages=broken, tools=PLAIN)
    assert result.param == "messages[1].tool_calls[0].function.arguments"
    assert of(openai.BadRequestError, "invalid_body", messages=turns("x", "y", "")).param == "messages[2]"
    of(openai.NotFoundError, "unknown_model", model="no-such-model")
    of(openai.BadRequestError, "not_conversable", model="titan-embed")
    with pytest.raises(openai.AuthenticationError) as unknown:
        client.with_options(api_key="not-a-key-of-this-gateway").chat.completions.create(
            model=NOVA, messages=turns("x")
        )  # type: ignore[arg-type]
    assert unknown.value.code == "unauthenticated"
    with pytest.raises(openai.NotFoundError):
        client.post("/chat/nothing", body={}, cast_to=object)
    with pytest.raises(openai.APIStatusError) as wrong_method:
        client.get("/chat/completions", cast_to=object)
    assert (wrong_method.value.status_code, wrong_method.value.code) == (405, "method_not_allowed")
    with openai.OpenAI(base_url=f"{endpoint.url}/v1", api_key=endpoint.key, max_retries=0) as another:
        with pytest.raises(openai.APIStatusError) as too_large:
            another.chat.completions.create(model=NOVA, messages=turns("x" * 400_000))  # type: ignore[arg-type]
        assert (too_large.value.status_code, too_large.value.code) == (413, "body_too_large")
    assert sent() == []


def _call(arguments: str) -> dict[str, Any]:
    return {"id": "tooluse_1", "type": "function", "function": {"name": "get_weather", "arguments": arguments}}


BROKEN = {
    "throttled": {"name": "exception_frame", "error": "throttlingException", "after": 3},
    "upstream_truncated": {"name": "cut_between_chunks", "after": 3},
    "upstream_protocol": {"name": "bad_crc", "after": 3},
}


@pytest.mark.parametrize("code", BROKEN)
def test_what_breaks_in_midstream_is_an_error_and_never_an_end(
    client: openai.OpenAI, emulator: Emulator, code: str
) -> None:
    emulator.fault(**BROKEN[code])
    chunks: list[Any] = []
    with pytest.raises(openai.APIError) as raised:
        chunks.extend(client.chat.completions.create(model=NOVA, messages=turns("x"), stream=True))  # type: ignore[arg-type]
    assert any(chunk.choices[0].delta.content for chunk in chunks)
    assert all(chunk.choices[0].finish_reason is None for chunk in chunks)
    assert raised.value.code == code
    emulator.fault(**BROKEN[code])
    kinds: list[str] = []
    with pytest.raises(openai.APIError) as raised:
        kinds.extend(event.type for event in client.responses.create(model=NOVA, input="x", stream=True))
    assert raised.value.code == code
    assert "response.completed" not in kinds


def test_the_sdk_tries_again_where_it_helps_and_only_there(
    endpoint: Endpoint, gateway: Gateway, client: openai.OpenAI, emulator: Emulator
) -> None:
    body: dict[str, Any] = {"model": NOVA, "messages": turns("x")}
    emulator.fault("throttle", retry_after="1")
    began = time.monotonic()
    assert client.with_options(max_retries=1).chat.completions.create(**body).choices
    assert time.monotonic() - began >= 1
    assert len(emulator.calls()) == 2
    # A throttle leaves the patience to the SDK: three attempts of the gateway, and one for each further one of the SDK.
    for name, url, attempts in (
        ("ModelTimeoutException", endpoint.url, 1),
        ("internal", gateway.url, 3),
        ("throttle", gateway.url, 5),
    ):
        emulator.ask("DELETE", "/_emulator/requests")
        emulator.fault(name, count=9, retry_after="0")
        with pytest.raises(openai.APIStatusError):
            client.with_options(max_retries=2, base_url=f"{url}/v1").chat.completions.create(
                **{**body, "model": "nova"}
            )
        assert len(emulator.calls()) == attempts, name
        emulator.ask("DELETE", "/_emulator/faults")
        emulator.ask("DELETE", "/_emulator/faults")
