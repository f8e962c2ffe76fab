"""Blank texts: Bedrock refuses them, and clients write them beside tool calls, images and in results."""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.blocks import blocks, edited, says_nothing
from bedrock_flask.translation.repairs.record import Repaired


def dropped(request: Request, capabilities: Capabilities) -> Repaired:
    """Without blank texts, wherever they stand; a message that says nothing else is refused.

    A tool result may be left with an empty list: a tool that gave nothing.
    """
    silent = [
        FieldError(f"messages[{index}].content", "must say something: an empty or blank text is nothing")
        for index, message in enumerate(request["messages"])
        if says_nothing(block for block in message["content"] if not _is_blank(block))
    ]
    if silent:
        raise InvalidBody(silent)
    return Repaired(edited(request, {path: () for path, block in blocks(request) if _is_blank(block)}))


def _is_blank(block: Json) -> bool:
    text = block.get("text")
    return isinstance(text, str) and not text.strip()
