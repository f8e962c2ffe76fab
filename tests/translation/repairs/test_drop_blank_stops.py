"""Stop sequences of white space."""

from typing import Any

from bedrock_flask.models.loading import load_registry
from bedrock_flask.translation.repairs import RepairResult, apply_repairs

REGISTRY = load_registry()
SAYS = [{"role": "user", "content": [{"text": "Hi"}]}]


def repair(model: str, *stops: str, **config: Any) -> RepairResult:
    request = {"messages": SAYS, "inferenceConfig": {**config, "stopSequences": list(stops)}}
    return apply_repairs(request, REGISTRY.pick(model)[1])


def test_claude_gets_no_stop_sequence_of_white_space() -> None:
    for model in ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-opus-5"):
        repaired = repair(model, "\n\n", "END", " ", maxTokens=5)
        assert repaired.request["inferenceConfig"] == {"maxTokens": 5, "stopSequences": ["END"]}
        assert repaired.reported == ("inferenceConfig.stopSequences[0]", "inferenceConfig.stopSequences[2]")
        assert "inferenceConfig" not in repair(model, "\n").request


def test_other_models_get_it_and_none_gets_an_empty_one() -> None:
    for model in ("amazon.nova-pro-v1:0", "mistral.mistral-large-2407-v1:0"):
        repaired = repair(model, "\n", "")
        assert repaired.request["inferenceConfig"] == {"stopSequences": ["\n"]}
        assert repaired.reported == ()
        assert repair(model, "", maxTokens=5).request["inferenceConfig"] == {"maxTokens": 5}
