"""Wrap the input of a tool call in the history that is not an object, where the caller's policy allows it.

A model that wrote broken JSON wrote a string, and Bedrock refuses every later turn of a conversation with it. Wrapped,
the model reads what it wrote, as the text of one member.
"""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request
from bedrock_flask.protocol.json_places import place_at
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import replace_blocks, walk_blocks

WRAPPED = "invalid_arguments"


def wrap_tool_inputs(request: Request, capabilities: Capabilities) -> RepairResult:
    """Put an input that is not an object into one, as its member `invalid_arguments`."""
    found = [
        (path, block["toolUse"])
        for path, block in walk_blocks(request)
        if "toolUse" in block and not isinstance(block["toolUse"]["input"], dict)
    ]
    blocks = {path: [{"toolUse": {**use, "input": _wrap(use["input"])}}] for path, use in found}
    refused = tuple(f"{path}.toolUse.input" for path, _ in found)
    return RepairResult(replace_blocks(request, blocks), refused=refused)


def _wrap(given: object) -> dict[str, object]:
    return place_at({WRAPPED: given}, given)
