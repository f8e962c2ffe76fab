"""A JSON Schema for the answer, where Claude's own body has it."""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import member
from bedrock_flask.errors import FieldError
from bedrock_flask.translation.messages.record import Body, Edited

_PLACE = "output_config.format"


def check_format(body: Body, capabilities: Capabilities) -> Edited:
    """Move the older `output_format` to `output_config.format`, and reject it for a model that does not take it."""
    older, rejected = body.get("output_format"), []
    if older and member(body, "output_config", "format"):
        rejected.append(FieldError("output_format", f"must not be used together with {_PLACE}"))
    elif older:
        config = {**(body.get("output_config") or {}), "format": older}
        body = {name: value for name, value in body.items() if name != "output_format"} | {"output_config": config}
    if member(body, "output_config", "format") and not capabilities.structured:
        path = "output_format" if older else _PLACE
        rejected.append(FieldError(path, "this model does not support a JSON Schema for its answer"))
    return Edited(body, rejected=tuple(rejected))
