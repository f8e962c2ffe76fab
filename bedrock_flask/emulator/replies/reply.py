"""A scripted reply, and how replies are read from a file or an admin call.

The prompt is the last text of the user, or what the tools answered if the last message has only tool results. A reply
is written in Converse's terms, so that it can be rendered in every family's format, whole and streamed.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bedrock_flask import fields
from bedrock_flask.bedrock.errors import ERRORS
from bedrock_flask.bedrock.model_ids import matches
from bedrock_flask.bedrock.stop_reasons import STOP_REASONS
from bedrock_flask.converse import Json, member
from bedrock_flask.emulator.replies.pattern import MAX_LENGTH, search
from bedrock_flask.errors import StartupError
from bedrock_flask.protocol.json import MalformedJSON, parse


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One reply: its conditions (the members up to `times`), and its answer. Docs: reference/emulator.md."""

    prompt: str | None = None
    contains: str | None = None
    matches: str | None = None
    model: str | None = None
    times: int | None = None
    text: str | None = None
    tool: str | None = None
    input: Json | None = None
    stop_reason: str | None = None
    usage: Json | None = None
    error: str | None = None
    message: str = ""
    response: Json | None = None
    body: Json | None = None
    chunks: Sequence[Json] | None = None

    def matches_prompt(self, model: str, prompt: str) -> bool:
        """Whether the reply is for this prompt to this model. PatternTimeout if that takes too long to say."""
        return (
            (self.prompt is None or self.prompt.strip() == prompt)
            and (self.contains is None or self.contains in prompt)
            and (self.model is None or matches(self.model, model))
            and (self.matches is None or search(self.matches, prompt))
        )

    def list_chunks(self) -> list[Json]:
        """The chunks of a stream in the model's own format: `chunks`, or `body` as the only one."""
        return [dict(chunk) for chunk in self.chunks or (self.body or {},)]

    def describe(self) -> Json:
        """The members that are set."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "")}


class _UsageSchema(fields.Schema):
    inputTokens = fields.Integer(min=0)
    outputTokens = fields.Integer(min=0)
    cacheReadInputTokens = fields.Integer(min=0)
    cacheWriteInputTokens = fields.Integer(min=0)


class _ReplySchema(fields.Schema):
    prompt = fields.String()
    contains = fields.String(min_length=1)
    matches = fields.String(min_length=1, max_length=MAX_LENGTH)
    model = fields.String(min_length=1)
    times = fields.Integer(min=1)
    text = fields.String()
    tool = fields.String(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    input = fields.Object()
    stop_reason = fields.String(one_of=STOP_REASONS)
    usage = fields.Nested(_UsageSchema)
    error = fields.String(one_of=tuple(ERRORS))
    message = fields.String()
    response = fields.Object()
    body = fields.Object()
    chunks = fields.List(fields.Object(), min_items=1)


class InvalidReply(ValueError):
    """A reply that cannot be read; the text names it and says what is wrong with it."""


def read_replies(path: Path) -> list[Reply]:
    """Read the replies of a file, `[[replies]]` in TOML or the same in JSON. StartupError with every fault of it."""
    try:
        text = path.read_bytes()
        document = parse(text) if path.suffix == ".json" else _convert_to_json(tomllib.loads(text.decode("utf-8")))
        return _read_document(document)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, MalformedJSON, InvalidReply) as error:
        raise StartupError(f"the replies {path} cannot be read: {error}") from None


def parse_replies(text: bytes) -> list[Reply]:
    """Parse the replies of an admin call: a JSON object, a list, or `{"replies": [...]}`. Raises InvalidReply."""
    try:
        document = parse(text)
    except MalformedJSON as error:
        raise InvalidReply(str(error)) from None
    return _read_document([document] if isinstance(document, dict) and "replies" not in document else document)


def _convert_to_json(document: Any) -> Any:
    try:
        return parse(json.dumps(document).encode())
    except TypeError:
        raise InvalidReply("it contains a date or a time, which JSON does not have") from None


def _read_document(document: Any) -> list[Reply]:
    if isinstance(document, dict):
        if unknown := [name for name in document if name != "replies"]:
            raise InvalidReply(f"unknown member {unknown[0]}; write each reply under [[replies]]")
        document = document.get("replies", [])
    if not isinstance(document, list):
        raise InvalidReply("replies is not a list; write each reply under [[replies]]")
    faults = [f"replies[{number}]{line}" for number, entry in enumerate(document) for line in _find_faults(entry)]
    if faults:
        raise InvalidReply("; ".join(faults))
    return [Reply(**entry) for entry in document]


def _find_faults(entry: Any) -> Iterator[str]:
    faults = fields.find_faults(_ReplySchema(), entry)
    if faults:
        for fault in faults:
            yield f"{f'.{fault.path}' if fault.path else ''}: {fault.message}"
        return
    for name, allowed in _EXCLUSIVE.items():
        if name in entry and (others := [other for other in entry if other in _ANSWERS and other not in allowed]):
            yield f".{name}: cannot be combined with {others[0]}"
            return
    if not any(name in entry for name in ("text", "tool", "error", "response", "body")):
        yield ": has no answer: give text, tool, error, response or body"
    for name, needed in _NEEDS.items():
        if name in entry and needed not in entry:
            yield f".{name}: needs {needed}"
    if "matches" in entry:
        try:
            re.compile(entry["matches"])
        except re.error as error:
            yield f".matches: is not a regular expression: {error}"
    if "response" in entry and not _is_content(member(entry["response"], "output", "message", "content")):
        yield ".response: is not a Converse response: output.message.content must be a list of blocks"


def _is_content(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(block, dict) and len(block) == 1 for block in value)


_ANSWERS = ("text", "tool", "input", "stop_reason", "usage", "error", "message", "response", "body", "chunks")
# The answers that may accompany each of these.
_EXCLUSIVE: Mapping[str, tuple[str, ...]] = {
    "response": ("response",),
    "body": ("body", "chunks"),
    "error": ("error", "message", "text"),
}
_NEEDS = {"input": "tool", "message": "error", "chunks": "body"}
