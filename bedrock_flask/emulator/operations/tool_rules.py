"""What Converse refuses of tools: calls and results that do not pair, results of the wrong form, schemas of no object.

The words are those of the reports that a comment names.
"""

from collections.abc import Iterable, Iterator

from bedrock_flask.bedrock.json_schemas import PROPERTY_NAME
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, member, uses_tools
from bedrock_flask.emulator.operations.check import FROM_MODEL, Check
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


def _check_schema(body: Json, capabilities: Capabilities) -> Iterator[str]:
    # Claude counts the tools, Nova the items.
    for number, (index, schema) in enumerate(list_schemas(body)):
        refused = [*_list_extraneous(index, schema, capabilities), *_list_unnamed(number, schema, capabilities)]
        yield from (f"{FROM_MODEL}{message}" for message in refused)


def check_novas_schemas(body: Json, capabilities: Capabilities) -> Iterator[str]:
    """What a schema may have at its root, in Nova's own body."""
    for index, schema in list_schemas(body):
        yield from _list_extraneous(index, schema, capabilities)


def check_claudes_schemas(body: Json, capabilities: Capabilities) -> Iterator[str]:
    """Unions at the root of a schema and the names of its properties, in Claude's own body."""
    for index, tool in enumerate(body.get("tools") or ()):
        yield from _list_unnamed(index, tool.get("input_schema") or {}, capabilities)


def _list_extraneous(index: int, schema: Json, capabilities: Capabilities) -> Iterator[str]:
    # Words: lastmile-ai/mcp-agent#126, zed-industries/zed#31815.
    for name in schema.keys() - _PLAIN if capabilities.tool_schemas == "plain" else ():
        yield (
            f"Malformed input request: #/toolConfig/tools/{index}/toolSpec/inputSchema/json: extraneous key [{name}] "
            "is not permitted, please reformat your input and try again."
        )


def _list_unnamed(index: int, schema: Json, capabilities: Capabilities) -> Iterator[str]:
    if capabilities.tool_schemas != "named":
        return
    # Words: code-yeongyu/senpi#1947, trycua/cua#3303.
    if {"anyOf", "oneOf", "allOf"} & schema.keys():
        yield (
            f"tools.{index}.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level"
        )
    # Words: aws-solutions-library-samples/accelerated-intelligent-document-processing-on-aws#709.
    properties = schema.get("properties")
    if isinstance(properties, dict) and not all(map(PROPERTY_NAME.fullmatch, properties)):
        pattern = f"^{PROPERTY_NAME.pattern}$"
        yield f"tools.{index}.custom.input_schema.properties: Property keys should match pattern '{pattern}'"


_PLAIN = {"type", "properties", "required"}
UNFORCED = 'tool_choice: type "tool" and "any" are not supported for this model.'


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


CHECKS: tuple[Check, ...] = (_check_config, _check_pairs, _check_json, _check_schema_type, _check_schema)
