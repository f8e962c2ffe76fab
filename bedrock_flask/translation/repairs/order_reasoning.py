"""Return earlier reasoning as the model requires it: signed where the model signs, and first in its turn."""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, member
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import replace_blocks, walk_blocks

_KIND = "reasoningContent"
_SIGNATURE = f"{_KIND}.reasoningText.signature"


def drop_unsigned_reasoning(request: Request, capabilities: Capabilities) -> RepairResult:
    """Drop of earlier reasoning what the model would reject: all of it, what has lost its signature, or signatures."""
    reasoning = {path: block for path, block in walk_blocks(request) if _KIND in block}
    kept = {path: _keep_valid(block, capabilities) for path, block in reasoning.items()}
    dropped = tuple(
        f"{path}.{_SIGNATURE if blocks else _KIND}"
        for path, blocks in kept.items()
        if not blocks or (_is_signed(reasoning[path]) and not _is_signed(blocks[0]))
    )
    changed = {path: blocks for path, blocks in kept.items() if blocks != [reasoning[path]]}
    return RepairResult(replace_blocks(request, changed), dropped)


def move_reasoning_first(request: Request, capabilities: Capabilities) -> RepairResult:
    """Move the reasoning of a turn to its front; a turn that begins with reasoning is as the model wrote it."""
    messages = [
        {**message, "content": sorted(message["content"], key=_is_other)}
        if any(map(_is_other, message["content"][:1]))
        else message
        for message in request["messages"]
    ]
    return RepairResult({**request, "messages": messages})


def _keep_valid(block: Json, capabilities: Capabilities) -> list[Json]:
    if not capabilities.reasoning or not capabilities.reasoning_history:
        return []
    text = member(block, _KIND, "reasoningText")
    if text is None:
        return [block] if member(block, _KIND, "redactedContent") else []
    if capabilities.signs_reasoning and not text.get("signature"):
        return []
    if not capabilities.signatures:
        # Another model signed it, and this one refuses the field.
        return [{_KIND: {"reasoningText": {"text": text["text"]}}}] if text.get("text") else []
    # Reasoning that is not shown comes as a signature alone; Converse requires a text beside it.
    return [{_KIND: {"reasoningText": {"text": "", **text}}}]


def _is_signed(block: Json) -> bool:
    return bool(member(block, _KIND, "reasoningText", "signature"))


def _is_other(block: Json) -> bool:
    return _KIND not in block
