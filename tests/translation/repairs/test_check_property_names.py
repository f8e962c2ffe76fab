"""Names of a tool's arguments."""

from typing import Any

import pytest

from bedrock_flask.errors import InvalidBody
from bedrock_flask.models.loading import load_registry
from bedrock_flask.translation.repairs import apply_repairs

REGISTRY = load_registry()


def repair(model: str, *names: str) -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    tool = {"toolSpec": {"name": "f", "inputSchema": {"json": schema}}}
    request = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "toolConfig": {"tools": [tool]}}
    assert apply_repairs(request, REGISTRY.pick(model)[1]).request == request


@pytest.mark.parametrize("name", ["filter[id]", "$top", "Account Number", "a" * 65, ""])
def test_a_name_that_claude_refuses_is_named(name: str) -> None:
    for model in ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-opus-5"):
        with pytest.raises(InvalidBody) as error:
            repair(model, "fine", name)
        assert [fault.path for fault in error.value.fields] == [
            "toolConfig.tools[0].toolSpec.inputSchema.json.properties"
        ]
        assert repr(name) in error.value.fields[0].message
    for model in ("amazon.nova-pro-v1:0", "mistral.mistral-large-2407-v1:0"):
        repair(model, name)


def test_letters_digits_and_signs_are_names() -> None:
    repair("anthropic.claude-opus-5", "a.b-c_D9", "a" * 64)
