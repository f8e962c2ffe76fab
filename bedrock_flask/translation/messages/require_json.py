"""Have Claude answer in JSON: by its structured output or, where it has none, by a tool whose input is the answer.

The same as the repair of that name, in Claude's own body.
"""

from collections.abc import Iterator
from typing import Any

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, member
from bedrock_flask.errors import FieldError
from bedrock_flask.protocol.json_path import format_path
from bedrock_flask.translation.answer_tool import NO_SCHEMAS, TOO_MUCH, explain_impossible, make_answer_tool
from bedrock_flask.translation.constrain_schema import ConstrainedSchema, constrain_schema
from bedrock_flask.translation.messages.record import Body, Edited

_FORMAT = "output_config.format"
_REASONS = ("enabled", "adaptive")
_FORCED = ("any", "tool")


def require_json(body: Body, capabilities: Capabilities) -> Edited:
    """Require JSON in the way that the model has; it is rejected where it has none."""
    form = member(body, "output_config", "format")
    if not form:
        return Edited(body)
    schema = form.get("schema")
    limited = capabilities.closed_schemas and isinstance(schema, dict)
    constrained = constrain_schema(schema) if limited else ConstrainedSchema(schema)
    if capabilities.structured and constrained.fault is None:
        return _put_schema(body, constrained)
    if rejected := (*_find_faults(body, capabilities, constrained if capabilities.structured else None),):
        return Edited(body, rejected=rejected)
    return _add_tool(body, schema)


def _put_schema(body: Body, constrained: ConstrainedSchema) -> Edited:
    config = body["output_config"]
    if constrained.schema is config["format"].get("schema"):
        return Edited(body)
    changed = {**config, "format": {**config["format"], "schema": constrained.schema}}
    translated = tuple(f"{_FORMAT}.schema.{format_path(each)}" for each in constrained.translated)
    return Edited({**body, "output_config": changed}, translated=translated)


def _find_faults(body: Body, capabilities: Capabilities, constrained: ConstrainedSchema | None) -> Iterator[FieldError]:
    """Why the model cannot be made to call a tool with its answer."""
    path, reason = _FORMAT, NO_SCHEMAS
    if constrained is not None and constrained.fault is not None:
        place, problem = constrained.fault
        path, reason = f"{_FORMAT}.{format_path(('schema', *place))}", f"{problem}, {TOO_MUCH}"
    reasoning = "thinking" if member(body, "thinking", "type") in _REASONS else None
    yield from explain_impossible(capabilities, path, reason, reasoning)


def _add_tool(body: Body, schema: Any) -> Edited:
    tools, choice = body.get("tools") or [], body.get("tool_choice") or {}
    if choice.get("type") in _FORCED:
        # This turn is a call of one of the caller's tools.
        return Edited(_remove_format(body), translated=(_FORMAT,))
    tool = make_answer_tool(schema, [str(each.get("name")) for each in tools])
    spec = {"name": tool.name, "description": tool.description, "input_schema": tool.schema}
    # A model that may call none of the caller's tools must call this one.
    forced: Json = {"type": "tool", "name": tool.name} if choice.get("type") == "none" else {**choice, "type": "any"}
    changed = {**_remove_format(body), "tools": [*tools, spec], "tool_choice": forced}
    return Edited(changed, translated=(_FORMAT,), answer_tool=tool)


def _remove_format(body: Body) -> Json:
    config = {name: value for name, value in body["output_config"].items() if name != "format"}
    rest = {name: value for name, value in body.items() if name != "output_config"}
    return {**rest, "output_config": config} if config else rest
