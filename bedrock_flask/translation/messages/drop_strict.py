"""Drop `strict` from the tools of Claude's own body where the model refuses it."""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.translation.messages.record import Body, Edited


def drop_strict(body: Body, capabilities: Capabilities) -> Edited:
    """Drop `strict`: the arguments may still fit the schema, so a true one is reported."""
    tools = body.get("tools") or ()
    if capabilities.strict_tools or not any("strict" in tool for tool in tools):
        return Edited(body)
    reported = tuple(f"tools[{index}].strict" for index, tool in enumerate(tools) if tool.get("strict"))
    plain = [{name: value for name, value in tool.items() if name != "strict"} for tool in tools]
    return Edited({**body, "tools": plain}, reported=reported)
