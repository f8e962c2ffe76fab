"""Reasoning in the history: signed where the model signs, and first in its turn."""

from typing import Any

import pytest

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.models.loading import load_registry
from bedrock_flask.translation.repairs import RepairResult, apply_repairs

Json = dict[str, Any]
REGISTRY = load_registry()
SIGNED = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "S"}}}
UNSIGNED = {"reasoningContent": {"reasoningText": {"text": "Hm."}}}
REDACTED = {"reasoningContent": {"redactedContent": "cmVk"}}
USE = {"toolUse": {"toolUseId": "a", "name": "look", "input": {}}}
RESULT = {"toolResult": {"toolUseId": "a", "content": [{"text": "x"}]}}
TOOLS = {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}]}


def able(model: str) -> Capabilities:
    return REGISTRY.pick(model)[1]


OPUS_4 = able("us.anthropic.claude-opus-4-20250514-v1:0")
NOVA = able("amazon.nova-lite-v1:0")
OTHER = able("deepseek.v3.2")


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


@pytest.mark.parametrize("block", [SIGNED, REDACTED])
def test_signed_and_redacted_reasoning_comes_back_unchanged(block: Json) -> None:
    repaired = apply_repairs(talk(block, {"text": "4"}), OPUS_4)
    assert repaired.request["messages"][1]["content"] == [block, {"text": "4"}]
    assert repaired.reported == ()


def test_a_signature_alone_is_reasoning_with_an_empty_text() -> None:
    alone = {"reasoningContent": {"reasoningText": {"signature": "S"}}}
    repaired = apply_repairs(talk(alone, {"text": "4"}), OPUS_4)
    block = repaired.request["messages"][1]["content"][0]
    assert block == {"reasoningContent": {"reasoningText": {"text": "", "signature": "S"}}}
    assert repaired.reported == ()


@pytest.mark.parametrize(
    "lost",
    [
        {"reasoningText": {"text": "Hm."}},
        {"reasoningText": {"text": "Hm.", "signature": ""}},
        {"redactedContent": ""},
    ],
)
def test_reasoning_without_its_signature_is_dropped_and_told(lost: Json) -> None:
    repaired = apply_repairs(talk({"reasoningContent": lost}, {"text": "4"}), OPUS_4)
    assert repaired.request["messages"][1]["content"] == [{"text": "4"}]
    assert repaired.reported == ("messages[1].content[0].reasoningContent",)


def test_a_turn_of_nothing_but_lost_reasoning_is_gone_and_the_users_turns_meet() -> None:
    repaired = apply_repairs(talk(UNSIGNED), OPUS_4)
    assert repaired.request["messages"] == [{"role": "user", "content": [{"text": "Hi"}, {"text": "go on"}]}]


def test_a_model_that_does_not_sign_gets_its_reasoning_and_one_that_does_not_reason_gets_none() -> None:
    request = talk(UNSIGNED, {"text": "4"})
    assert apply_repairs(request, OTHER).request == request
    repaired = apply_repairs(talk(SIGNED, {"text": "4"}), NOVA)
    assert repaired.request["messages"][1]["content"] == [{"text": "4"}]
    assert repaired.reported == ("messages[1].content[0].reasoningContent",)


def test_a_model_that_does_not_sign_gets_no_signature_of_another() -> None:
    repaired = apply_repairs(talk(SIGNED, {"text": "4"}), OTHER)
    assert repaired.request["messages"][1]["content"] == [UNSIGNED, {"text": "4"}]
    assert repaired.reported == ("messages[1].content[0].reasoningContent.reasoningText.signature",)
    alone = {"reasoningContent": {"reasoningText": {"text": "", "signature": "S"}}}
    assert apply_repairs(talk(alone, {"text": "4"}), OTHER).request["messages"][1]["content"] == [{"text": "4"}]


def test_reasoning_goes_first_in_its_turn_unless_the_turn_begins_with_some() -> None:
    late = apply_repairs(talk({"text": "4"}, SIGNED, REDACTED), OPUS_4)
    assert late.request["messages"][1]["content"] == [SIGNED, REDACTED, {"text": "4"}]
    between = apply_repairs(talk(SIGNED, {"text": "4"}, REDACTED, USE), OPUS_4)
    assert between.request["messages"][1]["content"] == [SIGNED, {"text": "4"}, REDACTED, USE]
