"""Scripted replies: which prompt gets which answer. The first that fits is taken; other prompts go to the engine.

The prompt is the last text of the user, or what the tools answered where the last message brings only that. A reply
is told in Converse's words, so that it comes right in the format of every family, whole and as a stream.
"""

import hashlib
import json
import re
import threading
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bedrock_flask import fields
from bedrock_flask.adapter import Engine
from bedrock_flask.bedrock.model_ids import matches
from bedrock_flask.converse import Event, Json, Request, member, replay
from bedrock_flask.emulator.calls.refusals import STATUS, Refusal, invalid
from bedrock_flask.emulator.engines import conversation, scripted
from bedrock_flask.errors import StartupError
from bedrock_flask.protocol.json import MalformedJSON, parse

# Source: API_runtime_Converse, `stopReason`.
STOP_REASONS = (
    "end_turn",
    "tool_use",
    "max_tokens",
    "stop_sequence",
    "guardrail_intervened",
    "content_filtered",
    "malformed_model_output",
    "malformed_tool_use",
    "model_context_window_exceeded",
)
_PIECE = re.compile(r"\s*\S+|\s+$")
_JSON_PIECE = 12
_SHOWN = 60


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One reply: when it is meant (the members up to `times`), and what it answers. Docs: reference/emulator.md."""

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

    def fits(self, model: str, said: str) -> bool:
        """Whether it is meant for this prompt to this model."""
        return (
            (self.prompt is None or self.prompt.strip() == said)
            and (self.contains is None or self.contains in said)
            and (self.matches is None or re.search(self.matches, said) is not None)
            and (self.model is None or matches(self.model, model))
        )

    def parts(self) -> list[Json]:
        """The chunks of a stream in the model's own format: those that are told, or the body as the only one."""
        return [dict(chunk) for chunk in self.chunks or (self.body or {},)]

    def listed(self) -> Json:
        """The members that are told."""
        return {name: told for name, told in asdict(self).items() if told not in (None, "")}


# --- reading ----------------------------------------------------------------------------------------------------------


class _Usage(fields.Schema):
    inputTokens = fields.Integer(min=0)
    outputTokens = fields.Integer(min=0)
    cacheReadInputTokens = fields.Integer(min=0)
    cacheWriteInputTokens = fields.Integer(min=0)


class _ReplyBody(fields.Schema):
    prompt = fields.String()
    contains = fields.String(min_length=1)
    matches = fields.String(min_length=1)
    model = fields.String(min_length=1)
    times = fields.Integer(min=1)
    text = fields.String()
    tool = fields.String(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    input = fields.Object()
    stop_reason = fields.String(one_of=STOP_REASONS)
    usage = fields.Nested(_Usage)
    error = fields.String(one_of=tuple(STATUS))
    message = fields.String()
    response = fields.Object()
    body = fields.Object()
    chunks = fields.List(fields.Object(), min_items=1)


class BadReply(ValueError):
    """A reply that cannot be understood; the text names it and says what is wrong with it."""


def read(path: Path) -> list[Reply]:
    """The replies of a file, `[[replies]]` in TOML or the same in JSON; StartupError tells every fault of it."""
    try:
        text = path.read_bytes()
        told = parse(text) if path.suffix == ".json" else _as_json(tomllib.loads(text.decode("utf-8")))
        return _read(told)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, MalformedJSON, BadReply) as fault:
        raise StartupError(f"the replies {path} cannot be read: {fault}") from None


def read_posted(text: bytes) -> list[Reply]:
    """The replies of an admin call: one JSON object, a list of them, or a file's `{"replies": [...]}`."""
    try:
        told = parse(text)
    except MalformedJSON as fault:
        raise BadReply(str(fault)) from None
    return _read([told] if isinstance(told, dict) and "replies" not in told else told)


def _as_json(document: Any) -> Any:
    try:
        return parse(json.dumps(document).encode())
    except TypeError:
        raise BadReply("it holds a date or a time, which JSON does not have") from None


def _read(told: Any) -> list[Reply]:
    if isinstance(told, dict):
        if unknown := [name for name in told if name != "replies"]:
            raise BadReply(f"{unknown[0]} is not known; replies stand under [[replies]]")
        told = told.get("replies", [])
    if not isinstance(told, list):
        raise BadReply("replies is no list; each stands under [[replies]]")
    faults = [f"replies[{number}]{line}" for number, entry in enumerate(told) for line in _faults(entry)]
    if faults:
        raise BadReply("; ".join(faults))
    return [Reply(**entry) for entry in told]


def _faults(entry: Any) -> Iterator[str]:
    found = fields.find_faults(_ReplyBody(), entry)
    if found:
        for fault in found:
            yield f"{f'.{fault.path}' if fault.path else ''}: {fault.message}"
        return
    for name, alone in _ALONE.items():
        if name in entry and (beside := [other for other in entry if other in _ANSWERS and other not in alone]):
            yield f".{name}: stands beside {beside[0]}: give one of them"
            return
    if not any(name in entry for name in ("text", "tool", "error", "response", "body")):
        yield ": answers nothing: give text, tool, error, response or body"
    for name, needs in _NEEDS.items():
        if name in entry and needs not in entry:
            yield f".{name}: needs {needs}"
    if "matches" in entry:
        try:
            re.compile(entry["matches"])
        except re.error as error:
            yield f".matches: is no regular expression: {error}"
    if "response" in entry and not _is_content(member(entry["response"], "output", "message", "content")):
        yield ".response: is no Converse response: output.message.content must be a list of blocks"


def _is_content(told: Any) -> bool:
    return isinstance(told, list) and all(isinstance(block, dict) and len(block) == 1 for block in told)


_ANSWERS = ("text", "tool", "input", "stop_reason", "usage", "error", "message", "response", "body", "chunks")
_ALONE: Mapping[str, tuple[str, ...]] = {
    "response": ("response",),
    "body": ("body", "chunks"),
    "error": ("error", "message", "text"),
}
_NEEDS = {"input": "tool", "message": "error", "chunks": "body"}


# --- answering --------------------------------------------------------------------------------------------------------


class Replies:
    """The replies that wait, those of tests before those of the file, and the engine behind them."""

    def __init__(self, engine: Engine, file: Sequence[Reply] = (), *, only: bool = False) -> None:
        self.engine, self.only = engine, only
        self._lock = threading.Lock()
        self._file, self._waiting, self._added = list(file), list(file), 0

    def add(self, replies: Sequence[Reply]) -> None:
        """Script more, behind what was added before."""
        with self._lock:
            self._waiting[self._added : self._added] = replies
            self._added += len(replies)

    def clear(self) -> None:
        """Forget what was added, and that any of the file's is used up."""
        with self._lock:
            self._waiting, self._added = list(self._file), 0

    def listed(self) -> list[Json]:
        """What waits, in its order."""
        with self._lock:
            return [reply.listed() for reply in self._waiting]

    def take(self, model: str, prompts: Sequence[str], suits: Callable[[Reply], bool]) -> Reply | None:
        """The first reply that suits the call and is meant for one of these prompts."""
        with self._lock:
            for number, reply in enumerate(self._waiting):
                if suits(reply) and any(reply.fits(model, said) for said in prompts):
                    self._use(number, reply)
                    return reply
        if self.only:
            said = max(prompts, key=len)
            shown = said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…"
            raise invalid(f"No reply is scripted for {model} and the prompt {json.dumps(shown, ensure_ascii=False)}.")
        return None

    def _use(self, number: int, reply: Reply) -> None:
        if reply.times is None:
            return
        if reply.times > 1:
            self._waiting[number] = replace(reply, times=reply.times - 1)
        else:
            del self._waiting[number]
            self._added -= number < self._added

    def answering(self, model: str) -> "Answering":
        """The engine of one call to this model."""
        return Answering(self, model)


class Answering:
    """An engine that answers one call: by the reply that is scripted for it, or else by the engine behind.

    `conversed` says whether it was asked in Converse's words, so that a reply in those words has been given.
    """

    def __init__(self, replies: Replies, model: str) -> None:
        self._replies, self.model, self._behind = replies, model, replies.engine
        self._taken: list[Reply | None] = []
        self.conversed = False

    def converse(self, request: Request) -> Iterator[Event]:
        """The answer to a Converse request, as Converse events."""
        self.conversed = True
        reply = self._take([conversation.said(request)], _in_words)
        return self._behind.converse(request) if reply is None else _events(reply, request, self._behind)

    def native(self, request: Request) -> Reply | None:
        """The reply that is a native body, or an error for a model that is asked in its own format."""
        return _in_body(self._take([conversation.said(request)], _anyhow))

    def own(self, texts: Sequence[str], *, speaks: bool) -> Reply | None:
        """The reply to a body of which nobody knows which text is the prompt: any may be; its error is raised.

        A model that does not speak (it embeds, it paints) is not meant by what is to be said, unless it is named.
        """
        reply = self._take(texts, _anyhow if speaks else _meant_for_the_speechless)
        _raise_alone(reply)
        return reply

    def ordered(self, texts: Sequence[str]) -> tuple[Refusal, int] | None:
        """The error that one of these texts orders from the engine behind, and after how many pieces it comes."""
        orders = map(scripted.error_in, texts) if isinstance(self._behind, scripted.Scripted) else ()
        return next(filter(None, orders), None)

    def embed(self, text: str, dimensions: int) -> list[float]:
        """A vector from the engine behind."""
        return self._behind.embed(text, dimensions)

    def count(self, text: str) -> int:
        """The number of tokens, as the engine behind counts."""
        return self._behind.count(text)

    def _take(self, prompts: Sequence[str], suits: Callable[[Reply], bool]) -> Reply | None:
        # A call may ask twice, first for its own format.
        if not self._taken:
            self._taken.append(self._replies.take(self.model, prompts, suits))
        return self._taken[0]


def _anyhow(reply: Reply) -> bool:
    return True


def _in_words(reply: Reply) -> bool:
    return reply.body is None


def _meant_for_the_speechless(reply: Reply) -> bool:
    return reply.body is not None or reply.error is not None or reply.model is not None


def _in_body(reply: Reply | None) -> Reply | None:
    _raise_alone(reply)
    return reply if reply is not None and reply.body is not None else None


def _raise_alone(reply: Reply | None) -> None:
    if reply is not None and reply.error is not None and reply.text is None:
        raise Refusal(reply.error, reply.message)


def pieces(text: str) -> list[str]:
    """A text as it comes in a stream."""
    return _PIECE.findall(text)


def _events(reply: Reply, request: Request, engine: Engine) -> Iterator[Event]:
    if reply.response is not None:
        yield from replay(reply.response)
        return
    _raise_alone(reply)
    yield {"messageStart": {"role": "assistant"}}
    index = 0
    if reply.text is not None:
        for piece in pieces(reply.text):
            yield {"contentBlockDelta": {"delta": {"text": piece}, "contentBlockIndex": index}}
        if reply.error is not None:
            raise Refusal(reply.error, reply.message)
        yield {"contentBlockStop": {"contentBlockIndex": index}}
        index += 1
    arguments = json.dumps(reply.input or {}, ensure_ascii=False)
    if reply.tool is not None:
        use = {"toolUseId": _use_id(reply.tool, arguments, request), "name": reply.tool}
        yield {"contentBlockStart": {"start": {"toolUse": use}, "contentBlockIndex": index}}
        for at in range(0, len(arguments), _JSON_PIECE):
            delta = {"toolUse": {"input": arguments[at : at + _JSON_PIECE]}}
            yield {"contentBlockDelta": {"delta": delta, "contentBlockIndex": index}}
        yield {"contentBlockStop": {"contentBlockIndex": index}}
    yield {"messageStop": {"stopReason": reply.stop_reason or ("tool_use" if reply.tool else "end_turn")}}
    counted = {
        "inputTokens": conversation.tokens(request, engine.count),
        "outputTokens": engine.count(reply.text or "") + (engine.count(arguments) if reply.tool else 0),
        **(reply.usage or {}),
    }
    yield {"metadata": {"usage": {**counted, "totalTokens": sum(counted.values())}}}


def _use_id(tool: str, arguments: str, request: Request) -> str:
    seed = f"{len(request.get('messages', []))} {tool} {arguments}"
    return "tooluse_" + hashlib.sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()[:22]
