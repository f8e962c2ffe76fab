"""Reasoning that comes back in a conversation: unchanged, signed where the model signs, and first in its turn."""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, member
from bedrock_flask.translation.repairs.blocks import blocks, edited
from bedrock_flask.translation.repairs.record import Repaired

_KIND = "reasoningContent"


def signed(request: Request, capabilities: Capabilities) -> Repaired:
    """Without the reasoning that this model would refuse: all of it, or what has lost its signature."""
    told = {path: block for path, block in blocks(request) if _KIND in block}
    kept = {path: _kept(block, capabilities) for path, block in told.items()}
    lost = tuple(f"{path}.{_KIND}" for path, after in kept.items() if not after)
    return Repaired(edited(request, {path: after for path, after in kept.items() if after != [told[path]]}), lost)


def first(request: Request, capabilities: Capabilities) -> Repaired:
    """With the reasoning of a turn before what it led to; a turn that begins with some is as the model wrote it."""
    messages = [
        message if _KIND in message["content"][0] else {**message, "content": sorted(message["content"], key=_is_other)}
        for message in request["messages"]
    ]
    return Repaired({**request, "messages": messages})


def _kept(block: Json, capabilities: Capabilities) -> list[Json]:
    if not capabilities.reasoning:
        return []
    text = member(block, _KIND, "reasoningText")
    if text is None:
        return [block] if member(block, _KIND, "redactedContent") else []
    if capabilities.signs_reasoning and not text.get("signature"):
        return []
    # Reasoning that is not shown comes as a signature alone; Converse wants a text beside it.
    return [{_KIND: {"reasoningText": {"text": "", **text}}}]


def _is_other(block: Json) -> bool:
    return _KIND not in block
