"""Drop blank texts: Bedrock rejects them, and clients write them beside tool calls and images and in tool results."""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, member
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import (
    is_empty,
    remove_member,
    replace_blocks,
    walk_blocks,
)


def drop_blank_text(request: Request, capabilities: Capabilities) -> RepairResult:
    """Drop blank texts everywhere, and reject a user message that has nothing else.

    A message of the assistant that has nothing else is dropped and reported: it is what a refused answer leaves in a
    history. A tool result may become empty: its tool returned nothing.
    """
    empty = [index for index, message in enumerate(request["messages"]) if _is_empty(message)]
    faults = [
        FieldError(f"messages[{index}].content", "must have content other than blank text")
        for index in empty
        if request["messages"][index]["role"] != "assistant"
    ]
    if faults:
        raise InvalidBody(faults)
    changed = replace_blocks(request, {path: () for path, block in walk_blocks(request) if _is_blank(block)})
    changed = _drop_blank_descriptions(changed)
    messages = [message for message in changed["messages"] if not is_empty(message["content"])]
    return RepairResult({**changed, "messages": messages}, tuple(f"messages[{index}]" for index in empty))


def _drop_blank_descriptions(request: Request) -> Request:
    """Tools of MCP servers have them, and Bedrock wants a description of a character at least, or none.

    Source: danny-avila/LibreChat#13209, anomalyco/opencode#48582.
    """
    blank = {
        path: [{**block, "toolSpec": remove_member(block["toolSpec"], "description")}]
        for path, block in walk_blocks(request)
        if not (member(block, "toolSpec", "description") or "x").strip()
    }
    return replace_blocks(request, blank)


def _is_empty(message: Json) -> bool:
    return is_empty(block for block in message["content"] if not _is_blank(block))


def _is_blank(block: Json) -> bool:
    text = block.get("text")
    return isinstance(text, str) and not text.strip()
