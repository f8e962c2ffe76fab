"""The answer that is the input of a tool, as text in Converse's format."""

from typing import Any

from bedrock_flask.converse import Json, Response, map_shape_errors, member
from bedrock_flask.translation.answer_tool import AnswerTool
from bedrock_flask.translation.take_answer import AnswerTaker, BlockFormat, Step, take_blocks

_INDEX = "contentBlockIndex"
_KINDS = {"contentBlockStart": "start", "contentBlockDelta": "delta", "contentBlockStop": "stop"}


@map_shape_errors()
def take_answer(response: Response, tool: AnswerTool) -> Response:
    """A whole response with the tool's input as its text."""
    message = response["output"]["message"]
    content, reason = take_blocks(message["content"], response.get("stopReason") or "end_turn", tool, _FORMAT)
    return {**response, "output": {"message": {**message, "content": content}}, "stopReason": reason}


def make_event_taker(tool: AnswerTool) -> AnswerTaker:
    """What takes the events of one stream, with the tool's input as text."""
    return AnswerTaker(tool, _FORMAT)


def _read_call(block: Json) -> tuple[str, Any] | None:
    use = block.get("toolUse")
    return (use["name"], use.get("input", {})) if use is not None else None


def _read_text(block: Json) -> str | None:
    if isinstance(block.get("text"), str):
        return str(block["text"])
    return "" if "citationsContent" in block else None


def _read_step(event: Json) -> Step:
    [(kind, payload)] = event.items()
    if kind == "messageStop":
        return Step("end", reason=payload.get("stopReason") or "end_turn")
    index = payload.get(_INDEX) if isinstance(payload, dict) else None
    if kind not in _KINDS or not isinstance(index, int):
        return Step()
    delta = payload.get("delta") or {}
    return Step(
        _KINDS[kind],
        index,
        name=member(payload, "start", "toolUse", "name"),
        text=(delta.get("text") or "") if "text" in delta or "citation" in delta else None,
        input=member(delta, "toolUse", "input") or "",
    )


def _move(event: Json, index: int) -> Json:
    return {kind: {**payload, _INDEX: index} for kind, payload in event.items()}


_FORMAT = BlockFormat(
    read_call=_read_call,
    read_text=_read_text,
    write_text=lambda text: {"text": text},
    read_step=_read_step,
    move=_move,
    # A text begins with its first words.
    begin_text=lambda index: [],
    write_delta=lambda index, text: {"contentBlockDelta": {_INDEX: index, "delta": {"text": text}}},
    end_text=lambda index: {"contentBlockStop": {_INDEX: index}},
    end_turn=lambda event: {"messageStop": {**event["messageStop"], "stopReason": "end_turn"}},
)
