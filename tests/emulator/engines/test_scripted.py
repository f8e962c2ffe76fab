"""The scripted engine: the same request gets the same answer, and each request an answer that fits it."""

import json
import math
from typing import Any

import jsonschema
import pytest

from bedrock_flask.converse import fold
from bedrock_flask.emulator.calls.errors import EmulatedError
from bedrock_flask.emulator.engines.scripted import ScriptedEngine

ENGINE = ScriptedEngine()
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string", "minLength": 3}, "days": {"type": "integer", "minimum": 2}},
    "required": ["city", "days"],
}
TOOLS = [
    {"toolSpec": {"name": "get_weather", "inputSchema": {"json": WEATHER}}},
    {"toolSpec": {"name": "get_time", "inputSchema": {"json": {"type": "object", "properties": {}}}}},
]


def make_request(text: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"text": text}]}], **more}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    return fold(ENGINE.converse(request))


def content(request: dict[str, Any]) -> list[dict[str, Any]]:
    return list(answer(request)["output"]["message"]["content"])


def test_different_prompts_get_different_answers_and_the_same_the_same() -> None:
    assert content(make_request("one")) == content(make_request("one")) != content(make_request("two"))
    assert content(make_request("one", system=[{"text": "Be brief."}])) != content(make_request("one"))


def test_the_text_comes_in_pieces_with_usage_last() -> None:
    events = list(ENGINE.converse(make_request("Hello there")))
    assert [next(iter(event)) for event in (events[0], events[-2], events[-1])] == [
        "messageStart",
        "messageStop",
        "metadata",
    ]
    deltas = sum("contentBlockDelta" in event for event in events)
    assert deltas > 5
    usage = events[-1]["metadata"]["usage"]
    assert usage == {"inputTokens": 2, "outputTokens": deltas, "totalTokens": 2 + deltas}


def test_max_tokens_cuts_the_answer_and_says_so() -> None:
    cut = answer(make_request("Hello", inferenceConfig={"maxTokens": 3}))
    assert cut["stopReason"] == "max_tokens"
    assert cut["usage"]["outputTokens"] == 3
    whole = answer(make_request("Hello"))
    assert answer(make_request("Hello", inferenceConfig={"maxTokens": whole["usage"]["outputTokens"]})) == whole


def test_a_stop_sequence_ends_the_text_and_is_told_on_request() -> None:
    request = make_request("Hello", inferenceConfig={"stopSequences": ["scripted", "never"]})
    response = answer(request)
    assert response["stopReason"] == "stop_sequence"
    assert "additionalModelResponseFields" not in response
    assert response["output"]["message"]["content"][0]["text"].endswith("This is the ")
    response = answer({**request, "additionalModelResponseFieldPaths": ["/stop_sequence"]})
    assert response["additionalModelResponseFields"] == {"stop_sequence": "scripted"}


@pytest.mark.parametrize(
    ("choice", "text", "called"),
    [
        ({"any": {}}, "Hi", ["get_weather"]),
        ({"tool": {"name": "get_time"}}, "Hi", ["get_time"]),
        ({"auto": {}}, "Use get_time now.", ["get_time"]),
        (None, "Use get_weather and get_time!", ["get_weather", "get_time"]),
        ({"auto": {}}, "my_get_time_too is another", []),
        (None, "Hi", []),
    ],
)
def test_tools_are_called_as_the_choice_and_the_prompt_say(
    choice: dict[str, Any] | None, text: str, called: list[str]
) -> None:
    response = answer(make_request(text, toolConfig={"tools": TOOLS, **({"toolChoice": choice} if choice else {})}))
    uses = [block["toolUse"] for block in response["output"]["message"]["content"] if "toolUse" in block]
    assert [use["name"] for use in uses] == called
    assert response["stopReason"] == ("tool_use" if called else "end_turn")
    for use in uses:
        if use["name"] == "get_weather":
            jsonschema.validate(use["input"], WEATHER)
    assert len({use["toolUseId"] for use in uses}) == len(called)


def test_a_call_without_arguments_sends_no_delta() -> None:
    events = list(
        ENGINE.converse(make_request("x", toolConfig={"tools": TOOLS, "toolChoice": {"tool": {"name": "get_time"}}}))
    )
    assert not any("contentBlockDelta" in event for event in events)
    assert fold(events)["output"]["message"]["content"][0]["toolUse"]["input"] == {}


def test_the_turn_after_a_tool_result_quotes_it() -> None:
    request = make_request("Use get_weather.", toolConfig={"tools": TOOLS[:1], "toolChoice": {"any": {}}})
    use = content(request)[0]["toolUse"]
    request["messages"] += [
        {"role": "assistant", "content": [{"toolUse": use}]},
        {
            "role": "user",
            "content": [
                {
                    "toolResult": {
                        "toolUseId": use["toolUseId"],
                        "content": [{"text": "sunny"}, {"json": {"degrees": 21}}],
                    }
                }
            ],
        },
    ]
    response = answer(request)
    assert response["stopReason"] == "end_turn"
    assert 'sunny\n{"degrees": 21}' in response["output"]["message"]["content"][0]["text"]


@pytest.mark.parametrize(
    "fields",
    [
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        {"thinking": {"type": "adaptive"}},
    ],
)
def test_reasoning_comes_first_with_a_signature(fields: dict[str, Any]) -> None:
    first, second = content(make_request("Think.", additionalModelRequestFields=fields))
    assert first["reasoningContent"]["reasoningText"]["text"]
    assert len(first["reasoningContent"]["reasoningText"]["signature"]) > 100
    assert "text" in second
    assert content(make_request("Think.", additionalModelRequestFields=fields))[0] == first


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoningConfig": {"type": "enabled"}},
        {"inferenceConfig": {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}},
    ],
)
def test_only_claudes_reasoning_is_signed(fields: dict[str, Any]) -> None:
    first, second = content(make_request("Think.", additionalModelRequestFields=fields))
    assert list(first["reasoningContent"]["reasoningText"]) == ["text"]
    assert "text" in second


def test_reasoning_that_is_disabled_does_not_come() -> None:
    assert len(content(make_request("Hi", additionalModelRequestFields={"thinking": {"type": "disabled"}}))) == 1


def test_an_error_comes_when_the_prompt_names_it() -> None:
    with pytest.raises(EmulatedError) as refused:
        list(ENGINE.converse(make_request("[[error throttlingException]]")))
    assert (refused.value.name, refused.value.status) == ("ThrottlingException", 429)
    for after in (0, 2):
        events: list[dict[str, Any]] = []
        with pytest.raises(EmulatedError, match="ModelStreamErrorException"):
            events.extend(ENGINE.converse(make_request(f"Say [[error modelStreamErrorException after {after}]]")))
        assert [next(iter(event)) for event in events] == ["messageStart"] + ["contentBlockDelta"] * after


def test_what_stands_before_a_cache_point_is_written_first_and_read_later() -> None:
    system = [{"text": "one two three"}, {"cachePoint": {"type": "default"}}]
    first = answer(make_request("Hello", system=system))["usage"]
    assert (first["inputTokens"], first["cacheWriteInputTokens"], first["cacheReadInputTokens"]) == (1, 3, 0)
    messages = [
        *make_request("Hello")["messages"],
        {"role": "assistant", "content": [{"text": "Hi"}]},
        *make_request("More")["messages"],
    ]
    later = answer({"system": system, "messages": messages})["usage"]
    assert (later["inputTokens"], later["cacheWriteInputTokens"], later["cacheReadInputTokens"]) == (3, 0, 3)


def test_embeddings_have_length_one_and_know_their_words() -> None:
    cats, kittens, trains, empty = (
        ENGINE.embed(text, 256) for text in ("the cat sleeps", "The cat sleeps!", "trains run late", "")
    )
    for vector in (cats, kittens, trains, empty):
        assert len(vector) == 256
        assert math.isclose(math.fsum(value * value for value in vector), 1)
    assert cats == ENGINE.embed("the cat sleeps", 256) != kittens

    def likeness(a: list[float], b: list[float]) -> float:
        return math.fsum(x * y for x, y in zip(a, b, strict=True))

    assert likeness(cats, kittens) > 0.9 > 0.5 > likeness(cats, trains)


def test_a_request_without_messages_gets_an_answer() -> None:
    assert answer({"promptVariables": {}})["stopReason"] == "end_turn"


ANSWER_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "tags": {"type": "array", "items": {"enum": ["a", "b"]}}},
    "required": ["city", "tags"],
    "additionalProperties": False,
}
FORM = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": json.dumps(ANSWER_SCHEMA)}}}}


def test_a_text_satisfies_the_schema_of_the_answer() -> None:
    [block] = content(make_request("Describe it.", outputConfig=FORM))
    jsonschema.validate(json.loads(block["text"]), ANSWER_SCHEMA)
    # A tool that the prompt names is called all the same, and the text after its result satisfies the schema.
    request = make_request("Use get_time.", outputConfig=FORM, toolConfig={"tools": TOOLS})
    [_, use] = content(request)
    assert use["toolUse"]["name"] == "get_time"
    result = {"toolResult": {"toolUseId": use["toolUse"]["toolUseId"], "content": [{"text": "noon"}]}}
    request["messages"] += [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    [block] = content(request)
    jsonschema.validate(json.loads(block["text"]), ANSWER_SCHEMA)


def test_tools_that_are_forced_in_every_turn_are_each_called_once() -> None:
    request = make_request("Go.", toolConfig={"tools": TOOLS, "toolChoice": {"any": {}}})
    names = []
    for _ in range(3):
        response = answer(request)
        names += [block["toolUse"]["name"] for block in response["output"]["message"]["content"] if "toolUse" in block]
        if response["stopReason"] != "tool_use":
            break
        message = response["output"]["message"]
        results = [
            {"toolResult": {"toolUseId": message["content"][0]["toolUse"]["toolUseId"], "content": [{"text": "x"}]}}
        ]
        request["messages"] += [message, {"role": "user", "content": results}]
    assert (names, response["stopReason"]) == (["get_weather", "get_time"], "end_turn")
