"""The wire of CountTokens, whose whole answer is a number."""

from bedrock_flask.usage import Usage
from bedrock_flask.wire import Wire

WIRE = Wire(
    name="count_tokens",
    complete=lambda reply: isinstance(reply.get("inputTokens"), int),
    # Nothing was generated, so nothing is accounted.
    usage=lambda reply: Usage(),
)
