"""Efforts have the nearest name that the model has, in the place where it takes them."""

from typing import Any

import pytest

from bedrock_flask.capabilities import EFFORTS, Capabilities
from bedrock_flask.errors import InvalidBody
from bedrock_flask.models.loading import load_registry
from bedrock_flask.translation.extras import place_extras
from bedrock_flask.translation.repairs import RepairResult, apply_repairs

Json = dict[str, Any]
REGISTRY = load_registry()
FLAT, NESTED = "reasoning_effort", "reasoning"


def repair(model: str, **extras: Any) -> RepairResult:
    request = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "extras": extras}
    return apply_repairs(request, REGISTRY.pick(model)[1])


def place(model: str, **extras: Any) -> Json:
    """The additional fields of a model's request."""
    adapter, capabilities = REGISTRY.pick(model)
    placed, _ = place_extras(repair(model, **extras).request, adapter, capabilities)
    return dict(placed.get("additionalModelRequestFields", {}))


@pytest.mark.parametrize(
    ("model", "effort", "fields", "is_reported"),
    [
        ("openai.gpt-oss-120b-1:0", "high", {FLAT: "high"}, False),
        ("openai.gpt-oss-120b-1:0", "minimal", {FLAT: "low"}, True),
        ("openai.gpt-oss-120b-1:0", "none", {FLAT: "low"}, True),
        ("us-gov.openai.gpt-oss-20b-1:0", "max", {FLAT: "high"}, True),
        ("us.openai.gpt-5.6-luna", "none", {NESTED: {"effort": "none"}}, False),
        ("us.openai.gpt-5.6-luna", "minimal", {NESTED: {"effort": "low"}}, True),
        ("global.openai.gpt-6-astra", "max", {NESTED: {"effort": "max"}}, False),
        ("global.openai.gpt-6-astra", "none", {NESTED: {"effort": "low"}}, True),
        ("global.xai.grok-4.6", "max", {NESTED: {"effort": "xhigh"}}, True),
        ("global.zai.glm-5.3", "medium", {FLAT: "low"}, True),
        ("zai.glm-5", "xhigh", {FLAT: "high"}, True),
        ("deepseek.v3.2", "high", {FLAT: "high"}, False),
        ("qwen.qwen3-235b-a22b-2507-v1:0", "medium", {FLAT: "medium"}, False),
        ("moonshotai.kimi-k2.5", "max", {FLAT: "high"}, True),
        ("minimax.minimax-m2.5", "low", {FLAT: "low"}, False),
        ("mistral.magistral-small-2509", "minimal", {FLAT: "low"}, True),
        # A model that does not reason already does what the caller asks for.
        ("us.meta.llama4-scout-17b-instruct-v1:0", "none", {}, False),
    ],
)
def test_an_effort_has_the_nearest_name_in_the_models_field(
    model: str, effort: str, fields: Json, is_reported: bool
) -> None:
    assert place(model, effort=effort) == fields
    assert repair(model, effort=effort).reported == (("effort",) if is_reported else ())


@pytest.mark.parametrize(
    ("thinking", "effort", "reported"),
    [
        ({"type": "enabled", "budget_tokens": 1024}, "low", ("thinking",)),
        ({"type": "enabled", "budget_tokens": 8000}, "medium", ("thinking",)),
        ({"type": "enabled", "budget_tokens": 31_999}, "high", ("thinking",)),
        ({"type": "enabled", "budget_tokens": 60_000}, "high", ("thinking", "effort")),
        ({"type": "adaptive"}, "high", ("thinking",)),
        ({"type": "disabled"}, "low", ("effort",)),
    ],
)
def test_thinking_is_an_effort_for_a_model_that_has_only_efforts(
    thinking: Json, effort: str, reported: tuple[str, ...]
) -> None:
    found = repair("openai.gpt-oss-120b-1:0", thinking=thinking)
    assert found.request["extras"] == {"effort": effort}
    assert found.reported == reported


def test_an_effort_that_takes_no_limit_gives_way_to_the_limit() -> None:
    request = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "extras": {"effort": "high"}}
    nova_2 = REGISTRY.pick("us.amazon.nova-2-lite-v1:0")[1]
    assert apply_repairs(request, nova_2).request["extras"] == {"effort": "high"}
    limited = apply_repairs({**request, "inferenceConfig": {"maxTokens": 50}}, nova_2)
    assert limited.request["extras"] == {"effort": "medium"}
    assert limited.reported == ("effort",)


def test_an_effort_beside_thinking_decides() -> None:
    found = repair("zai.glm-5", thinking={"type": "enabled", "budget_tokens": 20_000}, effort="low")
    assert found.request["extras"] == {"effort": "low"}
    assert found.reported == ("thinking.budget_tokens",)
    found = repair("us.openai.gpt-5.6-sol", thinking={"type": "disabled"}, effort="high")
    assert found.request["extras"] == {"effort": "none"}
    assert found.reported == ("effort",)


def test_a_name_that_no_api_knows_is_refused() -> None:
    with pytest.raises(InvalidBody) as error:
        repair("zai.glm-5", effort="ultra")
    assert [fault.path for fault in error.value.fields] == ["effort"]


def test_a_model_whose_efforts_are_not_known_gets_them_unchanged() -> None:
    for effort in EFFORTS:
        assert repair("newvendor.model-of-tomorrow", effort=effort).request["extras"] == {"effort": effort}


def test_every_effort_of_a_built_in_model_is_one_that_apis_know_in_their_order() -> None:
    for claim in REGISTRY.claims:
        known: Capabilities = claim.capabilities
        assert [*known.efforts] == [effort for effort in EFFORTS if effort in known.efforts], claim.pattern
