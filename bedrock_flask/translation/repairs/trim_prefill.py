"""Trim an assistant turn at the end, which asks the model to continue it: some models do, newer ones reject it."""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import replace_blocks


def trim_prefill(request: Request, capabilities: Capabilities) -> RepairResult:
    """Remove the white space at the end of the last assistant text, which Bedrock rejects there."""
    *_, last = request["messages"]
    if last["role"] != "assistant":
        return RepairResult(request)
    if not capabilities.prefill:
        fault = FieldError("messages", "must end with a user turn: this model does not continue an assistant turn")
        raise InvalidBody([fault])
    text = "".join(block.get("text", "") for block in last["content"][-1:])
    if text == text.rstrip():
        return RepairResult(request)
    path = f"messages[{len(request['messages']) - 1}].content[{len(last['content']) - 1}]"
    return RepairResult(replace_blocks(request, {path: [{"text": text.rstrip()}]}), (f"{path}.text",))
