"""Reject adaptive thinking beside a forced tool, where the model excludes them; the schema rejects a budget."""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import member
from bedrock_flask.errors import FieldError
from bedrock_flask.translation.messages.record import Body, Edited

_FORCED = ("any", "tool")


def check_forced_tool(body: Body, capabilities: Capabilities) -> Edited:
    """Name both: the caller gives up the one or the other."""
    is_adaptive = member(body, "thinking", "type") == "adaptive"
    if capabilities.forced_while_reasoning or not is_adaptive or member(body, "tool_choice", "type") not in _FORCED:
        return Edited(body)
    faults = (
        FieldError("thinking", "cannot be combined with a tool_choice that forces a tool"),
        FieldError("tool_choice", "cannot force a tool while thinking is enabled"),
    )
    return Edited(body, rejected=faults)
