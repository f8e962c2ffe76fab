"""Temperature, topP and top_k as each model takes them."""

from typing import Any

import pytest

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.models.loading import load_registry
from bedrock_flask.translation.repairs import RepairResult, apply_repairs

Json = dict[str, Any]
REGISTRY = load_registry()
USE = {"toolUse": {"toolUseId": "a", "name": "look", "input": {}}}
RESULT = {"toolResult": {"toolUseId": "a", "content": [{"text": "x"}]}}
TOOLS = {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}]}
ENABLED = {"type": "enabled", "budget_tokens": 2048}


def able(model: str) -> Capabilities:
    return REGISTRY.pick(model)[1]


OPUS_4 = able("us.anthropic.claude-opus-4-20250514-v1:0")
SONNET_4_5 = able("global.anthropic.claude-sonnet-4-5-20250929-v1:0")
OPUS_5 = able("anthropic.claude-opus-5")


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


@pytest.mark.parametrize(
    ("model", "config", "left", "reported"),
    [
        (OPUS_4, {"temperature": 0.5, "topP": 0.5}, {"temperature": 0.5, "topP": 0.5}, ()),
        (SONNET_4_5, {"temperature": 0.5, "topP": 0.5}, {"temperature": 0.5}, ("inferenceConfig.topP",)),
        (SONNET_4_5, {"temperature": 1, "topP": 0.5}, {"topP": 0.5}, ()),
        (SONNET_4_5, {"temperature": 0.5, "topP": 1}, {"temperature": 0.5}, ()),
        (SONNET_4_5, {"topP": 0.5}, {"topP": 0.5}, ()),
        (
            OPUS_5,
            {"temperature": 0, "topP": 0.5, "maxTokens": 9},
            {"maxTokens": 9},
            ("inferenceConfig.temperature", "inferenceConfig.topP"),
        ),
        (OPUS_5, {"temperature": 1}, None, ()),
    ],
)
def test_a_model_gets_the_sampling_that_it_takes(
    model: Capabilities, config: Json, left: Json | None, reported: tuple[str, ...]
) -> None:
    repaired = apply_repairs(talk(config=config), model)
    assert repaired.request.get("inferenceConfig") == left
    # The caller decides on what the model never takes; of two that it takes one at a time, one is dropped and reported.
    assert (*repaired.reported, *repaired.refused) == reported
    assert repaired.reported == (reported if model.sampling == "one" and "inferenceConfig.topP" in reported else ())


def test_top_k_goes_with_the_others() -> None:
    repaired = apply_repairs(talk(top_k=5, seed=1), OPUS_5)
    assert extras(repaired) == {"seed": 1}
    assert repaired.refused == ("top_k",)
    assert extras(apply_repairs(talk(top_k=5), SONNET_4_5)) == {"top_k": 5}


def test_beside_reasoning_the_temperature_is_the_usual_one() -> None:
    repaired = apply_repairs(talk(thinking=ENABLED, top_k=5, config={"temperature": 0.5, "topP": 0.96}), SONNET_4_5)
    assert repaired.request["inferenceConfig"] == {"topP": 0.96}
    assert extras(repaired) == {"thinking": ENABLED}
    assert repaired.refused == ("inferenceConfig.temperature", "top_k")
    repaired = apply_repairs(talk(thinking=ENABLED, config={"temperature": 1, "topP": 0.5}), OPUS_4)
    assert repaired.request["inferenceConfig"] == {"temperature": 1}
    assert repaired.refused == ("inferenceConfig.topP",)
