"""Check the names of the arguments of tools: some models take letters, digits and a few signs alone."""

from collections.abc import Iterable

from bedrock_flask.bedrock.json_schemas import PROPERTY_NAME
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request, member
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import walk_blocks


def check_property_names(request: Request, capabilities: Capabilities) -> RepairResult:
    """Reject the names that the model refuses; it looks at the root of a schema only."""
    if capabilities.tool_schemas != "named":
        return RepairResult(request)
    faults = [
        FieldError(
            f"{path}.toolSpec.inputSchema.json.properties",
            f"must have names of 1 to 64 letters, digits, '_', '.' and '-' for this model; {name[:100]!r} is none",
        )
        for path, block in walk_blocks(request)
        for name in _list_names(member(block, "toolSpec", "inputSchema", "json", "properties"))
        if not PROPERTY_NAME.fullmatch(name)
    ]
    if faults:
        raise InvalidBody(faults)
    return RepairResult(request)


def _list_names(properties: object) -> Iterable[str]:
    # Of another value than an object Bedrock decides.
    return properties if isinstance(properties, dict) else ()
