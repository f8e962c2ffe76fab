"""However a plugin's `encode` reads a request, what it has not read is known."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from bedrock_flask.translation.read_members import ReadMembers, find_lost, note_reads

Json = dict[str, Any]
REQUEST: Json = {
    "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
    "inferenceConfig": {"maxTokens": 5, "topP": 0.5},
    "additionalModelRequestFields": {"style": {"mood": "glad"}},
}
ALL = ["inferenceConfig.maxTokens", "inferenceConfig.topP", "additionalModelRequestFields.style.mood"]


def lost_after(read: Callable[[ReadMembers], Any], request: Json = REQUEST) -> list[str]:
    noted = note_reads(request)
    json.dumps(read(noted))
    return find_lost(noted)


def test_what_is_not_read_is_lost() -> None:
    assert lost_after(lambda request: request["messages"]) == ALL
    assert lost_after(lambda request: request["inferenceConfig"]["maxTokens"]) == ALL[1:]
    assert lost_after(lambda request: request.get("inferenceConfig", {}).get("topP")) == [ALL[0], ALL[2]]
    assert lost_after(lambda request: "topP" in request["inferenceConfig"]) == ALL


@pytest.mark.parametrize(
    "copied",
    [
        lambda config: config,
        lambda config: {**config},
        dict,
        copy.copy,
        copy.deepcopy,
        lambda config: config.copy(),
        lambda config: config | {"n": 1},
        lambda config: {"n": 1} | config,
        lambda config: {"n": 1, "config": config},
        lambda config: dict(config.items()),
        lambda config: list(config.values()),
        lambda config: {name: config[name] for name in config},
        lambda config: {name: config.get(name) for name in config.keys()},  # noqa: SIM118 - another way to read it
    ],
)
def test_what_is_copied_is_read(copied: Callable[[Any], Any]) -> None:
    assert lost_after(lambda request: copied(request["inferenceConfig"])) == ALL[2:]


def test_what_is_matched_is_read() -> None:
    def read(request: Any) -> Any:
        match request["inferenceConfig"]:
            case {"maxTokens": most}:
                return most

    assert lost_after(read) == ALL[1:]


def test_the_free_choice_of_a_tool_is_nothing_to_read() -> None:
    def choosing(choice: Json) -> Json:
        return {"messages": [], "toolConfig": {"tools": [], "toolChoice": choice}}

    def read(request: Any) -> Any:
        return request["toolConfig"]["tools"]

    def read_choice(request: Any) -> Any:
        return "any" in request["toolConfig"].get("toolChoice", {}), read(request)

    assert lost_after(read_choice, choosing({"any": {}})) == []

    assert lost_after(read, choosing({"auto": {}})) == []
    assert lost_after(read, choosing({"any": {}})) == ["toolConfig.toolChoice"]
    assert lost_after(read, choosing({"tool": {"name": "f"}})) == ["toolConfig.toolChoice"]


def test_it_equals_what_it_was_made_of() -> None:
    assert note_reads(REQUEST) == REQUEST
    assert json.loads(json.dumps(note_reads(REQUEST))) == REQUEST
