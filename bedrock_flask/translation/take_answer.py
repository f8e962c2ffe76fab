"""The answer of a model that was made to call a tool with it, as text: whole, and in a stream, in any format of blocks.

Converse and Claude's own format have the same blocks under other names; what differs is in a BlockFormat.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bedrock_flask.converse import Json, map_shape_errors
from bedrock_flask.errors import UpstreamProtocolError
from bedrock_flask.translation.answer_reader import AnswerReader
from bedrock_flask.translation.answer_tool import AnswerTool

_FENCED = re.compile(r"\s*```(?:json)?[^\S\n]*\n(.*?)\n?```\s*\Z", re.DOTALL)
_SHOWN = 200
# The model says by these that its answer is whole.
_WHOLE = ("end_turn", "stop_sequence", "tool_use")


@dataclass(frozen=True)
class Step:
    """What one event of a stream means for the answer.

    kind    `start`, `delta` or `stop` of the block with this index, `end` of the answer, or empty for any other
    name    the tool that the block calls, at its start
    text    the words of a text, empty where it has none; None for any other block
    input   a piece of a tool's input
    reason  the stop reason, at the end
    """

    kind: str = ""
    index: int = -1
    name: str | None = None
    text: str | None = None
    input: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class BlockFormat:
    """How a format has blocks: in a whole answer, and as the events of a stream.

    read_call    the name and the input of the tool that a block calls; None for any other block
    read_text    the words of a block of text, empty where it has none; None for any other block
    write_text   a block of text
    read_step    what an event means
    move         the event with another index
    begin_text   the events with which a text of this index begins
    write_delta  the event that adds words to a text
    end_text     the event with which a text ends
    end_turn     the event of the end, with the stop reason of a turn that is over
    """

    read_call: Callable[[Json], tuple[str, Any] | None]
    read_text: Callable[[Json], str | None]
    write_text: Callable[[str], Json]
    read_step: Callable[[Json], Step]
    move: Callable[[Json, int], Json]
    begin_text: Callable[[int], list[Json]]
    write_delta: Callable[[int, str], Json]
    end_text: Callable[[int], Json]
    end_turn: Callable[[Json], Json]


def take_blocks(content: list[Json], reason: str, tool: AnswerTool, form: BlockFormat) -> tuple[list[Json], str]:
    """The content of a whole answer with the tool's input as its text, and the stop reason."""
    calls = [form.read_call(block) for block in content]
    answers = [call[1] for call in calls if call and call[0] == tool.name]
    others = [block for block, call in zip(content, calls, strict=True) if not (call and call[0] == tool.name)]
    has_calls = any(call and call[0] != tool.name for call in calls)
    if answers:
        kept = [block for block in others if form.read_text(block) is None]
        place = next((index for index, block in enumerate(kept) if form.read_call(block)), len(kept))
        answer = form.write_text(tool.read_input(answers[0]))
        return [*kept[:place], answer, *kept[place:]], "end_turn" if reason == "tool_use" and not has_calls else reason
    if has_calls:
        return others, reason
    words = "".join(form.read_text(block) or "" for block in others)
    text = check_words(words, reason)
    return others if text == words else [form.write_text(text)], reason


class AnswerTaker:
    """Takes the events of one stream; words are held back, because before the answer they are left out."""

    def __init__(self, tool: AnswerTool, form: BlockFormat) -> None:
        self._tool, self._form = tool, form
        self._reader = AnswerReader(is_wrapped=tool.is_wrapped)
        self._answer: int | None = None
        self._ignored: set[int] = set()
        self._texts: set[int] = set()
        self._held: list[tuple[Step, Json]] = []
        self._has_calls = False
        self._places: dict[int, int] = {}

    def take(self, event: Json) -> list[Json]:
        """The events that take the place of this one; raises UpstreamProtocolError for an event of another shape."""
        with map_shape_errors():
            return [*self._take(self._form.read_step(event), event)]

    def _take(self, step: Step, event: Json) -> Iterator[Json]:
        if step.kind == "end":
            yield from self._end(step, event)
        elif not step.kind:
            yield event
        elif step.name is not None:
            yield from self._start_call(step, event)
        elif step.index == self._answer:
            yield from self._write_answer(step)
        elif step.index not in self._ignored:
            yield from self._pass(step, event)

    def _start_call(self, step: Step, event: Json) -> Iterator[Json]:
        if step.name != self._tool.name:
            self._has_calls = True
            yield from self._release()
            yield self._move(step, event)
            return
        self._held.clear()
        if self._answer is None:
            self._answer = step.index
            yield from self._form.begin_text(self._place(step.index))
        else:
            self._ignored.add(step.index)

    def _write_answer(self, step: Step) -> Iterator[Json]:
        place, is_end = self._place(step.index), step.kind == "stop"
        text = self._reader.end() if is_end else self._reader.feed(step.input)
        if text:
            yield self._form.write_delta(place, text)
        if is_end:
            yield self._form.end_text(place)

    def _pass(self, step: Step, event: Json) -> Iterator[Json]:
        if step.text is not None:
            self._texts.add(step.index)
        if step.index not in self._texts or (self._answer is None and self._has_calls):
            yield self._move(step, event)
        elif self._answer is None:
            self._held.append((step, event))

    def _end(self, step: Step, event: Json) -> Iterator[Json]:
        if self._answer is None and not self._has_calls:
            words = "".join(held.text or "" for held, _ in self._held)
            text = check_words(words, step.reason)
            if text != words:
                place = self._place(self._held[0][0].index)
                self._held.clear()
                yield from self._form.begin_text(place)
                yield self._form.write_delta(place, text)
                yield self._form.end_text(place)
        yield from self._release()
        is_over = self._answer is not None and not self._has_calls and step.reason == "tool_use"
        yield self._form.end_turn(event) if is_over else event

    def _release(self) -> Iterator[Json]:
        held, self._held = self._held, []
        yield from (self._move(step, event) for step, event in held)

    def _move(self, step: Step, event: Json) -> Json:
        return self._form.move(event, self._place(step.index))

    def _place(self, index: int) -> int:
        """The position of a block among those that are passed on."""
        return self._places.setdefault(index, len(self._places))


def check_words(words: str, reason: str) -> str:
    """What the model wrote in words instead of calling the tool, if it can be the answer.

    JSON is the answer all the same. An answer that was cut short or blocked is what it is, and its stop reason says so.
    Raises UpstreamProtocolError for words.
    """
    if reason not in _WHOLE:
        return words
    fenced = _FENCED.match(words)
    text = (fenced[1] if fenced else words).strip()
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        shown = f"The model answered in words, not in the JSON that was required: {words.strip()[:_SHOWN]}"
        raise UpstreamProtocolError(shown) from None
    return text
