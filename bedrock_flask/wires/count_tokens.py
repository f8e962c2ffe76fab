"""The wire of CountTokens, whose whole answer is a number."""

from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.wires.wire import Wire

WIRE = Wire(
    name="count_tokens",
    complete=lambda reply: isinstance(reply.get("inputTokens"), int),
    # Nothing was generated, so nothing is accounted.
    usage=lambda reply: Usage(),
)
