"""Have the model answer in JSON: by its structured output or, where it has none, by a tool whose input is the answer.

A tool is also used for a schema that structured output cannot express (`constrain_schema` has the list), and for any
JSON object, which has no schema. Beside the caller's own tools the model must call one of all: it works on, or answers.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, member
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.protocol.json_path import Path, format_path
from bedrock_flask.translation.answer_tool import NO_SCHEMAS, TOO_MUCH, explain_impossible, make_answer_tool
from bedrock_flask.translation.constrain_schema import ConstrainedSchema, constrain_schema
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import get_extra, remove_member, set_extras
from bedrock_flask.translation.repairs.translate_thinking import is_thinking

FORMAT = "outputConfig.textFormat"
ANY_OBJECT = "json_object"
_SCHEMA = f"{FORMAT}.structure.jsonSchema.schema"


def require_json(request: Request, capabilities: Capabilities) -> RepairResult:
    """Require JSON in the way that the model has; InvalidBody where it has none."""
    form = member(request, "outputConfig", "textFormat")
    if form is None and not get_extra(request, ANY_OBJECT):
        return RepairResult(request)
    definition = member(form, "structure", "jsonSchema") or {}
    schema = _parse(definition.get("schema")) if form else None
    path = FORMAT if form else ANY_OBJECT
    limited = capabilities.closed_schemas and isinstance(schema, dict)
    constrained = constrain_schema(schema) if limited else ConstrainedSchema(schema)
    is_native = form is not None and capabilities.structured
    if is_native and constrained.fault is None:
        return RepairResult(
            _put_schema(request, constrained.schema),
            translated=tuple(_join(_SCHEMA, each) for each in constrained.translated),
        )
    if faults := [*_find_faults(request, capabilities, path, constrained if is_native else None)]:
        raise InvalidBody(faults)
    return _add_tool(_remove_format(request), schema, path, definition.get("description") or "")


def _find_faults(
    request: Request, capabilities: Capabilities, path: str, constrained: ConstrainedSchema | None
) -> Iterator[FieldError]:
    """Why the model cannot be made to call a tool with its answer."""
    reason = NO_SCHEMAS if path == FORMAT else "Bedrock has no JSON mode without a schema"
    if constrained is not None and constrained.fault is not None:
        place, problem = constrained.fault
        path, reason = _join(_SCHEMA, place), f"{problem}, {TOO_MUCH}"
    yield from explain_impossible(capabilities, path, reason, _find_reasoning(request, capabilities))


def _find_reasoning(request: Request, capabilities: Capabilities) -> str | None:
    """The extra by which the model would reason before it calls a tool."""
    if is_thinking(request):
        return "thinking"
    effort = get_extra(request, "effort")
    # Where reasoning has a budget, an effort becomes one.
    return "effort" if capabilities.thinking == "budget" and effort not in (None, "none") else None


def _add_tool(request: Request, schema: Any, path: str, description: str) -> RepairResult:
    config = request.get("toolConfig") or {}
    tools, choice = config.get("tools") or [], config.get("toolChoice") or {}
    may_call = get_extra(request, "tool_choice") != {"type": "none"}
    if may_call and ("any" in choice or "tool" in choice):
        # This turn is a call of one of the caller's tools.
        return RepairResult(request, translated=(path,))
    names = [name for each in tools if (name := member(each, "toolSpec", "name")) is not None]
    place = f"toolConfig.tools[{len(tools)}]"
    tool = replace(make_answer_tool(schema, names, description), place=place, required_by=path)
    spec = {"name": tool.name, "description": tool.description, "inputSchema": {"json": tool.schema}}
    # A model that may call none of the caller's tools must call this one.
    forced: Json = {"any": {}} if may_call else {"tool": {"name": tool.name}}
    request = {**request, "toolConfig": {"tools": [*tools, {"toolSpec": spec}], "toolChoice": forced}}
    if not may_call:
        request = set_extras(request, tool_choice=None)
    return RepairResult(request, translated=(path,), answer_tool=tool)


def _remove_format(request: Request) -> Request:
    config = {name: value for name, value in (request.get("outputConfig") or {}).items() if name != "textFormat"}
    request = set_extras(request, json_object=None)
    return {**request, "outputConfig": config} if config else remove_member(request, "outputConfig")


def _put_schema(request: Request, schema: Any) -> Request:
    form = request["outputConfig"]["textFormat"]
    definition = {**form["structure"]["jsonSchema"], "schema": json.dumps(schema)}
    return {
        **request,
        "outputConfig": {
            **request["outputConfig"],
            "textFormat": {**form, "structure": {**form["structure"], "jsonSchema": definition}},
        },
    }


def _parse(schema: Any) -> Any:
    try:
        return json.loads(schema)
    except (TypeError, ValueError):
        # Bedrock decides.
        return schema


def _join(path: str, more: Path) -> str:
    return f"{path}.{format_path(more)}" if more else path
