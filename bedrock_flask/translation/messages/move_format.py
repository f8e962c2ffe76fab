"""The older `output_format` of Claude's own body in its place of today."""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import member
from bedrock_flask.errors import FieldError
from bedrock_flask.translation.messages.record import Body, Edited

_OLDER = "output_format"


def move_format(body: Body, capabilities: Capabilities) -> Edited:
    """Move `output_format` to `output_config.format`; both together are rejected."""
    older = body.get(_OLDER)
    if not older:
        return Edited(body)
    if member(body, "output_config", "format"):
        fault = FieldError(_OLDER, "must not be used together with output_config.format")
        return Edited(body, rejected=(fault,))
    config = {**(body.get("output_config") or {}), "format": older}
    return Edited({name: value for name, value in body.items() if name != _OLDER} | {"output_config": config})
