"""Drop blank texts: Bedrock rejects them, and clients write them beside tool calls and images and in tool results."""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import is_empty, replace_blocks, walk_blocks


def drop_blank_text(request: Request, capabilities: Capabilities) -> RepairResult:
    """Drop blank texts everywhere, and reject a message that has nothing else.

    A tool result may become empty: its tool returned nothing.
    """
    faults = [
        FieldError(f"messages[{index}].content", "must have content other than blank text")
        for index, message in enumerate(request["messages"])
        if is_empty(block for block in message["content"] if not _is_blank(block))
    ]
    if faults:
        raise InvalidBody(faults)
    return RepairResult(replace_blocks(request, {path: () for path, block in walk_blocks(request) if _is_blank(block)}))


def _is_blank(block: Json) -> bool:
    text = block.get("text")
    return isinstance(text, str) and not text.strip()
