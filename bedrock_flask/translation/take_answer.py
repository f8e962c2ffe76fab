"""The answer of a model that was made to call a tool with it, as text: whole, and as events of a stream."""

from collections.abc import Generator, Iterable, Iterator
from typing import Any

from bedrock_flask.call import Idle
from bedrock_flask.closing import closing
from bedrock_flask.converse import Event, Json, Response, map_shape_errors, member
from bedrock_flask.translation.answer_tool import AnswerReader, AnswerTool, check_words

_INDEX = "contentBlockIndex"
_TEXTS = ("text", "citationsContent")


@map_shape_errors()
def take_answer(response: Response, tool: AnswerTool) -> Response:
    """A whole response with the tool's input as its text."""
    message = response["output"]["message"]
    answers = [block["toolUse"] for block in message["content"] if _is_answer(block, tool)]
    others = [block for block in message["content"] if not _is_answer(block, tool)]
    has_calls = any("toolUse" in block for block in others)
    reason = response.get("stopReason") or "end_turn"
    if answers:
        content = [block for block in others if not any(kind in block for kind in _TEXTS)]
        position = next((index for index, block in enumerate(content) if "toolUse" in block), len(content))
        content.insert(position, {"text": tool.read_input(answers[0].get("input", {}))})
        reason = "end_turn" if reason == "tool_use" and not has_calls else reason
    elif has_calls:
        content = others
    else:
        words = "".join(block["text"] for block in others if isinstance(block.get("text"), str))
        text = check_words(words, reason)
        content = others if text == words else [{"text": text}]
    return {**response, "output": {"message": {**message, "content": content}}, "stopReason": reason}


def _is_answer(block: Json, tool: AnswerTool) -> bool:
    return bool(member(block, "toolUse", "name") == tool.name)


def take_answer_events(events: Iterable[Event | Idle], tool: AnswerTool) -> Generator[Event | Idle]:
    """The events of a stream with the tool's input as text.

    Words are held back, because before the answer they are left out.
    """
    taker = _EventTaker(tool)
    with closing(events) as each:
        for event in each:
            if not isinstance(event, dict):
                yield event
                continue
            with map_shape_errors():
                yield from [out for kind, payload in event.items() for out in taker.take(kind, payload)]


class _EventTaker:
    """What is known of a stream: which block has the answer, and the words that are held back."""

    def __init__(self, tool: AnswerTool) -> None:
        self._tool = tool
        self._reader = AnswerReader(tool)
        self._answer: int | None = None
        self._ignored: set[int] = set()
        self._words: list[tuple[str, Json]] = []
        self._texts: set[int] = set()
        self._has_calls = False
        self._places: dict[int, int] = {}

    def take(self, kind: str, payload: Any) -> Iterator[Event]:
        index = payload.get(_INDEX) if isinstance(payload, dict) else None
        if kind == "messageStop":
            yield from self._stop(payload)
        elif not isinstance(index, int):
            yield {kind: payload}
        elif kind == "contentBlockStart":
            yield from self._start(index, payload)
        elif index == self._answer:
            yield from self._write_answer(kind, index, payload)
        elif index not in self._ignored:
            yield from self._pass(kind, index, payload)

    def _start(self, index: int, payload: Json) -> Iterator[Event]:
        name = member(payload, "start", "toolUse", "name")
        if name == self._tool.name:
            self._words.clear()
            if self._answer is None:
                self._answer = index
            else:
                self._ignored.add(index)
            return
        self._has_calls = self._has_calls or name is not None
        yield from self._release()
        yield self._place("contentBlockStart", index, payload)

    def _write_answer(self, kind: str, index: int, payload: Json) -> Iterator[Event]:
        text = self._reader.end() if kind == "contentBlockStop" else ""
        if kind == "contentBlockDelta":
            text = self._reader.feed(member(payload, "delta", "toolUse", "input") or "")
        if text:
            yield self._place("contentBlockDelta", index, {"delta": {"text": text}})
        if kind == "contentBlockStop":
            yield self._place(kind, index, payload)

    def _pass(self, kind: str, index: int, payload: Json) -> Iterator[Event]:
        delta = payload.get("delta") or {}
        if "text" in delta or "citation" in delta:
            self._texts.add(index)
        if index not in self._texts or (self._answer is None and self._has_calls):
            yield self._place(kind, index, payload)
        elif self._answer is None:
            self._words.append((kind, payload))

    def _stop(self, payload: Json) -> Iterator[Event]:
        reason = payload.get("stopReason") or "end_turn"
        if self._answer is None and not self._has_calls:
            words = "".join(member(held, "delta", "text") or "" for _, held in self._words)
            text = check_words(words, reason)
            if text != words:
                first = self._words[0][1][_INDEX]
                self._words = [
                    ("contentBlockDelta", {_INDEX: first, "delta": {"text": text}}),
                    ("contentBlockStop", {_INDEX: first}),
                ]
        yield from self._release()
        is_over = self._answer is not None and not self._has_calls and reason == "tool_use"
        yield {"messageStop": {**payload, "stopReason": "end_turn"} if is_over else payload}

    def _release(self) -> Iterator[Event]:
        words, self._words = self._words, []
        for kind, payload in words:
            yield self._place(kind, payload[_INDEX], payload)

    def _place(self, kind: str, index: int, payload: Json) -> Event:
        """The event with the position that its block has among those that are passed on."""
        return {kind: {**payload, _INDEX: self._places.setdefault(index, len(self._places))}}
