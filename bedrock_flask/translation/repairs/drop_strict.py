"""Drop `strict` from the tools where the model refuses it."""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, member
from bedrock_flask.translation.repairs.record import RepairResult


def drop_strict(request: Request, capabilities: Capabilities) -> RepairResult:
    """Drop `strict: false`, which is the default, and the true one of a model that refuses it, which is reported."""
    tools = member(request, "toolConfig", "tools") or ()
    dropped = {
        index: None
        for index, tool in enumerate(tools)
        if "strict" in (tool.get("toolSpec") or {}) and not (tool["toolSpec"]["strict"] and capabilities.strict_tools)
    }
    if not dropped:
        return RepairResult(request)
    reported = tuple(f"toolConfig.tools[{index}].toolSpec.strict" for index in dropped if _is_strict(tools[index]))
    plain = [_without_strict(tool) if index in dropped else tool for index, tool in enumerate(tools)]
    return RepairResult({**request, "toolConfig": {**request["toolConfig"], "tools": plain}}, reported)


def _is_strict(tool: Json) -> bool:
    return bool(tool["toolSpec"]["strict"])


def _without_strict(tool: Json) -> Json:
    return {"toolSpec": {name: value for name, value in tool["toolSpec"].items() if name != "strict"}}
