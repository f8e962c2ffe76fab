"""The input of a tool call in the history that is not an object."""

from typing import Any

import pytest

from bedrock_flask.models.loading import load_registry
from bedrock_flask.translation.repairs import RepairResult, apply_repairs

REGISTRY = load_registry()
Json = dict[str, Any]


def repair(model: str, *inputs: Any) -> RepairResult:
    uses = [{"toolUse": {"toolUseId": f"t{n}", "name": "look", "input": each}} for n, each in enumerate(inputs)]
    results = [{"toolResult": {"toolUseId": f"t{n}", "content": [{"text": "x"}]}} for n in range(len(inputs))]
    messages = [
        {"role": "user", "content": [{"text": "Hi"}]},
        {"role": "assistant", "content": uses},
        {"role": "user", "content": results},
    ]
    tools = {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}]}
    return apply_repairs({"messages": messages, "toolConfig": tools}, REGISTRY.pick(model)[1])


@pytest.mark.parametrize("model", ["amazon.nova-pro-v1:0", "openai.gpt-oss-120b-1:0", "anthropic.claude-opus-4-6-v1"])
def test_only_the_caller_may_have_it_wrapped(model: str) -> None:
    repaired = repair(model, {"a": 1}, '{"a": ', "[1]")
    uses = [block["toolUse"]["input"] for block in repaired.request["messages"][1]["content"]]
    assert uses == [{"a": 1}, {"invalid_arguments": '{"a": '}, {"invalid_arguments": "[1]"}]
    assert repaired.refused == tuple(f"messages[1].content[{n}].toolUse.input" for n in (1, 2))
    assert repair(model, {}).refused == ()
