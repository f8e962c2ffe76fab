"""Have the schemas of strict tools in the form that Bedrock guarantees; what it cannot guarantee is not strict.

The same as the repair of that name, in Claude's own body.
"""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, member
from bedrock_flask.protocol.json_path import format_path
from bedrock_flask.translation.constrain_schema import constrain_schema
from bedrock_flask.translation.messages.record import Body, Edited
from bedrock_flask.translation.repairs.constrain_strict_tools import StrictBudget


def constrain_strict_tools(body: Body, capabilities: Capabilities) -> Edited:
    """Close the schema of each strict tool and describe its bounds, or drop `strict`, which is reported."""
    tools = body.get("tools") or ()
    if not capabilities.closed_schemas:
        return Edited(body)
    budget = StrictBudget(member(body, "output_config", "format", "schema"))
    changed: list[Json] = []
    reported, translated = [], []
    for index, tool in enumerate(tools):
        schema = tool.get("input_schema")
        if not tool.get("strict") or not isinstance(schema, dict):
            changed.append(tool)
            continue
        constrained = constrain_schema(schema)
        if constrained.fault is not None or not budget.has_room_for(constrained.schema):
            changed.append({name: value for name, value in tool.items() if name != "strict"})
            reported.append(f"tools[{index}].strict")
        else:
            changed.append(tool if constrained.schema is schema else {**tool, "input_schema": constrained.schema})
            translated += [f"tools[{index}].input_schema.{format_path(each)}" for each in constrained.translated]
    if not reported and not translated:
        return Edited(body)
    return Edited({**body, "tools": changed}, reported=tuple(reported), translated=tuple(translated))
