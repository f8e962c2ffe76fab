"""Have the schemas of strict tools in the form that Bedrock guarantees; what it cannot guarantee is not strict."""

import json
from typing import Any

from bedrock_flask.bedrock.json_schemas import MAX_OPTIONAL, MAX_STRICT_TOOLS, MAX_UNIONS, count_optional, count_unions
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, member
from bedrock_flask.protocol.json_path import format_path
from bedrock_flask.translation.constrain_schema import constrain_schema
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import replace_blocks, walk_blocks


def constrain_strict_tools(request: Request, capabilities: Capabilities) -> RepairResult:
    """Close the schema of each strict tool and describe its bounds, or drop `strict`, which is reported."""
    if not capabilities.closed_schemas:
        return RepairResult(request)
    budget = StrictBudget(_read_answer_schema(request))
    replacements: dict[str, list[Json]] = {}
    reported, translated = [], []
    for path, block in walk_blocks(request):
        spec = block.get("toolSpec") or {}
        schema = member(spec, "inputSchema", "json")
        if not spec.get("strict") or not isinstance(schema, dict):
            continue
        constrained = constrain_schema(schema)
        if constrained.fault is not None or not budget.has_room_for(constrained.schema):
            rest = {name: value for name, value in spec.items() if name != "strict"}
            replacements[path] = [{**block, "toolSpec": rest}]
            reported.append(f"{path}.toolSpec.strict")
        elif constrained.schema is not schema:
            new = {**spec, "inputSchema": {"json": constrained.schema}}
            replacements[path] = [{**block, "toolSpec": new}]
            here = f"{path}.toolSpec.inputSchema.json"
            translated += [f"{here}.{format_path(each)}" for each in constrained.translated]
    return RepairResult(replace_blocks(request, replacements), tuple(reported), translated=tuple(translated))


class StrictBudget:
    """What is left of the limits of one request."""

    def __init__(self, answer_schema: Any = None) -> None:
        self._tools = MAX_STRICT_TOOLS
        self._optional = MAX_OPTIONAL - count_optional(answer_schema)
        self._unions = MAX_UNIONS - count_unions(answer_schema)

    def has_room_for(self, schema: Json) -> bool:
        """Whether one more strict tool is within the limits, which are then smaller by it."""
        optional, unions = count_optional(schema), count_unions(schema)
        if self._tools < 1 or optional > self._optional or unions > self._unions:
            return False
        self._tools, self._optional, self._unions = self._tools - 1, self._optional - optional, self._unions - unions
        return True


def _read_answer_schema(request: Request) -> Any:
    schema = member(request, "outputConfig", "textFormat", "structure", "jsonSchema", "schema")
    try:
        return json.loads(schema) if isinstance(schema, str) else None
    except ValueError:
        return None
