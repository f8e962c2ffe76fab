"""A forced tool is told to the model in the way that it knows."""

from typing import Any

import pytest

from bedrock_flask.models.loading import load_registry
from bedrock_flask.translation.repairs import RepairResult, apply_repairs

REGISTRY = load_registry()
NAMED, ANY = {"tool": {"name": "look"}}, {"any": {}}


def repair(model: str, choice: Any) -> RepairResult:
    tools = [{"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}} for name in ("ask", "look")]
    request = {
        "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
        "toolConfig": {"tools": tools, "toolChoice": choice},
    }
    return apply_repairs(request, REGISTRY.pick(model)[1])


def names(repaired: RepairResult) -> list[str]:
    return [tool["toolSpec"]["name"] for tool in repaired.request["toolConfig"]["tools"]]


@pytest.mark.parametrize(
    "model", ["mistral.mistral-large-2407-v1:0", "openai.gpt-oss-120b-1:0", "deepseek.v3.2", "qwen.qwen3-coder-next"]
)
def test_a_named_tool_is_the_only_one_for_a_model_that_cannot_be_given_a_name(model: str) -> None:
    repaired = repair(model, NAMED)
    assert repaired.request["toolConfig"]["toolChoice"] == ANY
    assert names(repaired) == ["look"]
    assert (repaired.reported, repaired.refused) == (("toolConfig.toolChoice",), ())
    assert names(repair(model, ANY)) == ["ask", "look"]


@pytest.mark.parametrize("model", ["us.openai.gpt-6-astra", "us.xai.grok-4.6", "amazon.nova-pro-v1:0", "new.model"])
def test_a_model_that_can_be_given_a_name_gets_it(model: str) -> None:
    repaired = repair(model, NAMED)
    assert repaired.request["toolConfig"]["toolChoice"] == NAMED
    assert names(repaired) == ["ask", "look"]
    assert repaired.reported == ()


@pytest.mark.parametrize("choice", [NAMED, ANY])
@pytest.mark.parametrize("model", ["meta.llama3-3-70b-instruct-v1:0", "us.meta.llama4-scout-17b-instruct-v1:0"])
def test_only_the_caller_gives_up_a_choice_that_the_model_does_not_take(model: str, choice: Any) -> None:
    repaired = repair(model, choice)
    assert "toolChoice" not in repaired.request["toolConfig"]
    assert names(repaired) == ["ask", "look"]
    assert (repaired.reported, repaired.refused) == ((), ("toolConfig.toolChoice",))
