"""The tools on offer: no two have the same name, for a call could be of either."""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request, member
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.record import Repaired


def distinct(request: Request, capabilities: Capabilities) -> Repaired:
    """The request as it is, unless it has a tool twice."""
    faults, taken = [], set()
    for index, tool in enumerate(member(request, "toolConfig", "tools") or ()):
        name = member(tool, "toolSpec", "name")
        if name is not None and name in taken:
            path = f"toolConfig.tools[{index}].toolSpec.name"
            faults.append(FieldError(path, f"must not be {name[:100]!r} again: a tool before it is called that"))
        taken.add(name)
    if faults:
        raise InvalidBody(faults)
    return Repaired(request)
