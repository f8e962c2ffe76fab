"""What Converse refuses of messages, in Bedrock's words."""

from typing import Any

import pytest

from tests.doubles import Emulator, StartEmulator

CLAUDE, NOVA, LLAMA = (
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "amazon.nova-pro-v1:0",
    "us.meta.llama4-maverick-17b-instruct-v1:0",
)
# Ids of calls that Mistral's models take, too.
A, B = "callaaaaa", "callbbbbb"
PIXTRAL, NEMOTRON = "mistral.pixtral-large-2502-v1:0", "nvidia.nemotron-nano-3-30b"
Json = dict[str, Any]
HI = {"text": "Hi"}
PNG = {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"}}}
TOOLS = {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}]}


def user(*content: Json) -> Json:
    return {"role": "user", "content": list(content)}


def assistant(*content: Json) -> Json:
    return {"role": "assistant", "content": list(content)}


def use(*names: str) -> Json:
    return assistant(*({"toolUse": {"toolUseId": name, "name": "look", "input": {}}} for name in names))


def result(name: str, *content: Json) -> Json:
    return {"toolResult": {"toolUseId": name, "content": list(content)}}


def document(name: str = "a", **more: Any) -> Json:
    return {"document": {"format": "md", "name": name, "source": {"bytes": "eA=="}, **more}}


def refuse(emulator: Emulator, *messages: Json, model: str = NOVA, stream: bool = False, **more: Any) -> str:
    """Bedrock's words, or nothing if the request is answered."""
    path = f"/model/{model}/{'converse-stream' if stream else 'converse'}"
    response = emulator.post(path, {"messages": list(messages), **more})
    assert response.status_code in (200, 400), response.text
    return "" if response.ok else str(response.json()["message"])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("blank", ["", " \n"])
@pytest.mark.parametrize("model", [CLAUDE, NOVA, PIXTRAL])
def test_blank_text_and_empty_messages(emulator: Emulator, model: str, blank: str, stream: bool) -> None:
    def ask(*messages: Json, **more: Any) -> str:
        return refuse(emulator, *messages, model=model, stream=stream, **more)

    words = "is blank. Add text to the text field, and try again."
    assert (
        ask(user(HI, {"text": blank})) == f"The text field in the ContentBlock object at messages.0.content.1 {words}"
    )
    assert words in ask(user(HI), system=[{"text": " "}])
    assert words in ask(user(HI), use("a"), user(result("a", {"text": blank})), toolConfig=TOOLS)
    assert "The content field in the Message object at messages.1 is empty." in ask(user(HI), assistant(), user(HI))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", [CLAUDE, NOVA, PIXTRAL])
@pytest.mark.parametrize("value", ["{", [1], None, 1])
def test_json_that_is_no_object(emulator: Emulator, model: str, value: Any, stream: bool) -> None:
    words = "The format of the value at messages.{} is invalid. Provide a json object for the field and try again."
    call = assistant({"toolUse": {"toolUseId": "a", "name": "look", "input": value}})
    turns = [user(HI), call, user(result("a", HI))]
    assert refuse(emulator, *turns, model=model, stream=stream, toolConfig=TOOLS) == words.format(
        "1.content.0.toolUse.input"
    )
    turns = [user(HI), use("a"), user(result("a", {"json": value}))]
    assert refuse(emulator, *turns, model=model, stream=stream, toolConfig=TOOLS) == words.format(
        "2.content.0.toolResult.content.0.json"
    )


@pytest.mark.parametrize("model", [CLAUDE, NOVA, PIXTRAL])
def test_roles_that_do_not_alternate(emulator: Emulator, model: str) -> None:
    words = "A conversation must alternate between user and assistant roles."
    assert refuse(emulator, user(HI), user(HI), model=model).startswith(words)
    assert refuse(emulator, user(HI), assistant(HI), assistant(HI), user(HI), model=model).startswith(words)
    assert refuse(emulator, user(HI), assistant(HI), user(HI), model=model) == ""


@pytest.mark.parametrize(
    ("model", "stream", "takes"),
    [
        # Llama streams no tools.
        (LLAMA, False, True),
        *((CLAUDE, stream, True) for stream in (False, True)),
        *((NOVA, stream, True) for stream in (False, True)),
        *((PIXTRAL, stream, False) for stream in (False, True)),
        *(("us.openai.gpt-6-astra", stream, False) for stream in (False, True)),
    ],
)
def test_an_image_inside_a_tool_result(emulator: Emulator, model: str, stream: bool, takes: bool) -> None:
    words = "This model doesn't support the image field for user messages. Remove image and try again."
    inside = [user(HI), use(A), user(result(A, PNG))]
    beside = [user(HI), use(A), user(result(A, HI), HI, PNG)]
    # Llama takes no tools in a stream.
    stream = stream and model != LLAMA
    assert refuse(emulator, *inside, model=model, stream=stream, toolConfig=TOOLS) == ("" if takes else words)
    assert refuse(emulator, *beside, model=model, stream=stream, toolConfig=TOOLS) == ""


def test_media_that_the_model_does_not_take_or_an_assistant_cannot_send(emulator: Emulator) -> None:
    words = "This model doesn't support the image field"
    assert words in refuse(emulator, user(HI, PNG), model="amazon.nova-micro-v1:0")
    assert words in refuse(emulator, user(HI), assistant(PNG), user(HI))


def test_documents(emulator: Emulator) -> None:
    assert refuse(emulator, user(document(), HI)) == ""
    assert refuse(emulator, user(document())).startswith("A text block must be included when using documents.")
    for name in ("a.md", "a  b", "a\u3000b", "a\tb"):
        assert refuse(emulator, user(document(name), HI)).startswith("The document file name can only contain"), name
    assert refuse(emulator, user(document("a_b (1) [2]"), HI)) == ""
    twice = (user(document(), HI), assistant(HI), user(document(), HI))
    assert refuse(emulator, *twice).startswith("Messages can't contain duplicate document names.")
    many = [document(f"a{number}") for number in range(6)]
    assert refuse(emulator, user(HI, *many)).startswith("You can't include more than 5 documents in a request.")
    assert refuse(emulator, user(HI, *many[:5])) == ""
    words = "DocumentSource object at messages.0.content.1.document.source must set one of the following keys"
    assert words in refuse(emulator, user(HI, document(source={"text": "x"})))
    assert refuse(emulator, user(HI, document(source={"text": "x"}, citations={"enabled": True}))) == ""


def test_reasoning_of_a_user(emulator: Emulator) -> None:
    thought = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}}
    assert refuse(emulator, user(HI, thought), model=CLAUDE).startswith(
        "User messages cannot contain reasoning content."
    )
    assert refuse(emulator, user(HI), assistant(thought, HI), user(HI), model=CLAUDE) == ""


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "signed", "words"),
    [
        (CLAUDE, True, ""),
        (CLAUDE, False, "messages.1.content.0.thinking.signature: Field required"),
        *(
            ("us.deepseek.r1-v1:0", signed, "User messages cannot contain reasoning content.")
            for signed in (True, False)
        ),
        ("us.amazon.nova-2-lite-v1:0", False, "User messages cannot contain reasoning content."),
        (
            "openai.gpt-oss-120b-1:0",
            True,
            "This model doesn't support the reasoningContent.reasoningText.signature field.",
        ),
        ("openai.gpt-oss-120b-1:0", False, ""),
        ("moonshot.kimi-k2-thinking", False, ""),
    ],
)
def test_reasoning_of_earlier_turns(emulator: Emulator, model: str, signed: bool, words: str, stream: bool) -> None:
    text = {"text": "Hm.", "signature": "s"} if signed else {"text": "Hm."}
    answer = assistant({"reasoningContent": {"reasoningText": text}}, HI)
    said = refuse(emulator, user(HI), answer, user(HI), model=model, stream=stream)
    assert words in said if words else said == ""


@pytest.mark.parametrize(("model", "takes"), [(CLAUDE, True), (NOVA, True), (NEMOTRON, False)])
def test_an_empty_tool_result(emulator: Emulator, model: str, takes: bool) -> None:
    said = refuse(emulator, user(HI), use("a"), user(result("a")), model=model, toolConfig=TOOLS)
    assert ("is empty" in said) == (not takes)


def test_stop_sequences_of_white_space(emulator: Emulator) -> None:
    config = {"stopSequences": ["END", "\n"]}
    words = "stop_sequences: each stop sequence must contain non-whitespace"
    assert refuse(emulator, user(HI), model=CLAUDE, inferenceConfig=config).endswith(words)
    assert refuse(emulator, user(HI), model=NOVA, inferenceConfig=config) == ""
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
    response = emulator.post(f"/model/{CLAUDE}/invoke", {**body, "stop_sequences": ["\n"]})
    assert (response.status_code, response.json()["message"]) == (400, words)


def test_more_stop_sequences_than_converse_takes(emulator: Emulator) -> None:
    config = {"stopSequences": [str(number) for number in range(2501)]}
    assert "stopSequences" in refuse(emulator, user(HI), inferenceConfig=config)


# --- tools ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [CLAUDE, NOVA, PIXTRAL])
def test_calls_and_results_that_do_not_pair(emulator: Emulator, model: str) -> None:
    def ask(*messages: Json, **more: Any) -> str:
        return refuse(emulator, user(HI), *messages, model=model, **({"toolConfig": TOOLS} | more))

    answered = result(A, HI)
    assert ask(use(A), user(answered)) == ""
    assert ask(use(A, B), user(result(B, HI), answered)) == ""
    without = refuse(emulator, user(HI), use(A), user(answered), model=model)
    assert without == "The toolConfig field must be defined when using toolUse and toolResult content blocks."
    assert (
        ask(use(A, B), user(answered)) == f"Expected toolResult blocks at messages.2.content for the following Ids: {B}"
    )
    assert ask(use(A), user(HI)).startswith("Expected toolResult blocks at messages.2.content")
    assert ask(assistant(HI), user(answered)) == (
        "The number of toolResult blocks at messages.2.content exceeds the number of toolUse blocks of previous turn."
    )
    assert f"contain duplicate Ids: {A}" in ask(use(A), user(answered, answered))
    assert f"contain duplicate Ids: {A}" in ask(use(A, A), user(answered, result(B, HI)))
    assert ask(use(A), user(answered), assistant(HI), user(answered)).startswith("The number of toolResult blocks")


def test_a_result_that_is_no_object(emulator: Emulator) -> None:
    for value in ([1], "s", 3, None):
        said = refuse(emulator, user(HI), use("a"), user(result("a", {"json": value})), toolConfig=TOOLS)
        assert "messages.2.content.0.toolResult.content.0.json is invalid" in said


@pytest.mark.parametrize("schema", [{}, {"type": "array"}, {"type": ["object", "null"]}, {"properties": {}}])
def test_a_schema_whose_root_is_no_object(emulator: Emulator, schema: Json) -> None:
    tools = {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": schema}}}]}
    said = refuse(emulator, user(HI), toolConfig=tools)
    assert "toolConfig.tools.0.toolSpec.inputSchema.json.type must be one of the following: object." in said


def config(schema: Json) -> Json:
    return {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": schema}}}]}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["$defs", "definitions", "$schema", "title", "description", "additionalProperties"])
def test_a_root_of_more_than_three_members(emulator: Emulator, name: str, stream: bool) -> None:
    schema = {"type": "object", "properties": {}, name: False if name == "additionalProperties" else {}}
    words = f"#/toolConfig/tools/0/toolSpec/inputSchema/json: extraneous key [{name}] is not permitted"
    for model in (NOVA, "us.amazon.nova-2-lite-v1:0"):
        assert words in refuse(emulator, user(HI), model=model, stream=stream, toolConfig=config(schema))
    for model in (CLAUDE, PIXTRAL):
        assert refuse(emulator, user(HI), model=model, stream=stream, toolConfig=config(schema)) == ""
    response = emulator.post(f"/model/{NOVA}/invoke", {"messages": [user(HI)], "toolConfig": config(schema)})
    assert (response.status_code, words in response.text) == (400, True)


@pytest.mark.parametrize("union", ["anyOf", "oneOf", "allOf"])
def test_a_union_at_the_root_of_a_schema_for_claude(emulator: Emulator, union: str) -> None:
    schema = {"type": "object", union: [{"properties": {}}]}
    words = "tools.0.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level"
    assert refuse(emulator, user(HI), model=CLAUDE, toolConfig=config(schema)).endswith(words)
    assert refuse(emulator, user(HI), model=PIXTRAL, toolConfig=config(schema)) == ""
    tools = [{"name": "look", "input_schema": schema}]
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
    response = emulator.post(f"/model/{CLAUDE}/invoke", {**body, "tools": tools})
    assert (response.status_code, words in response.text) == (400, True)


def test_the_name_of_a_property_for_claude(emulator: Emulator) -> None:
    words = "tools.0.custom.input_schema.properties: Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'"
    for name, status in (("filter[id]", 400), ("$top", 400), ("a" * 65, 400), ("a.b-c_D", 200)):
        schema = {"type": "object", "properties": {name: {"type": "string"}}}
        said = refuse(emulator, user(HI), model=CLAUDE, toolConfig=config(schema))
        assert said.endswith(words) if status == 400 else said == ""
        assert refuse(emulator, user(HI), model=NOVA, toolConfig=config(schema)) == ""


def test_names_and_descriptions_of_tools(emulator: Emulator) -> None:
    for changed in ({"name": "a" * 65}, {"name": "a.b"}, {"description": ""}):
        spec = {"name": "look", "inputSchema": {"json": {"type": "object"}}, **changed}
        assert refuse(emulator, user(HI), toolConfig={"tools": [{"toolSpec": spec}]}) != "", changed


def test_a_lenient_emulator_accepts_what_these_rules_refuse(start_emulator: StartEmulator) -> None:
    lenient = start_emulator("--lenient")
    assert refuse(lenient, user(HI), user({"text": " "}), use("a"), user(HI)) == ""
