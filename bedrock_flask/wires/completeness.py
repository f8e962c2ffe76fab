"""Wires that are not formats: nothing is read or written in them, they only tell the guard what a whole answer is."""

from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.wires.wire import Wire

# CountTokens generates nothing, so nothing is accounted.
COUNT_TOKENS = Wire(
    name="count_tokens",
    is_complete=lambda reply: isinstance(reply.get("inputTokens"), int),
    read_usage=lambda reply: Usage(),
)
# A family without a plugin: an answer is complete by its length, and any chunk may be the last one.
OPAQUE = Wire(name="opaque", is_opaque=True, is_complete=lambda reply: True, is_terminal=lambda chunk: True)
