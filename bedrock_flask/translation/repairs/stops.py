"""Stop sequences: Bedrock takes so many and no more."""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request, member
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.record import Repaired

_MOST = 2500


def few(request: Request, capabilities: Capabilities) -> Repaired:
    """The request as it is, unless it has too many."""
    if len(member(request, "inferenceConfig", "stopSequences") or ()) > _MOST:
        raise InvalidBody([FieldError("inferenceConfig.stopSequences", f"must have at most {_MOST} items")])
    return Repaired(request)
