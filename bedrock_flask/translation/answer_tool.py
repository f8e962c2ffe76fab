"""JSON from a model that has no structured output: it must call a tool whose input is the answer.

The tool's input becomes the text of the answer, whole and streamed; what the model writes beside it is left out,
because the text of the answer is one JSON value. The schema of any object has one required property, because a model
answers `{}` to an object without properties (BerriAI/litellm#35218, stdapi-ai/stdapi.ai#96).
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bedrock_flask.bedrock.json_schemas import PROPERTY_NAME
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json
from bedrock_flask.errors import FieldError
from bedrock_flask.translation.answer_reader import PROPERTY, AnswerReader

_NAME = "json_answer"
_DESCRIPTION = (
    "Give the answer to the user. The input of this tool is the whole answer, as JSON. Call it exactly once, as soon "
    "as you can answer, and put everything that was asked for into its input."
)
_COMPOSITIONS = ("$ref", "anyOf", "oneOf", "allOf", "not", "if")


@dataclass(frozen=True)
class AnswerTool:
    """The tool that the gateway adds: its name, and whether a property of its input is the answer.

    `place` is its path in the Converse request, and `required_by` the path of what it takes the place of.
    """

    name: str
    is_wrapped: bool
    schema: Json
    description: str
    place: str = ""
    required_by: str = ""

    def rename_path(self, path: str) -> str:
        """The caller's path for one in this tool, which the caller does not know."""
        is_inside = bool(self.place) and path.startswith(self.place) and path[len(self.place) :][:1] in ("", ".")
        return self.required_by if is_inside else path

    def read_input(self, given: Any) -> str:
        """The text of the answer for a whole input; an input that was cut short is a text already."""
        if isinstance(given, str):
            reader = AnswerReader(is_wrapped=self.is_wrapped)
            return reader.feed(given)
        if self.is_wrapped and isinstance(given, Mapping) and PROPERTY in given:
            given = given[PROPERTY]
        return json.dumps(given, ensure_ascii=False)


def make_answer_tool(schema: Json | None, taken: Collection[str], description: str = "") -> AnswerTool:
    """The tool for an answer that fits a schema, or for any JSON object; `taken` are the names of other tools."""
    taken = frozenset(taken)
    names = (f"{_NAME}_{number}" if number > 1 else _NAME for number in range(1, len(taken) + 2))
    is_wrapped = schema is None or not _can_be_input(schema)
    return AnswerTool(
        name=next(name for name in names if name not in taken),
        is_wrapped=is_wrapped,
        schema=_wrap(schema) if is_wrapped else dict(schema or {}),
        description=f"{_DESCRIPTION} {description}".strip(),
    )


def _can_be_input(schema: Json) -> bool:
    """Whether a schema is one of a tool's input: a plain object with properties whose names every model takes."""
    properties = schema.get("properties")
    return (
        schema.get("type") == "object"
        and isinstance(properties, dict)
        and bool(properties)
        and all(map(PROPERTY_NAME.fullmatch, properties))
        and not any(keyword in schema for keyword in _COMPOSITIONS)
    )


def _wrap(schema: Json | None) -> Json:
    if schema is None:
        schema = {"type": "object", "description": "The JSON object that the user asks for.", **_OPEN}
    moved = _move_references(schema)
    inner = {keyword: value for keyword, value in moved.items() if keyword not in _DEFINITIONS}
    definitions = {keyword: moved[keyword] for keyword in _DEFINITIONS if keyword in moved}
    return {"type": "object", "properties": {PROPERTY: inner}, "required": [PROPERTY], **definitions}


_OPEN = {"additionalProperties": True}
# They stay at the root, where references to them lead.
_DEFINITIONS = ("$defs", "definitions")


def _move_references(schema: Any) -> Any:
    """The schema as a part of another: references to other places than its definitions lead into the part."""
    if isinstance(schema, list):
        return [_move_references(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        name: f"#/properties/{PROPERTY}{value[1:]}"
        if name == "$ref" and isinstance(value, str) and value.startswith("#") and not _is_definition(value)
        else _move_references(value)
        for name, value in schema.items()
    }


def explain_impossible(
    capabilities: Capabilities, path: str, reason: str, reasoning: str | None
) -> Iterator[FieldError]:
    """Why a model without structured output, for which there is this reason, cannot be made to call a tool either.

    `path` is that of the format, and `reasoning` the member by which the model would reason.
    """
    instead = "by which it could answer in JSON"
    if not capabilities.tools:
        yield FieldError(path, f"{reason}, and this model has no tools, {instead}")
    elif not capabilities.forced_tools:
        yield FieldError(path, f"{reason}, and this model cannot be forced to use a tool, {instead}")
    elif reasoning and not capabilities.forced_while_reasoning:
        yield FieldError(path, f"{reason}, and reasoning excludes a forced tool, {instead}")
        yield FieldError(reasoning, "must be left out, so that this model can be forced to answer in JSON")


NO_SCHEMAS = "this model does not support a JSON Schema for its answer"
TOO_MUCH = "which Bedrock's structured output does not support"


def _is_definition(reference: str) -> bool:
    return reference.split("/")[1:2] in ([each] for each in _DEFINITIONS)
