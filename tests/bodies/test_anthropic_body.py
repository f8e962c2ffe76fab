"""Claude's body: what it takes, and how it says where something is wrong."""

from typing import Any

import jsonschema
import pytest

from bedrock_flask.bodies.anthropic_body import RULES, Body, check_cache_controls, check_thinking_budget
from bedrock_flask.fields import find_faults
from bedrock_flask.json_schema import to_json_schema

Json = dict[str, Any]
PUBLISHED = jsonschema.Draft202012Validator(to_json_schema(Body()))


def body(**members: Any) -> Json:
    return {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": "2+2?"}],
        **members,
    }


def saying(*blocks: Any) -> Json:
    return body(messages=[{"role": "user", "content": list(blocks)}])


def faulty(document: Json) -> dict[str, str]:
    """The faults by path; the published JSON Schema agrees on whether there are any."""
    found = {fault.path: fault.message for fault in find_faults(Body(), document)}
    assert PUBLISHED.is_valid(document) is not bool(found)
    return found


def test_the_documented_example_fits() -> None:
    block = {"type": "text", "text": "2+2?"}
    assert faulty(body(system="Be terse.", messages=[{"role": "user", "content": [block]}])) == {}


@pytest.mark.parametrize("name", ["model", "stream", "service_tier", "mcp_servers"])
def test_members_that_bedrock_refuses_are_refused_by_name(name: str) -> None:
    assert list(faulty(body(**{name: "x"}))) == [name]


def test_a_misspelt_member_is_told_the_right_one() -> None:
    assert faulty(body(max_token=5)) == {"max_token": "is not a known field; did you mean 'max_tokens'?"}


@pytest.mark.parametrize("version", ["bedrock-2023-05-31", "2026-10-21", ""])
def test_the_version_is_bedrocks_or_a_date_of_anthropics_sdk_or_empty_as_in_awss_notebooks(version: str) -> None:
    assert faulty(body(anthropic_version=version)) == {}


@pytest.mark.parametrize("version", ["bedrock", "claude-3-sonnet-20240229-v1:0", "bedrock-2023-05-31-v2"])
def test_another_version_is_refused(version: str) -> None:
    assert list(faulty(body(anthropic_version=version))) == ["anthropic_version"]


CACHED = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
PNG = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}
TEXT = {"type": "text", "text": "x"}


@pytest.mark.parametrize(
    "block",
    [
        CACHED,
        {"type": "text", "text": "4", "citations": None, "cache_control": None},
        {"type": "text", "text": "4", "citations": [{"type": "char_location", "cited_text": "x"}]},
        {"type": "image", "source": PNG},
        {"type": "document", "source": PDF, "title": "T", "context": None, "citations": {"enabled": True}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}, "title": None},
        {"type": "document", "source": {"type": "content", "content": [TEXT, {"type": "image", "source": PNG}]}},
        {"type": "document", "source": {"type": "content", "content": "x"}},
        {"type": "search_result", "source": "s", "title": "t", "content": [TEXT]},
        {"type": "tool_use", "id": "t", "name": "n", "input": {}, "caller": None},
        {"type": "tool_result", "tool_use_id": "t"},
        {"type": "tool_result", "tool_use_id": "t", "content": "x", "is_error": True},
        {"type": "tool_result", "tool_use_id": "t", "content": [TEXT, {"type": "image", "source": PNG}]},
        {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "tool_reference", "tool_name": "n"}]},
        {"type": "thinking", "thinking": "", "signature": "S"},
        {"type": "redacted_thinking", "data": "QUJD"},
        {"type": "server_tool_use", "id": "s", "name": "tool_search_tool_regex", "input": {"query": "x"}},
        {"type": "tool_search_tool_result", "tool_use_id": "s", "content": {"type": "x", "tool_references": []}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        {"type": "compaction", "content": None, "encrypted_content": "x"},
        {"type": "text", "text": "x", "a_member_of_tomorrow": {"deep": [1]}},
    ],
)
def test_every_known_block_is_taken(block: Json) -> None:
    assert faulty(saying(block)) == {}


@pytest.mark.parametrize(
    ("block", "path"),
    [
        ({"type": "text"}, "text"),
        ({"type": "text", "text": 5}, "text"),
        ({"type": "txt", "text": "x"}, "type"),
        ({"text": "x"}, "type"),
        ({"type": None, "text": "x"}, "type"),
        ({"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}, "source.type"),
        ({"type": "image", "source": {**PNG, "media_type": "image/tiff"}}, "source.media_type"),
        ({"type": "document", "source": {"type": "url", "url": "x"}}, "source.type"),
        ({"type": "document", "source": {"type": "content", "content": [{"type": "text"}]}}, "source.content[0].text"),
        ({"type": "tool_use", "id": "t", "name": "n", "input": "{}"}, "input"),
        ({"type": "tool_result", "content": "x"}, "tool_use_id"),
        ({"type": "tool_result", "tool_use_id": "t", "is_error": "yes"}, "is_error"),
        ({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image"}]}, "content[0].source"),
        ({"type": "thinking", "thinking": "hm"}, "signature"),
        ({"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "2h"}}, "cache_control.ttl"),
        ({"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "scope": "x"}}, "cache_control.scope"),
    ],
)
def test_a_wrong_block_is_refused_where_it_is_wrong(block: Json, path: str) -> None:
    assert list(faulty(saying(TEXT, block))) == [f"messages[0].content[1].{path}"]


def test_an_unknown_block_is_named_as_unknown_so_that_a_lenient_alias_lets_it_pass() -> None:
    assert [fault.unknown for fault in find_faults(Body(), saying({"type": "hologram"}))] == [True]


@pytest.mark.parametrize("content", [5, None, {"type": "text", "text": "x"}, True])
def test_content_is_text_or_blocks(content: Any) -> None:
    assert list(faulty(body(messages=[{"role": "user", "content": content}]))) == ["messages[0].content"]


def test_a_turn_is_the_users_the_assistants_or_the_systems() -> None:
    assert list(faulty(body(messages=[{"role": "robot", "content": "x"}]))) == ["messages[0].role"]
    assert list(faulty(body(messages=[{"role": "user"}]))) == ["messages[0].content"]
    assert list(faulty(body(messages=[{"role": "user", "content": "x", "name": "n"}]))) == ["messages[0].name"]
    assert faulty(body(messages=[{"role": "system", "content": "x"}])) == {}


def test_the_system_prompt_is_text_or_text_blocks() -> None:
    assert faulty(body(system=[CACHED])) == {}
    assert list(faulty(body(system=[{"type": "image", "source": PNG}]))) == ["system[0].type"]
    assert list(faulty(body(system=["x"]))) == ["system[0]"]


CUSTOM = {"name": "add", "input_schema": {"type": "object", "properties": {"a": {"type": "integer"}}}}


@pytest.mark.parametrize(
    "tool",
    [
        CUSTOM,
        {**CUSTOM, "type": "custom"},
        {**CUSTOM, "type": None, "cache_control": None},
        {**CUSTOM, "defer_loading": True, "input_examples": [{"a": 1}]},
        {"type": "computer_20250124", "name": "computer", "display_width_px": 1, "display_height_px": 1},
        {"type": "bash_20250124", "name": "bash"},
        {"type": "tool_search_tool_regex", "name": "tool_search_tool_regex"},
        {"type": "a_toolset_of_tomorrow"},
    ],
)
def test_tools_of_every_kind_are_taken(tool: Json) -> None:
    assert faulty(body(tools=[tool])) == {}


@pytest.mark.parametrize(
    ("tool", "path"),
    [
        ({"name": "add"}, "input_schema"),
        ({"input_schema": {"type": "object"}}, "name"),
        ({**CUSTOM, "input_schema": {"type": "string"}}, "input_schema.type"),
        ({**CUSTOM, "input_schema": {"anyOf": []}}, "input_schema.type"),
        ({**CUSTOM, "strict": "yes"}, "strict"),
        ({**CUSTOM, "type": 5}, "type"),
    ],
)
def test_a_wrong_tool_is_refused_where_it_is_wrong(tool: Json, path: str) -> None:
    assert list(faulty(body(tools=[tool]))) == [f"tools[0].{path}"]


@pytest.mark.parametrize(
    ("choice", "path"),
    [
        ({"type": "auto", "disable_parallel_tool_use": True}, None),
        ({"type": "any"}, None),
        ({"type": "none"}, None),
        ({"type": "tool", "name": "add"}, None),
        ({"type": "tool"}, "tool_choice.name"),
        ({"type": "auto", "name": "add"}, "tool_choice.name"),
        ({"type": "required"}, "tool_choice.type"),
        ("auto", "tool_choice"),
    ],
)
def test_the_choice_of_tools(choice: Any, path: str | None) -> None:
    assert list(faulty(body(tools=[CUSTOM], tool_choice=choice))) == ([path] if path else [])


@pytest.mark.parametrize(
    ("thinking", "path"),
    [
        ({"type": "enabled", "budget_tokens": 1024}, None),
        ({"type": "adaptive"}, None),
        ({"type": "adaptive", "display": "omitted"}, None),
        ({"type": "disabled"}, None),
        ({"type": "enabled"}, "thinking.budget_tokens"),
        ({"type": "enabled", "budget_tokens": 1023}, "thinking.budget_tokens"),
        ({"type": "enabled", "budget_tokens": "1024"}, "thinking.budget_tokens"),
        ({"type": "adaptive", "effort": "high"}, "thinking.effort"),
        ({"type": "always"}, "thinking.type"),
    ],
)
def test_thinking(thinking: Json, path: str | None) -> None:
    assert list(faulty(body(thinking=thinking))) == ([path] if path else [])


def test_output_config() -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}}
    assert faulty(body(output_config={"effort": "xhigh", "format": form})) == {}
    assert faulty(body(output_config={"effort": None, "format": None})) == {}
    assert list(faulty(body(output_config={"effort": "huge"}))) == ["output_config.effort"]
    assert list(faulty(body(output_config={"format": {"type": "json_schema"}}))) == ["output_config.format.schema"]


def test_stop_sequences_top_k_and_a_huge_number() -> None:
    assert faulty(body(stop_sequences=["x"] * 8191, top_k=500, max_tokens=10**400)) == {}
    assert faulty(body(top_k=501)) == {"top_k": "must be at most 500"}
    assert list(faulty(body(stop_sequences=["x"] * 8192))) == ["stop_sequences"]
    assert list(faulty(body(top_k=-1))) == ["top_k"]
    assert list(faulty(body(temperature=1.01))) == ["temperature"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_json_number_is_refused(value: float) -> None:
    assert [fault.path for fault in find_faults(Body(), body(temperature=value))] == ["temperature"]
    assert [fault.path for fault in find_faults(Body(), body(max_tokens=value))] == ["max_tokens"]


def test_the_reasoning_budget_is_part_of_max_tokens() -> None:
    thinking = {"type": "enabled", "budget_tokens": 4096}
    [(path, message)] = check_thinking_budget(body(thinking=thinking))
    assert (path, message) == ("thinking.budget_tokens", "must be less than max_tokens (4096)")
    assert list(check_thinking_budget(body(thinking=thinking, max_tokens=4097))) == []
    assert list(check_thinking_budget(body(thinking={"type": "adaptive"}))) == []


def test_interleaved_thinking_has_a_budget_of_its_own() -> None:
    document = body(
        thinking={"type": "enabled", "budget_tokens": 9000}, anthropic_beta=["interleaved-thinking-2025-05-14"]
    )
    assert list(check_thinking_budget(document)) == []


def test_the_fifth_cache_mark_is_refused_where_it_stands() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "x", **mark}]}
    document = body(
        tools=[{**CUSTOM, **mark}],
        system=[{"type": "text", "text": "x", **mark}],
        messages=[{"role": "user", "content": [{"type": "text", "text": "x", **mark}, result]}],
    )
    assert list(check_cache_controls(document)) == []
    document["messages"].append({"role": "user", "content": [TEXT, {"type": "text", "text": "x", **mark}]})
    assert [path for rule in RULES for path, _ in rule(document)] == ["messages[1].content[1].cache_control"]


def test_an_argument_called_cache_control_is_no_mark() -> None:
    use = {"type": "tool_use", "id": "t", "name": "n", "input": {"cache_control": {"x": 1}}}
    assert list(check_cache_controls(saying(*[use] * 5))) == []


def test_rules_survive_what_a_lenient_alias_lets_pass() -> None:
    unknown = [{"role": "user", "content": [{"type": "?"}]}]
    document = body(thinking={"type": "always", "budget_tokens": "x"}, messages=unknown)
    assert [fault for rule in RULES for fault in rule(document)] == []


@pytest.mark.parametrize(
    ("tool", "path"),
    [
        ({"type": "computer_20250124", "name": "computer", "display_width_px": 0}, "display_width_px"),
        ({"type": "computer_20250124", "name": "computer", "display_height_px": "768"}, "display_height_px"),
        ({"type": "computer_20250124", "name": "computer", "display_nmber": 0}, "display_nmber"),
        ({"type": "text_editor_20250728", "name": "e", "max_characters": True}, "max_characters"),
        ({"name": "t", "descripton": "x", "input_schema": {"type": "object"}}, "descripton"),
        ({"name": "t", "input_schema": {"type": "object"}, "defer_loading": "yes"}, "defer_loading"),
        ({"name": "t", "input_schema": {"type": "object"}, "input_examples": {}}, "input_examples"),
        ({"name": "t", "input_schema": {"type": "object", "propertys": {}}}, ""),
    ],
)
def test_tools_are_checked_and_their_schemas_left_to_the_model(tool: dict[str, Any], path: str) -> None:
    found = [fault.path for fault in find_faults(Body(), body(tools=[tool]))]
    assert found == ([f"tools[0].{path}"] if path else [])


def test_a_misspelt_member_of_a_block_is_refused_at_its_path() -> None:
    block = {"type": "text", "text": "Hi", "cache_contrl": {"type": "ephemeral"}}
    [fault] = find_faults(Body(), saying(block))
    assert (fault.path, fault.unknown) == ("messages[0].content[0].cache_contrl", True)
