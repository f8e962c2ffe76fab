"""Reject what the model cannot take at all, each fault at its path."""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request, member
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import walk_blocks

# The capability that each kind of media block needs, which is also its name in messages.
_MEDIA = {"image": "images", "document": "documents", "video": "video", "audio": "audio"}
_MAX_STOP_SEQUENCES = 2500


def check_system(request: Request, capabilities: Capabilities) -> RepairResult:
    """Reject a system prompt of a painter."""
    if request.get("system") and refuses_system(capabilities):
        raise InvalidBody([FieldError("system", "this model does not support system prompts")])
    return RepairResult(request)


def refuses_system(capabilities: Capabilities) -> bool:
    """Whether a system prompt is refused; a model that writes text reads it in the user's turn, if nowhere else."""
    return not capabilities.system and capabilities.output != "text"


def check_tools(request: Request, capabilities: Capabilities) -> RepairResult:
    """Reject tools that the model does not support."""
    if member(request, "toolConfig", "tools") and refuses_tools(capabilities):
        raise InvalidBody([FieldError("toolConfig", "this model does not support tools")])
    return RepairResult(request)


def refuses_tools(capabilities: Capabilities) -> bool:
    """Whether the model has no tools."""
    return not capabilities.tools


def check_media(request: Request, capabilities: Capabilities) -> RepairResult:
    """Reject media that the model does not support."""
    refused = _list_refused_media(capabilities)
    faults = [
        FieldError(f"{path}.{kind}", f"this model does not support {_MEDIA[kind]}")
        for path, block in walk_blocks(request)
        for kind in refused
        if kind in block
    ]
    if faults:
        raise InvalidBody(faults)
    return RepairResult(request)


def refuses_media(capabilities: Capabilities) -> bool:
    """Whether there are media that the model does not support."""
    return bool(_list_refused_media(capabilities))


def _list_refused_media(capabilities: Capabilities) -> list[str]:
    return [kind for kind, capability in _MEDIA.items() if not getattr(capabilities, capability)]


def limit_stop_sequences(request: Request, capabilities: Capabilities) -> RepairResult:
    """Reject more stop sequences than Bedrock accepts."""
    if len(member(request, "inferenceConfig", "stopSequences") or ()) > _MAX_STOP_SEQUENCES:
        fault = FieldError("inferenceConfig.stopSequences", f"must have at most {_MAX_STOP_SEQUENCES} items")
        raise InvalidBody([fault])
    return RepairResult(request)


def reject_duplicate_tools(request: Request, capabilities: Capabilities) -> RepairResult:
    """Reject a second tool of the same name: a call could mean either."""
    faults, names = [], set()
    for index, tool in enumerate(member(request, "toolConfig", "tools") or ()):
        name = member(tool, "toolSpec", "name")
        if name is not None and name in names:
            path = f"toolConfig.tools[{index}].toolSpec.name"
            faults.append(FieldError(path, f"must be unique: {name[:100]!r} is the name of an earlier tool"))
        names.add(name)
    if faults:
        raise InvalidBody(faults)
    return RepairResult(request)
