"""JSON from a model that has no structured output: it must call a tool whose input is the answer.

The tool's input becomes the text of the answer, whole and streamed; what the model writes beside it is left out,
because the text of the answer is one JSON value. The schema of any object has one required property, because a model
answers `{}` to an object without properties (BerriAI/litellm#35218, stdapi-ai/stdapi.ai#96).
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bedrock_flask.bedrock.json_schemas import PROPERTY_NAME
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json
from bedrock_flask.errors import FieldError, UpstreamProtocolError

_NAME = "json_answer"
_DESCRIPTION = (
    "Give the answer to the user. The input of this tool is the whole answer, as JSON. Call it exactly once, as soon "
    "as you can answer, and put everything that was asked for into its input."
)
# The property of a tool's input that holds an answer which cannot be the input itself.
_PROPERTY = "answer"
_OPENING = re.compile(rf'\s*\{{\s*"{_PROPERTY}"\s*:\s*')
_COMPOSITIONS = ("$ref", "anyOf", "oneOf", "allOf", "not", "if")
_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?```\s*\Z", re.DOTALL)
_SHOWN = 200
# The model says by these that its answer is whole.
_WHOLE = ("end_turn", "stop_sequence", "tool_use")


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
            reader = AnswerReader(self)
            return reader.feed(given)
        if self.is_wrapped and isinstance(given, Mapping) and _PROPERTY in given:
            given = given[_PROPERTY]
        return json.dumps(given, ensure_ascii=False)


def make_answer_tool(schema: Json | None, taken: Collection[str], description: str = "") -> AnswerTool:
    """The tool for an answer that fits a schema, or for any JSON object; `taken` are the names of other tools."""
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
    return {"type": "object", "properties": {_PROPERTY: inner}, "required": [_PROPERTY], **definitions}


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
        name: f"#/properties/{_PROPERTY}{value[1:]}"
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


class AnswerReader:
    """Reads the text of an answer from the pieces of a tool's input."""

    def __init__(self, tool: AnswerTool) -> None:
        self._tool = tool
        self._begun = not tool.is_wrapped
        self._is_inner = False
        self._is_over = False
        self._held = ""
        self._depth, self._in_text, self._is_escaped = 0, False, False
        self.is_empty = True

    def feed(self, piece: str) -> str:
        """The part of the answer's text that is in a piece."""
        if not self._begun:
            piece = self._open(piece)
        text = self._cut(piece) if self._is_inner else piece
        self.is_empty = self.is_empty and not text
        return text

    def end(self) -> str:
        """What is missing at the end: a call without arguments has no pieces."""
        rest, self._held = self._held, ""
        return rest or ("{}" if self.is_empty else "")

    def _open(self, piece: str) -> str:
        """What follows the opening of the property; a model that leaves the property out gives the answer itself."""
        self._held += piece
        if found := _OPENING.match(self._held):
            rest = self._held[found.end() :]
            # The white space after the colon may go on.
            if not rest:
                return ""
            self._begun = self._is_inner = True
        elif _may_open(self._held):
            return ""
        else:
            rest, self._begun = self._held, True
        self._held = ""
        return rest

    def _cut(self, piece: str) -> str:
        """The piece up to the end of the value."""
        if self._is_over:
            return ""
        for position, sign in enumerate(piece):
            if self._in_text:
                self._in_text = self._is_escaped or sign != '"'
                self._is_escaped = not self._is_escaped and sign == "\\"
            elif sign == '"':
                self._in_text = True
            elif sign in "{[":
                self._depth += 1
            elif self._depth == 0 and sign in "},":
                self._is_over = True
                return piece[:position]
            elif sign in "}]":
                self._depth -= 1
        return piece


def _may_open(text: str) -> bool:
    """Whether a text may be the beginning of the opening of the property."""
    plain = "".join(text.split())
    opening = f'{{"{_PROPERTY}":'
    return opening.startswith(plain)


def check_words(words: str, reason: str) -> str:
    """What the model wrote in words instead of calling the tool, if it can be the answer.

    JSON is the answer all the same. An answer that was cut short or blocked is what it is, and its stop reason says so.
    Raises UpstreamProtocolError for words.
    """
    if reason not in _WHOLE:
        return words
    fenced = _FENCED.match(words)
    text = fenced[1] if fenced else words.strip()
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        shown = f"The model answered in words, not in the JSON that was required: {words.strip()[:_SHOWN]}"
        raise UpstreamProtocolError(shown) from None
    return text
