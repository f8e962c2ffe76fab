"""What a model cannot take at all is refused before Bedrock is asked, each at its path."""

from collections.abc import Iterator

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request, member
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.blocks import blocks
from bedrock_flask.translation.repairs.record import Repaired

# Each kind of media block: the ability that it needs, and how it is called.
_MEDIA = {"image": "images", "document": "documents", "video": "video", "audio": "audio"}


def refused(request: Request, capabilities: Capabilities) -> Repaired:
    """The request as it is, if the model has the abilities that it needs."""
    faults = list(_faults(request, capabilities))
    if faults:
        raise InvalidBody(faults)
    return Repaired(request)


def _faults(request: Request, capabilities: Capabilities) -> Iterator[FieldError]:
    if request.get("system") and not capabilities.system:
        yield FieldError("system", "this model takes no system prompt")
    if member(request, "toolConfig", "tools") and not capabilities.tools:
        yield FieldError("toolConfig", "this model takes no tools")
    if member(request, "outputConfig", "textFormat") and not capabilities.structured:
        yield FieldError("outputConfig.textFormat", "this model takes no JSON Schema for its answer")
    for path, block in blocks(request):
        for kind, ability in _MEDIA.items():
            if kind in block and not getattr(capabilities, ability):
                yield FieldError(f"{path}.{kind}", f"this model takes no {ability}")
