"""Write a text into tool results without content: a tool that returns nothing must not end the conversation."""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request, member
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import replace_blocks, walk_blocks

# Bedrock refuses blank texts.
NO_OUTPUT = "(no output)"


def fill_results(request: Request, capabilities: Capabilities) -> RepairResult:
    """Write `(no output)` into each empty tool result, unless the model is known to take it empty."""
    if capabilities.empty_results == "accepted":
        return RepairResult(request)
    filled = {
        path: [{"toolResult": {**block["toolResult"], "content": [{"text": NO_OUTPUT}]}}]
        for path, block in walk_blocks(request)
        if "toolResult" in block and not member(block, "toolResult", "content")
    }
    return RepairResult(replace_blocks(request, filled))
