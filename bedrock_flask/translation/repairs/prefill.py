"""A conversation that ends with an assistant turn asks the model to go on with it: some models do, the newer refuse."""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.blocks import edited
from bedrock_flask.translation.repairs.record import Repaired


def trimmed(request: Request, capabilities: Capabilities) -> Repaired:
    """With the last assistant text without the white space at its end, which is refused there."""
    *_, last = request["messages"]
    if last["role"] != "assistant":
        return Repaired(request)
    if not capabilities.prefill:
        raise InvalidBody([FieldError("messages", "must end with a user turn: this model continues no assistant turn")])
    text = last["content"][-1].get("text", "")
    if text == text.rstrip():
        return Repaired(request)
    path = f"messages[{len(request['messages']) - 1}].content[{len(last['content']) - 1}]"
    return Repaired(edited(request, {path: [{"text": text.rstrip()}]}), (f"{path}.text",))
