"""`effort` and `thinking` in the form that each model knows, and what excludes them."""

from typing import Any

import pytest

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import InvalidBody
from bedrock_flask.models.loading import load_registry
from bedrock_flask.translation.repairs import RepairResult, apply_repairs

Json = dict[str, Any]
REGISTRY = load_registry()
SIGNED = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "S"}}}
UNSIGNED = {"reasoningContent": {"reasoningText": {"text": "Hm."}}}
USE = {"toolUse": {"toolUseId": "a", "name": "look", "input": {}}}
RESULT = {"toolResult": {"toolUseId": "a", "content": [{"text": "x"}]}}
TOOLS = {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}]}
ENABLED = {"type": "enabled", "budget_tokens": 2048}
ADAPTIVE = {"type": "adaptive"}
DISABLED = {"type": "disabled"}


def able(model: str) -> Capabilities:
    return REGISTRY.pick(model)[1]


OPUS_4 = able("us.anthropic.claude-opus-4-20250514-v1:0")
SONNET_4_5 = able("global.anthropic.claude-sonnet-4-5-20250929-v1:0")
OPUS_4_6 = able("anthropic.claude-opus-4-6-v1")
OPUS_4_7 = able("anthropic.claude-opus-4-7")
OPUS_5 = able("anthropic.claude-opus-5")
SONNET_5_5 = able("anthropic.claude-sonnet-5-5")
OPUS_5_5 = able("anthropic.claude-opus-5-5")
FABLE = able("anthropic.claude-fable-5")
NOVA = able("amazon.nova-lite-v1:0")
NOVA_2 = able("amazon.nova-2-lite-v1:0")
OTHER = able("newvendor.model-of-tomorrow")


def talk(*turn: Json, config: Json | None = None, tools: Json | None = None, **extras: Any) -> Json:
    """A request with some extras, an assistant turn in its history, and the result of a tool that this turn used."""
    messages: list[Json] = [{"role": "user", "content": [{"text": "Hi"}]}]
    if turn:
        last = RESULT if USE in turn else {"text": "go on"}
        messages += [{"role": "assistant", "content": list(turn)}, {"role": "user", "content": [last]}]
    return {
        "messages": messages,
        "toolConfig": {**TOOLS, **(tools or {})},
        **({"inferenceConfig": config} if config else {}),
        **({"extras": extras} if extras else {}),
    }


def extras(repaired: RepairResult) -> Json:
    return dict(repaired.request.get("extras", {}))


def refused(request: Json, model: Capabilities) -> list[str]:
    with pytest.raises(InvalidBody) as error:
        apply_repairs(request, model)
    return [fault.path for fault in error.value.fields]


@pytest.mark.parametrize(
    ("effort", "most", "budget"),
    [
        ("minimal", None, 1024),
        ("low", None, 1024),
        ("medium", None, 4096),
        ("high", None, 16384),
        ("xhigh", None, 32768),
        ("max", None, 32768),
        ("high", 64000, 16384),
        ("high", 8000, 4000),
        ("high", 1500, 1024),
    ],
)
def test_an_effort_is_a_budget_for_a_model_that_knows_budgets(effort: str, most: int | None, budget: int) -> None:
    repaired = apply_repairs(talk(effort=effort, config={"maxTokens": most} if most else None), SONNET_4_5)
    assert extras(repaired) == {"thinking": {"type": "enabled", "budget_tokens": budget}}
    assert repaired.reported == ()


@pytest.mark.parametrize("most", [1, 300, 1024])
@pytest.mark.parametrize(
    ("asked", "reported"),
    [
        ({"effort": "high"}, "effort"),
        ({"thinking": ADAPTIVE}, "thinking"),
        ({"thinking": ADAPTIVE, "effort": "low"}, "thinking"),
    ],
)
def test_where_there_is_no_room_to_reason_the_model_does_not_and_it_is_told(
    asked: Json, reported: str, most: int
) -> None:
    # BerriAI/litellm#39627: titles and tags are asked for with few tokens, and with the effort of the whole program.
    repaired = apply_repairs(talk(config={"maxTokens": most}, **asked), OPUS_4)
    assert extras(repaired) == {}
    assert repaired.reported == (reported,)


def test_an_effort_that_nobody_knows_is_no_budget() -> None:
    assert refused(talk(effort="huge"), OPUS_4) == ["effort"]


def test_a_budget_of_the_callers_stays_and_an_effort_beside_it_is_told() -> None:
    repaired = apply_repairs(talk(thinking=ENABLED, effort="high"), OPUS_4)
    assert extras(repaired) == {"thinking": ENABLED}
    assert repaired.reported == ("effort",)


def test_adaptive_thinking_is_a_budget_for_a_model_that_knows_budgets() -> None:
    repaired = apply_repairs(talk(thinking={**ADAPTIVE, "display": "omitted"}, effort="low"), OPUS_4)
    assert extras(repaired) == {"thinking": {"type": "enabled", "budget_tokens": 1024, "display": "omitted"}}
    assert repaired.reported == ("thinking.type",)


@pytest.mark.parametrize("model", [OPUS_4_6, OPUS_4_7, OPUS_5, OPUS_5_5, FABLE])
def test_an_effort_stays_beside_adaptive_thinking(model: Capabilities) -> None:
    repaired = apply_repairs(talk(effort="max"), model)
    assert extras(repaired) == {"effort": "max", "thinking": ADAPTIVE}
    assert repaired.reported == ()


def test_the_least_effort_of_other_providers_is_low() -> None:
    repaired = apply_repairs(talk(effort="minimal"), OPUS_5)
    assert extras(repaired) == {"effort": "low", "thinking": ADAPTIVE}
    assert repaired.reported == ("effort",)


def test_a_budget_is_adaptive_thinking_for_a_model_that_knows_no_budgets() -> None:
    repaired = apply_repairs(talk(thinking={**ENABLED, "display": "summarized"}), OPUS_4_7)
    assert extras(repaired) == {"thinking": {**ADAPTIVE, "display": "summarized"}}
    assert repaired.reported == ("thinking.budget_tokens",)


def test_the_date_of_opus_4_is_no_version() -> None:
    repaired = apply_repairs(talk(thinking=ENABLED), OPUS_4)
    assert extras(repaired) == {"thinking": ENABLED}
    assert repaired.reported == ()


@pytest.mark.parametrize(
    ("model", "off", "reported"),
    [
        (OPUS_4, {}, ()),
        (OPUS_4_6, {}, ()),
        (OPUS_4_7, {}, ()),
        (OPUS_5, {"thinking": DISABLED}, ()),
        (SONNET_5_5, {"thinking": {"type": "between_tools"}}, ("effort", "thinking.type")),
        (NOVA, {}, ()),
    ],
)
def test_reasoning_is_switched_off_in_the_models_own_way(
    model: Capabilities, off: Json, reported: tuple[str, ...]
) -> None:
    by_effort, by_thinking = apply_repairs(talk(effort="none"), model), apply_repairs(talk(thinking=DISABLED), model)
    assert extras(by_effort) == extras(by_thinking) == off
    assert (by_effort.reported + by_thinking.reported) == reported


@pytest.mark.parametrize("model", [OPUS_5_5, FABLE])
def test_a_model_that_always_reasons_is_not_asked_not_to(model: Capabilities) -> None:
    assert refused(talk(effort="none"), model) == ["effort"]
    assert refused(talk(thinking=DISABLED), model) == ["thinking.type"]


def test_an_effort_does_not_switch_on_what_is_switched_off() -> None:
    assert extras(apply_repairs(talk(thinking=DISABLED, effort="low"), OPUS_4_6)) == {
        "thinking": DISABLED,
        "effort": "low",
    }
    repaired = apply_repairs(talk(thinking=DISABLED, effort="low"), OPUS_4)
    assert extras(repaired) == {}
    assert repaired.reported == ("effort",)


def test_no_effort_beside_a_budget_is_told() -> None:
    repaired = apply_repairs(talk(thinking=ENABLED, effort="none"), OPUS_4)
    assert extras(repaired) == {"thinking": ENABLED}
    assert repaired.reported == ("effort",)


@pytest.mark.parametrize("model", [OTHER])
def test_other_models_have_thinking_and_effort_as_they_are_said(model: Capabilities) -> None:
    request = talk(thinking=ENABLED, effort="none", top_k=5, config={"temperature": 0.5, "topP": 0.5})
    assert apply_repairs(request, model).request == request


def test_in_a_loop_that_has_lost_its_reasoning_a_budget_is_dropped_and_told_by_its_name() -> None:
    by_thinking, by_effort = talk(USE, thinking=ENABLED), talk(UNSIGNED, USE, effort="high")
    for request, name in ((by_thinking, ("thinking",)), (by_effort, ("effort",))):
        repaired = apply_repairs(request, SONNET_4_5)
        assert extras(repaired) == {}
        assert repaired.reported[-1:] == name


def test_in_a_loop_with_its_reasoning_a_budget_stays() -> None:
    assert extras(apply_repairs(talk(SIGNED, USE, thinking=ENABLED), SONNET_4_5)) == {"thinking": ENABLED}
    assert extras(apply_repairs(talk({"text": "4"}, thinking=ENABLED), SONNET_4_5)) == {"thinking": ENABLED}


def test_adaptive_thinking_needs_no_reasoning_in_a_loop() -> None:
    assert extras(apply_repairs(talk(USE, thinking=ADAPTIVE), OPUS_4_7)) == {"thinking": ADAPTIVE}
    repaired = apply_repairs(talk(USE, thinking=ENABLED), OPUS_4_6)
    assert extras(repaired) == {"thinking": ADAPTIVE}
    assert repaired.reported == ("thinking.budget_tokens",)
    assert extras(apply_repairs(talk(SIGNED, USE, thinking=ENABLED), OPUS_4_6)) == {"thinking": ENABLED}


@pytest.mark.parametrize("choice", [{"any": {}}, {"tool": {"name": "look"}}])
def test_reasoning_and_a_forced_tool_are_refused_with_both_names(choice: Json) -> None:
    forced = {"toolChoice": choice}
    assert refused(talk(thinking=ENABLED, tools=forced), OPUS_4) == ["thinking", "toolConfig.toolChoice"]
    assert refused(talk(thinking=ADAPTIVE, tools=forced), OPUS_4_7) == ["thinking", "toolConfig.toolChoice"]
    assert refused(talk(effort="low", tools=forced), OPUS_4) == ["effort", "toolConfig.toolChoice"]
    assert apply_repairs(talk(tools=forced), OPUS_5_5).refused == ("toolConfig.toolChoice",)
    assert extras(apply_repairs(talk(thinking=ADAPTIVE, tools=forced), OPUS_5)) == {"thinking": ADAPTIVE}


def test_a_forced_tool_alone_and_an_effort_that_needs_no_thinking_pass() -> None:
    forced = {"toolChoice": {"any": {}}}
    assert extras(apply_repairs(talk(effort="low", tools=forced), OPUS_4_7)) == {"effort": "low"}
    assert apply_repairs(talk(tools=forced), OPUS_4).request == talk(tools=forced)
    assert extras(apply_repairs(talk(thinking=ENABLED, tools={"toolChoice": {"auto": {}}}), OPUS_4)) == {
        "thinking": ENABLED
    }
