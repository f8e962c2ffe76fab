"""Force a tool in the way that the model knows: by its name, by being the only one, or not at all."""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request, member
from bedrock_flask.translation.repairs.record import RepairResult

_CHOICE = "toolConfig.toolChoice"


def choose_tool(request: Request, capabilities: Capabilities) -> RepairResult:
    """Offer a named tool as the only one to a model that cannot be given a name, which is reported.

    The choice of a model that cannot be forced is the caller's to give up.
    """
    config = request.get("toolConfig") or {}
    choice = config.get("toolChoice") or {}
    if not {"any", "tool"} & choice.keys():
        return RepairResult(request)
    if not capabilities.forced_tools:
        free = {name: value for name, value in config.items() if name != "toolChoice"}
        return RepairResult({**request, "toolConfig": free}, refused=(_CHOICE,))
    if capabilities.named_tools or "tool" not in choice:
        return RepairResult(request)
    only = [tool for tool in config["tools"] if member(tool, "toolSpec", "name") == choice["tool"]["name"]]
    if not only:
        return RepairResult(request)
    forced = {**config, "tools": only, "toolChoice": {"any": {}}}
    return RepairResult({**request, "toolConfig": forced}, (_CHOICE,))
