"""Stop sequences and maxTokens as each model takes them."""

from typing import Any

import pytest

from bedrock_flask.models.loading import load_registry
from bedrock_flask.translation.repairs import RepairResult, apply_repairs

REGISTRY = load_registry()


def repair(model: str, **config: Any) -> RepairResult:
    request = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "inferenceConfig": config}
    return apply_repairs(request, REGISTRY.pick(model)[1])


@pytest.mark.parametrize(
    "model",
    ["openai.gpt-oss-20b-1:0", "us.openai.gpt-6-sol", "global.xai.grok-4.6", "deepseek.v3.2", "qwen.qwen3-32b-v1:0"],
)
def test_only_the_caller_gives_up_stop_sequences(model: str) -> None:
    repaired = repair(model, stopSequences=["END"], maxTokens=50)
    assert repaired.request["inferenceConfig"] == {"maxTokens": 50}
    assert repaired.refused == ("inferenceConfig.stopSequences",)
    assert repair(model, stopSequences=["END"]).request.get("inferenceConfig") is None
    assert repair(model, stopSequences=[], maxTokens=50).refused == ()


@pytest.mark.parametrize("model", ["us.deepseek.r1-v1:0", "mistral.mistral-large-2407-v1:0", "new.model"])
def test_other_models_get_them(model: str) -> None:
    assert repair(model, stopSequences=["END"]).request["inferenceConfig"] == {"stopSequences": ["END"]}


@pytest.mark.parametrize(
    ("model", "most"),
    [("amazon.nova-pro-v1:0", 10_000), ("us.amazon.nova-2-lite-v1:0", 65_535), ("newvendor.model", 200_000)],
)
def test_a_limit_above_the_models_largest_is_lowered_and_reported(model: str, most: int) -> None:
    for limit in (1, 10_000, 128_000):
        repaired = repair(model, maxTokens=limit)
        assert repaired.request["inferenceConfig"] == {"maxTokens": min(limit, most)}
        assert repaired.reported == (("inferenceConfig.maxTokens",) if limit > most else ())


@pytest.mark.parametrize(("model", "least"), [("us.openai.gpt-5.6-sol", 16), ("us.xai.grok-4.6", 16), ("zai.glm-5", 1)])
def test_a_limit_below_the_models_smallest_is_raised_and_reported(model: str, least: int) -> None:
    for limit, sent in ((1, least), (16, 16), (40, 40)):
        repaired = repair(model, maxTokens=limit)
        assert repaired.request["inferenceConfig"] == {"maxTokens": sent}
        assert repaired.reported == (("inferenceConfig.maxTokens",) if sent != limit else ())
