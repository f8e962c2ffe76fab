"""What clients send and Bedrock refuses is translated, or refused by name; the emulator refuses it as Bedrock does."""

import base64
import json
from typing import Any

import pytest
import requests

from tests.doubles import Emulator, Gateway

OPUS_4_6, OPUS_4_7, OPUS_4_8 = (
    "anthropic.claude-opus-4-6-v1",
    "us.anthropic.claude-opus-4-7",
    "anthropic.claude-opus-4-8",
)
SONNET_4_5 = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
SONNET_5, OPUS_5, OPUS_5_5 = (
    "us.anthropic.claude-sonnet-5",
    "anthropic.claude-opus-5",
    "global.anthropic.claude-opus-5-5",
)
NOVA, MISTRAL = "amazon.nova-pro-v1:0", "mistral.mistral-large-2407-v1:0"
SAYS = [{"role": "user", "content": "Tell me something."}]


def message(gateway: Gateway, model: str, headers: dict[str, str] | None = None, **more: Any) -> requests.Response:
    body = {"model": model, "max_tokens": 50, "messages": SAYS, **more}
    return gateway.post("/v1/messages", body, headers=headers or {})


def sent(emulator: Emulator) -> Any:
    """The body of the last call."""
    return json.loads(emulator.calls()[-1]["body"])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "version", "up"),
    [
        (OPUS_4_6, "2026-10-21", "bedrock-2023-05-31"),
        (SONNET_4_5, "2026-10-21", "bedrock-2023-05-31"),
        (OPUS_4_7, "2026-10-21", "2026-10-21"),
        (OPUS_5_5, "2026-10-21", "2026-10-21"),
        (OPUS_5_5, "2023-06-01", "bedrock-2023-05-31"),
        (OPUS_5_5, "", "bedrock-2023-05-31"),
        # A version that nobody knows yet.
        (OPUS_5_5, "2031-01-01", "2026-10-21"),
        (OPUS_4_6, "2031-01-01", "bedrock-2023-05-31"),
    ],
)
def test_the_version_is_one_that_the_model_has(
    gateway: Gateway, emulator: Emulator, model: str, version: str, up: str, stream: bool
) -> None:
    response = message(gateway, model, {"anthropic-version": version}, stream=stream)
    assert response.status_code == 200, response.text
    assert sent(emulator)["anthropic_version"] == up


def test_tokens_are_counted_with_a_version_that_the_model_has(gateway: Gateway, emulator: Emulator) -> None:
    body = {"model": OPUS_4_6, "messages": SAYS}
    response = gateway.post("/v1/messages/count_tokens", body, headers={"anthropic-version": "2026-10-21"})
    assert response.status_code == 200, response.text
    counted = json.loads(base64.b64decode(sent(emulator)["input"]["invokeModel"]["body"]))
    assert counted["anthropic_version"] == "bedrock-2023-05-31"


# --- system messages among the others ---------------------------------------------------------------------------------

TURNS = [
    {"role": "user", "content": "a"},
    {"role": "assistant", "content": "b"},
    {"role": "user", "content": "c"},
    {"role": "system", "content": "From now on answer in French."},
]
MARKED = "<system>\nFrom now on answer in French.\n</system>"


def texts(turn: Any) -> list[str]:
    content = turn["content"]
    return [content] if isinstance(content, str) else [block["text"] for block in content]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", [NOVA, MISTRAL, SONNET_4_5, OPUS_4_6, OPUS_4_7])
def test_a_later_system_message_is_a_part_of_the_users_turn_in_its_place(
    gateway: Gateway, emulator: Emulator, model: str, stream: bool
) -> None:
    response = message(gateway, model, system="Be terse.", messages=TURNS, stream=stream)
    assert response.status_code == 200, response.text
    up = sent(emulator)
    assert [turn["role"] for turn in up["messages"]] == ["user", "assistant", "user"]
    assert texts(up["messages"][2]) == ["c", MARKED]
    # The cached prefix is as it was.
    assert up["system"] in ("Be terse.", [{"text": "Be terse."}])
    assert "messages.system" in response.headers["x-bedrock-flask-dropped"]


@pytest.mark.parametrize("model", [OPUS_4_8, SONNET_5, OPUS_5_5])
def test_a_model_that_takes_system_messages_gets_them(gateway: Gateway, emulator: Emulator, model: str) -> None:
    response = message(gateway, model, messages=TURNS)
    assert response.status_code == 200, response.text
    assert sent(emulator)["messages"] == TURNS
    assert "x-bedrock-flask-dropped" not in response.headers


@pytest.mark.parametrize("model", [NOVA, OPUS_4_6])
def test_system_messages_that_come_first_belong_to_the_system_prompt(
    gateway: Gateway, emulator: Emulator, model: str
) -> None:
    messages = [{"role": "system", "content": "Be kind."}, *SAYS]
    response = message(gateway, model, system="Be terse.", messages=messages)
    assert response.status_code == 200, response.text
    assert [block["text"] for block in sent(emulator)["system"]] == ["Be terse.", "Be kind."]
    assert len(sent(emulator)["messages"]) == 1
    assert "x-bedrock-flask-dropped" not in response.headers


@pytest.mark.parametrize("model", [NOVA, OPUS_4_6])
def test_a_system_message_between_a_call_and_its_result_follows_the_result(
    gateway: Gateway, emulator: Emulator, model: str
) -> None:
    mark = {"type": "ephemeral"}
    use = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "42"}
    system = {"role": "system", "content": [{"type": "text", "text": "Hurry.", "cache_control": mark}]}
    messages = [*SAYS, {"role": "assistant", "content": [use]}, system, {"role": "user", "content": [result]}]
    tools = [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
    response = message(gateway, model, messages=messages, tools=tools)
    assert response.status_code == 200, response.text
    last = sent(emulator)["messages"][-1]["content"]
    assert "Hurry." in json.dumps(last[1])
    if model == OPUS_4_6:
        assert last == [result, {"type": "text", "text": "<system>\nHurry.\n</system>", "cache_control": mark}]


def chat(gateway: Gateway, model: str, messages: Any = SAYS, **more: Any) -> requests.Response:
    return gateway.post("/v1/chat/completions", {"model": model, "messages": messages, **more})


def respond(gateway: Gateway, model: str, items: Any = "Tell me something.", **more: Any) -> requests.Response:
    return gateway.post("/v1/responses", {"model": model, "input": items, **more})


@pytest.mark.parametrize("ask", [chat, respond])
@pytest.mark.parametrize("model", [NOVA, OPUS_4_6, OPUS_4_8])
def test_openais_later_instructions_keep_their_place(
    gateway: Gateway, emulator: Emulator, ask: Any, model: str
) -> None:
    first = [{"role": "system", "content": "Be terse."}, {"role": "developer", "content": "Be kind."}]
    response = ask(gateway, model, [*first, *TURNS])
    assert response.status_code == 200, response.text
    up = sent(emulator)
    assert up["system"] == [{"text": "Be terse."}, {"text": "Be kind."}]
    assert texts(up["messages"][-1]) == ["c", MARKED]
    assert response.headers["x-bedrock-flask-dropped"] in ("messages.system", "input.system")


# --- strict tools and schemas for the answer --------------------------------------------------------------------------

SCHEMA = {"type": "object", "properties": {"r": {"type": "string"}}, "required": ["r"], "additionalProperties": False}
STRICT = [
    (OPUS_4_7, False),
    (SONNET_5, False),
    (OPUS_5_5, False),
    (NOVA, False),
    (OPUS_5, True),
    (SONNET_4_5, True),
]


@pytest.mark.parametrize(("model", "takes"), STRICT)
def test_strict_goes_only_to_models_that_take_it(gateway: Gateway, emulator: Emulator, model: str, takes: bool) -> None:
    function = {"name": "f", "description": "d", "parameters": SCHEMA}
    tool = {"name": "f", "description": "d", "input_schema": SCHEMA}
    for strict in (True, False):
        asked = [
            message(gateway, model, tools=[{**tool, "strict": strict}]),
            chat(gateway, model, tools=[{"type": "function", "function": {**function, "strict": strict}}]),
            respond(gateway, model, tools=[{"type": "function", **function, "strict": strict}]),
        ]
        for response, call in zip(asked, emulator.calls()[-3:], strict=True):
            assert response.status_code == 200, response.text
            assert ('"strict": true' in call["body"].replace('":t', '": t')) == (strict and takes)
            assert ("strict" in response.headers.get("x-bedrock-flask-dropped", "")) == (strict and not takes)


@pytest.mark.parametrize("member", ["output_config", "output_format"])
def test_a_schema_for_the_answer_goes_up_in_its_place_of_today(
    gateway: Gateway, emulator: Emulator, member: str
) -> None:
    form = {"type": "json_schema", "schema": SCHEMA}
    given = {"format": form} if member == "output_config" else form
    beta = {"anthropic-beta": "structured-outputs-2025-11-13"}
    for model in (SONNET_4_5, OPUS_4_6):
        response = message(gateway, model, beta, **{member: given})
        assert response.status_code == 200, response.text
        assert sent(emulator)["output_config"] == {"format": form}
        assert "output_format" not in sent(emulator)
    for policy in ("error", "drop"):
        response = message(gateway, OPUS_5_5, {**beta, "x-bedrock-flask-unsupported": policy}, **{member: given})
        [fault] = response.json()["error"]["errors"]
        place = "output_config.format" if member == "output_config" else member
        assert (response.status_code, fault["path"]) == (400, place), policy
    for model in (OPUS_4_7, OPUS_4_8, NOVA):
        response = message(gateway, model, beta, **{member: given})
        assert response.status_code == 200, response.text
        assert "json_answer" in emulator.calls()[-1]["body"]
        assert "output_format" not in sent(emulator)


# --- empty turns ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["", []])
@pytest.mark.parametrize("model", [NOVA, OPUS_4_6, OPUS_5_5])
def test_an_empty_turn_of_the_assistant_is_left_out(
    gateway: Gateway, emulator: Emulator, model: str, content: Any
) -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": content}, TURNS[2]]
    response = message(gateway, model, messages=messages)
    assert response.status_code == 200, response.text
    [turn] = sent(emulator)["messages"]
    assert texts(turn) == ["a", "c"]
    assert "messages[1]" in response.headers["x-bedrock-flask-dropped"]


def test_an_empty_answer_is_left_out_in_openais_format_too(gateway: Gateway, emulator: Emulator) -> None:
    response = chat(gateway, NOVA, [*SAYS, {"role": "assistant", "content": ""}, {"role": "user", "content": "c"}])
    assert response.status_code == 200, response.text
    assert len(sent(emulator)["messages"]) == 1
    assert response.headers["x-bedrock-flask-dropped"]


def test_an_empty_turn_of_the_user_is_refused(gateway: Gateway) -> None:
    assert message(gateway, NOVA, messages=[{"role": "user", "content": ""}]).status_code == 400


# --- caching and betas ------------------------------------------------------------------------------------------------

HOUR = {"type": "ephemeral", "ttl": "1h"}


@pytest.mark.parametrize("model", [SONNET_4_5, OPUS_4_6, OPUS_5_5])
def test_a_cache_mark_of_the_whole_request_is_on_its_last_block(
    gateway: Gateway, emulator: Emulator, model: str
) -> None:
    mark = {"type": "ephemeral"}
    response = message(gateway, model, cache_control=mark, system="s")
    assert response.status_code == 200, response.text
    assert sent(emulator)["messages"][0]["content"] == [
        {"type": "text", "text": SAYS[0]["content"], "cache_control": mark}
    ]
    assert "cache_control" not in sent(emulator)
    assert "x-bedrock-flask-dropped" not in response.headers
    marked = [{"type": "text", "text": str(number), "cache_control": mark} for number in range(4)]
    response = message(gateway, model, cache_control=mark, system=marked)
    assert response.status_code == 200, response.text
    assert sent(emulator)["messages"] == SAYS
    assert response.headers["x-bedrock-flask-dropped"] == "cache_control"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "takes"),
    [
        (NOVA, False),
        ("us.amazon.nova-2-lite-v1:0", False),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", False),
        (SONNET_4_5, True),
    ],
)
def test_an_hour_in_the_cache_goes_only_to_models_that_have_it(
    gateway: Gateway, emulator: Emulator, model: str, takes: bool, stream: bool
) -> None:
    system = [{"type": "text", "text": "S", "cache_control": HOUR}]
    response = message(gateway, model, system=system, stream=stream)
    assert response.status_code == 200, response.text
    assert ("1h" in json.dumps(sent(emulator))) == takes
    assert "cache" in json.dumps(sent(emulator))
    assert ("ttl" in response.headers.get("x-bedrock-flask-dropped", "")) == (not takes)


def test_a_member_gets_the_beta_that_it_needs(gateway: Gateway, emulator: Emulator) -> None:
    plain = {"name": "f", "description": "d", "input_schema": {"type": "object"}}
    search = {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}
    cases: list[tuple[dict[str, Any], str]] = [
        ({"tools": [search, {**plain, "defer_loading": True}]}, "tool-search-tool-2025-10-19"),
        ({"tools": [{**plain, "input_examples": [{}]}]}, "tool-examples-2025-10-29"),
        ({"tools": [{"type": "memory_20250818", "name": "memory"}]}, "context-management-2025-06-27"),
        ({"context_management": {"edits": [{"type": "compact_20260112"}]}}, "compact-2026-01-12"),
    ]
    for body, beta in cases:
        response = message(gateway, OPUS_4_6, **body)
        assert response.status_code == 200, response.text
        up = sent(emulator)
        assert up["anthropic_beta"] == [beta]
        assert {name: up[name] for name in body} == body
        assert "x-bedrock-flask-dropped" not in response.headers


@pytest.mark.parametrize("stream", [False, True])
def test_eager_streaming_of_arguments_is_its_beta(gateway: Gateway, emulator: Emulator, stream: bool) -> None:
    tool = {"name": "f", "description": "d", "input_schema": {"type": "object"}}
    response = message(gateway, SONNET_4_5, tools=[{**tool, "eager_input_streaming": True}], stream=stream)
    assert response.status_code == 200, response.text
    assert sent(emulator)["tools"] == [tool]
    assert sent(emulator)["anthropic_beta"] == ["fine-grained-tool-streaming-2025-05-14"]
