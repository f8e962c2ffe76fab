"""Drop thinking without a signature from the history: another model wrote it, or its stream was cut.

Bedrock rejects it in every later request: `thinking.signature: Field required` (can1357/oh-my-pi#10486,
strands-agents/harness-sdk#4334).
"""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, member
from bedrock_flask.translation.messages.record import Body, Edited


def drop_unsigned_thinking(body: Body, capabilities: Capabilities) -> Edited:
    """Drop each such block where the model signs what it thinks, and report it."""
    found = [
        (turn, block)
        for turn, message in enumerate(body["messages"] if capabilities.signs_reasoning else ())
        for block, value in enumerate(message["content"] if isinstance(message.get("content"), list) else ())
        if _is_unsigned(value)
    ]
    if not found:
        return Edited(body)
    turns = {turn for turn, _ in found}
    messages = [_drop_blocks(turn) if index in turns else turn for index, turn in enumerate(body["messages"])]
    return Edited(
        {**body, "messages": messages}, reported=tuple(f"messages[{turn}].content[{block}]" for turn, block in found)
    )


def _drop_blocks(turn: Json) -> Json:
    return {**turn, "content": [block for block in turn["content"] if not _is_unsigned(block)]}


def _is_unsigned(block: Json) -> bool:
    # A turn of an unknown role may hold anything.
    return member(block, "type") == "thinking" and not block.get("signature")
