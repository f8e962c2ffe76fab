"""The body of the Responses API: what it takes, and how it says where something is wrong."""

from typing import Any

import jsonschema
import pytest

from bedrock_flask.bodies.openai_responses_body import ITEMS, Body
from bedrock_flask.fields import find_faults
from bedrock_flask.json_schema import to_json_schema

Json = dict[str, Any]
PUBLISHED = jsonschema.Draft202012Validator(to_json_schema(Body()))


def faulty(**members: Any) -> dict[str, str]:
    """The faults by path; the published JSON Schema agrees on whether there are any."""
    document = {"model": "m", "input": "2+2?", **members}
    found = {fault.path: fault.message for fault in find_faults(Body(), document)}
    assert PUBLISHED.is_valid(document) is not bool(found)
    return found


def items(*given: Json) -> dict[str, str]:
    return faulty(input=list(given))


def test_the_documented_example_fits() -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    content = [{"type": "input_text", "text": "what is in this image?"}, image]
    assert items({"role": "user", "content": content}) == {}


def test_what_the_openai_package_replays_fits() -> None:
    """Items of an answer as the package sends them back, with all the members that it knows."""
    text = {"type": "output_text", "text": "4", "annotations": [], "logprobs": []}
    answer = {"id": "msg_1", "content": [text], "role": "assistant", "status": "completed", "type": "message"}
    reasoning = {"id": "rs_1", "summary": [], "type": "reasoning", "content": None, "encrypted_content": "x"}
    call = {"arguments": "{}", "call_id": "a", "name": "f", "type": "function_call", "id": "fc_1", "async": None}
    custom = {"call_id": "b", "input": "", "name": "g", "type": "custom_tool_call", "id": "ctc_1", "namespace": None}
    assert items({**answer, "phase": None}, {**reasoning, "status": None}, call, {**custom, "caller": None}) == {}


@pytest.mark.parametrize("name", ["model", "input"])
def test_model_and_input_must_be_there(name: str) -> None:
    document = {"model": "m", "input": "x"}
    del document[name]
    assert [fault.path for fault in find_faults(Body(), document)] == [name]


def test_an_item_of_an_unknown_kind_is_told_by_its_place_and_may_be_passed_on() -> None:
    [fault] = find_faults(Body(), {"model": "m", "input": [{"role": "user", "content": "a"}, {"type": "dream"}]})
    assert (fault.path, fault.unknown) == ("input[1].type", True)
    assert fault.message.startswith("must be one of: message, function_call")


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"role": "robot", "content": "x"}, "input[0].role"),
        ({"role": "user", "content": [{"type": "input_audio"}]}, "input[0].content[0].type"),
        ({"role": "user", "content": "x", "mood": "good"}, "input[0].mood"),
        ({"type": "function_call", "name": "f"}, "input[0].call_id"),
        ({"type": "function_call", "name": "f", "call_id": "a", "arguments": {}}, "input[0].arguments"),
        (
            {"type": "function_call_output", "call_id": "a", "output": [{"type": "output_text", "text": "x"}]},
            "input[0].output[0].type",
        ),
        ({"type": "custom_tool_call", "name": "f", "call_id": "a", "input": None}, "input[0].input"),
        ({"type": "reasoning", "summary": "Hm."}, "input[0].summary"),
        ({"type": "additional_tools", "tools": [{"type": "function"}]}, "input[0].tools[0].name"),
    ],
)
def test_an_item_that_is_wrong_is_told_by_its_place(given: Json, path: str) -> None:
    assert list(items(given)) == [path]


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"max_tokens": 5}, "max_tokens"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": 2.1}, "temperature"),
        ({"stream": "yes"}, "stream"),
        ({"tool_choice": "any"}, "tool_choice"),
        ({"tools": [{"type": "dream"}]}, "tools[0].type"),
        ({"tools": [{"type": "custom", "name": "x", "format": {"type": "grammar"}}]}, "tools[0].format.syntax"),
        ({"tools": [{"type": "namespace", "name": "x", "tools": [{"type": "mcp"}]}]}, "tools[0].tools[0].type"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"metadata": {"a": 1}}, "metadata.a"),
    ],
)
def test_a_member_that_is_wrong_is_told_by_name(members: Json, path: str) -> None:
    assert path in faulty(**members)


def test_items_that_only_openai_understands_are_not_read() -> None:
    own = set(ITEMS) - {"message", "reasoning", "additional_tools"}
    for kind in own - {each for each in own if each.startswith(("function_call", "custom_tool_call", "tool_search"))}:
        assert items({"type": kind, "anything": [1]}) == {}
