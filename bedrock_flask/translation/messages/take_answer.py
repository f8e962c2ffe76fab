"""The answer that is the input of a tool, as text in Claude's own format: all else of an answer stays as it came."""

from typing import Any

from bedrock_flask.converse import Json, map_shape_errors
from bedrock_flask.translation.answer_tool import AnswerTool
from bedrock_flask.translation.take_answer import AnswerTaker, BlockFormat, Step, take_blocks

_KINDS = {"content_block_start": "start", "content_block_delta": "delta", "content_block_stop": "stop"}


@map_shape_errors()
def take_answer(reply: Json, tool: AnswerTool) -> Json:
    """A whole reply with the tool's input as its text."""
    content, reason = take_blocks(reply["content"], reply.get("stop_reason") or "end_turn", tool, _FORMAT)
    return {**reply, "content": content, "stop_reason": reason}


def make_chunk_taker(tool: AnswerTool) -> AnswerTaker:
    """What takes the chunks of one stream, with the tool's input as text."""
    return AnswerTaker(tool, _FORMAT)


def _read_call(block: Json) -> tuple[str, Any] | None:
    return (block["name"], block.get("input", {})) if block["type"] == "tool_use" else None


def _read_text(block: Json) -> str | None:
    return str(block["text"]) if block["type"] == "text" else None


def _read_step(chunk: Json) -> Step:
    kind, index = chunk.get("type"), chunk.get("index")
    reason = (chunk.get("delta") or {}).get("stop_reason") if kind == "message_delta" else None
    if reason is not None:
        return Step("end", reason=reason)
    if kind not in _KINDS or not isinstance(index, int):
        return Step()
    block, delta = chunk.get("content_block") or {}, chunk.get("delta") or {}
    is_text = block.get("type") == "text" or delta.get("type") in ("text_delta", "citations_delta")
    return Step(
        _KINDS[kind],
        index,
        name=block["name"] if block.get("type") == "tool_use" else None,
        text=(delta.get("text") or "") if is_text else None,
        input=delta.get("partial_json") or "",
    )


def _begin_text(index: int) -> list[Json]:
    return [{"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}}]


def _write_delta(index: int, text: str) -> Json:
    return {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}}


_FORMAT = BlockFormat(
    read_call=_read_call,
    read_text=_read_text,
    write_text=lambda text: {"type": "text", "text": text},
    read_step=_read_step,
    move=lambda chunk, index: {**chunk, "index": index},
    begin_text=_begin_text,
    write_delta=_write_delta,
    end_text=lambda index: {"type": "content_block_stop", "index": index},
    end_turn=lambda chunk: {**chunk, "delta": {**chunk["delta"], "stop_reason": "end_turn"}},
)
