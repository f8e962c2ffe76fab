"""Reject what the model cannot take at all, each fault at its path."""

from collections.abc import Iterator

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request, member
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import walk_blocks

# The capability that each kind of media block needs, which is also its name in messages.
_MEDIA = {"image": "images", "document": "documents", "video": "video", "audio": "audio"}
_MAX_STOP_SEQUENCES = 2500


def check_capabilities(request: Request, capabilities: Capabilities) -> RepairResult:
    """Reject tools or media that the model does not support, and a system prompt of a painter."""
    faults = list(_find_unsupported(request, capabilities))
    if faults:
        raise InvalidBody(faults)
    return RepairResult(request)


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


def _find_unsupported(request: Request, capabilities: Capabilities) -> Iterator[FieldError]:
    # A model that writes text reads a system prompt in the user's turn: `place_system_turns`.
    if request.get("system") and not capabilities.system and capabilities.output != "text":
        yield FieldError("system", "this model does not support system prompts")
    if member(request, "toolConfig", "tools") and not capabilities.tools:
        yield FieldError("toolConfig", "this model does not support tools")
    for path, block in walk_blocks(request):
        for kind, capability in _MEDIA.items():
            if kind in block and not getattr(capabilities, capability):
                yield FieldError(f"{path}.{kind}", f"this model does not support {capability}")
