"""The engine of one call: it answers by the reply that is scripted for the prompt, or else by the engine behind it."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence

from bedrock_flask.converse import Event, Json, Request, replay
from bedrock_flask.emulator.calls.errors import EmulatedError
from bedrock_flask.emulator.engines import conversation
from bedrock_flask.emulator.engines.display import omit_reasoning
from bedrock_flask.emulator.engines.engine import EmulatorEngine
from bedrock_flask.emulator.replies.queue import ReplyQueue
from bedrock_flask.emulator.replies.reply import Reply

_PIECE = re.compile(r"\s*\S+|\s+$")
_JSON_PIECE_LENGTH = 12


class ReplyEngine(EmulatorEngine):
    """The engine of one call to `model`. It takes at most one reply, at its first question."""

    def __init__(self, replies: ReplyQueue, engine: EmulatorEngine, model: str) -> None:
        self._replies, self._engine, self._model = replies, engine, model
        self._reply: Reply | None = None
        self._has_taken = False
        self.has_conversed = False

    def converse(self, request: Request) -> Iterator[Event]:
        """The answer to a Converse request, as Converse events."""
        self.has_conversed = True
        reply = self._take([conversation.find_prompt(request)], _is_in_converse_terms)
        events = self._engine.converse(request) if reply is None else _write_events(reply, request, self._engine)
        return omit_reasoning(events, request)

    def find_native_reply(self, request: Request) -> Reply | None:
        """The scripted reply in the model's own format, if the reply for this request is one."""
        reply = self._take([conversation.find_prompt(request)], _is_any)
        _raise_error(reply)
        return reply if reply is not None and reply.body is not None else None

    def find_reply(self, texts: Sequence[str], *, writes_text: bool) -> Reply | None:
        """The scripted reply to a body of which any text may be the prompt.

        A model that does not write text (it makes embeddings or images) is meant only by native bodies, errors and
        replies that name the model.
        """
        reply = self._take(texts, _is_any if writes_text else _is_for_models_without_text)
        _raise_error(reply)
        return reply

    def find_error(self, texts: Sequence[str]) -> tuple[EmulatedError, int] | None:
        """The error that one of these texts orders from the engine behind."""
        return self._engine.find_error(texts)

    def embed(self, text: str, dimensions: int) -> list[float]:
        """A vector from the engine behind."""
        return self._engine.embed(text, dimensions)

    def count(self, text: str) -> int:
        """The number of tokens, as the engine behind counts."""
        return self._engine.count(text)

    def _take(self, prompts: Sequence[str], is_suitable: Callable[[Reply], bool]) -> Reply | None:
        # A call may ask twice, first for a reply in its own format.
        if not self._has_taken:
            self._reply = self._replies.take(self._model, prompts, is_suitable)
            self._has_taken = True
        return self._reply


def _is_any(reply: Reply) -> bool:
    return True


def _is_in_converse_terms(reply: Reply) -> bool:
    return reply.body is None


def _is_for_models_without_text(reply: Reply) -> bool:
    return reply.body is not None or reply.error is not None or reply.model is not None


def _raise_error(reply: Reply | None) -> None:
    """Raise the reply's error, unless it comes after a text."""
    if reply is not None and reply.error is not None and reply.text is None:
        raise EmulatedError(reply.error, reply.message)


def split_pieces(text: str) -> list[str]:
    """Split a text into the pieces that a stream sends."""
    return _PIECE.findall(text)


def _write_events(reply: Reply, request: Request, engine: EmulatorEngine) -> Iterator[Event]:
    if reply.response is not None:
        yield from replay(reply.response)
        return
    _raise_error(reply)
    yield {"messageStart": {"role": "assistant"}}
    index = 0
    if reply.text is not None:
        for piece in split_pieces(reply.text):
            yield {"contentBlockDelta": {"delta": {"text": piece}, "contentBlockIndex": index}}
        if reply.error is not None:
            raise EmulatedError(reply.error, reply.message)
        yield {"contentBlockStop": {"contentBlockIndex": index}}
        index += 1
    arguments = json.dumps(reply.input or {}, ensure_ascii=False)
    if reply.tool is not None:
        use = {"toolUseId": _make_use_id(reply.tool, arguments, request), "name": reply.tool}
        yield {"contentBlockStart": {"start": {"toolUse": use}, "contentBlockIndex": index}}
        for at in range(0, len(arguments), _JSON_PIECE_LENGTH):
            delta = {"toolUse": {"input": arguments[at : at + _JSON_PIECE_LENGTH]}}
            yield {"contentBlockDelta": {"delta": delta, "contentBlockIndex": index}}
        yield {"contentBlockStop": {"contentBlockIndex": index}}
    yield {"messageStop": {"stopReason": reply.stop_reason or ("tool_use" if reply.tool else "end_turn")}}
    yield {"metadata": {"usage": _count_usage(reply, arguments, request, engine)}}


def _count_usage(reply: Reply, arguments: str, request: Request, engine: EmulatorEngine) -> Json:
    counts = {
        "inputTokens": conversation.count_tokens(request, engine.count),
        "outputTokens": engine.count(reply.text or "") + (engine.count(arguments) if reply.tool else 0),
        **(reply.usage or {}),
    }
    return {**counts, "totalTokens": sum(counts.values())}


def _make_use_id(tool: str, arguments: str, request: Request) -> str:
    seed = f"{len(request.get('messages', []))} {tool} {arguments}"
    return "tooluse_" + hashlib.sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()[:22]
