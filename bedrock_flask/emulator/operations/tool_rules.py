"""What Converse refuses of tools: calls and results that do not pair, results of the wrong form, schemas of no object.

The words are those of the reports that a comment names.
"""

from collections.abc import Iterable, Iterator

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, member, uses_tools
from bedrock_flask.emulator.operations.check import Check
from bedrock_flask.emulator.operations.content_rules import walk_messages


def _check_config(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: langgenius/dify#17545, onyx-dot-app/onyx#7842.
    if "toolConfig" not in body and uses_tools(body.get("messages") or ()):
        yield "The toolConfig field must be defined when using toolUse and toolResult content blocks."


def _check_pairs(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: agno-agi/agno#6698; Just-Curieous/Curie#16, pydantic/pydantic-ai#2327; BerriAI/litellm#20047.
    calls: list[str] = []
    for index, turn in enumerate(body.get("messages") or ()):
        results = _list_ids(turn, "toolResult")
        for kind, ids in (("toolUse", _list_ids(turn, "toolUse")), ("toolResult", results)):
            if doubled := _find_doubled(ids):
                yield f"The {kind} blocks at messages.{index}.content contain duplicate Ids: {', '.join(doubled)}"
        if len(results) > len(calls):
            yield (
                f"The number of toolResult blocks at messages.{index}.content exceeds the number of toolUse blocks of "
                "previous turn."
            )
        if missing := [each for each in calls if each not in results]:
            yield f"Expected toolResult blocks at messages.{index}.content for the following Ids: {', '.join(missing)}"
        calls = _list_ids(turn, "toolUse") if turn["role"] == "assistant" else []


def _check_json(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: sigoden/aichat#1550.
    for path, _, block in walk_messages(body):
        if ".toolResult." in path and "json" in block and not isinstance(block["json"], dict):
            yield (
                f"The format of the value at {path}.json is invalid. Provide a json object for the field and try again."
            )


def _check_schema_type(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: aaif-goose/goose#5064, kirodotdev/Kiro#11026.
    for index, schema in list_schemas(body):
        if schema.get("type") != "object":
            yield (
                f"The value at toolConfig.tools.{index}.toolSpec.inputSchema.json.type must be one of the following: "
                "object."
            )


def list_schemas(body: Json) -> Iterator[tuple[int, Json]]:
    """The schema of each tool, with the tool's position."""
    for index, tool in enumerate(member(body, "toolConfig", "tools") or ()):
        schema = member(tool, "toolSpec", "inputSchema", "json")
        if isinstance(schema, dict):
            yield index, schema


def _list_ids(turn: Json, kind: str) -> list[str]:
    # Bedrock runs a tool with a `type` itself.
    return [block[kind]["toolUseId"] for block in turn["content"] if kind in block and "type" not in block[kind]]


def _find_doubled(ids: Iterable[str]) -> list[str]:
    listed = list(ids)
    return [each for each in dict.fromkeys(listed) if listed.count(each) > 1]


CHECKS: tuple[Check, ...] = (_check_config, _check_pairs, _check_json, _check_schema_type)
