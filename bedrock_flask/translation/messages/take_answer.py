"""The answer of Claude that was made to call a tool with it, as text in its own format: whole, and chunk by chunk.

The same as `translation/take_answer.py`, in Claude's own format, so that everything else of an answer stays as it came.
"""

from collections.abc import Iterator
from typing import Any

from bedrock_flask.converse import Json, map_shape_errors
from bedrock_flask.translation.answer_tool import AnswerReader, AnswerTool, check_words


@map_shape_errors()
def take_answer(reply: Json, tool: AnswerTool) -> Json:
    """A whole reply with the tool's input as its text."""
    answers = [block for block in reply["content"] if _is_answer(block, tool)]
    others = [block for block in reply["content"] if not _is_answer(block, tool)]
    has_calls = any(block["type"] == "tool_use" for block in others)
    reason = reply.get("stop_reason") or "end_turn"
    if answers:
        content = [block for block in others if block["type"] != "text"]
        position = next((index for index, block in enumerate(content) if block["type"] == "tool_use"), len(content))
        content.insert(position, {"type": "text", "text": tool.read_input(answers[0].get("input", {}))})
        reason = "end_turn" if reason == "tool_use" and not has_calls else reason
    elif has_calls:
        content = others
    else:
        words = "".join(block["text"] for block in others if block["type"] == "text")
        text = check_words(words, reason)
        content = others if text == words else [{"type": "text", "text": text}]
    return {**reply, "content": content, "stop_reason": reason}


def _is_answer(block: Json, tool: AnswerTool) -> bool:
    return bool(block["type"] == "tool_use" and block["name"] == tool.name)


class ChunkTaker:
    """Reads the chunks of one stream; words are held back, because before the answer they are left out."""

    def __init__(self, tool: AnswerTool) -> None:
        self._tool = tool
        self._reader = AnswerReader(tool)
        self._answer: int | None = None
        self._ignored: set[int] = set()
        self._texts: set[int] = set()
        self._words: list[Json] = []
        self._has_calls = False
        self._places: dict[int, int] = {}

    def take(self, chunk: Json) -> Iterator[Json]:
        """The chunks that take the place of this one."""
        with map_shape_errors():
            yield from [*self._take(chunk)]

    def _take(self, chunk: Json) -> Iterator[Json]:
        kind, index = chunk.get("type"), chunk.get("index")
        if kind == "message_delta":
            yield from self._stop(chunk)
        elif not isinstance(index, int):
            yield chunk
        elif kind == "content_block_start":
            yield from self._start(index, chunk)
        elif index == self._answer:
            yield from self._write_answer(index, chunk)
        elif index not in self._ignored:
            yield from self._pass(index, chunk)

    def _start(self, index: int, chunk: Json) -> Iterator[Json]:
        block = chunk["content_block"]
        if _is_answer(block, self._tool):
            self._words.clear()
            if self._answer is not None:
                self._ignored.add(index)
                return
            self._answer = index
            yield self._place(index, {**chunk, "content_block": {"type": "text", "text": ""}})
        elif block["type"] == "text":
            self._texts.add(index)
            yield from self._pass(index, chunk)
        else:
            if block["type"] == "tool_use":
                self._has_calls = True
                yield from self._release()
            yield self._place(index, chunk)

    def _write_answer(self, index: int, chunk: Json) -> Iterator[Json]:
        is_end = chunk["type"] == "content_block_stop"
        text = self._reader.end() if is_end else self._reader.feed(chunk["delta"].get("partial_json") or "")
        if text:
            yield self._place(index, _make_delta(text))
        if is_end:
            yield self._place(index, chunk)

    def _pass(self, index: int, chunk: Json) -> Iterator[Json]:
        if index not in self._texts or (self._answer is None and self._has_calls):
            yield self._place(index, chunk)
        elif self._answer is None:
            self._words.append(chunk)

    def _stop(self, chunk: Json) -> Iterator[Json]:
        delta = chunk.get("delta") or {}
        reason = delta.get("stop_reason")
        if reason is None:
            yield chunk
            return
        if self._answer is None and not self._has_calls:
            words = "".join(held["delta"].get("text") or "" for held in self._words if "delta" in held)
            text = check_words(words, reason)
            if text != words:
                start, end = self._words[0], self._words[-1]
                self._words = [start, {**_make_delta(text), "index": start["index"]}, {**end, "index": start["index"]}]
        yield from self._release()
        if self._answer is not None and not self._has_calls and reason == "tool_use":
            chunk = {**chunk, "delta": {**delta, "stop_reason": "end_turn"}}
        yield chunk

    def _release(self) -> Iterator[Json]:
        words, self._words = self._words, []
        for chunk in words:
            yield self._place(chunk["index"], chunk)

    def _place(self, index: int, chunk: Json) -> Json:
        """The chunk with the position that its block has among those that are passed on."""
        return {**chunk, "index": self._places.setdefault(index, len(self._places))}


def _make_delta(text: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}}
