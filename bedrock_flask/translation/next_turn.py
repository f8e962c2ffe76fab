"""An answer at the end of a conversation in OpenAI's formats, after which a model writes another message.

Codex and opencode keep what was complete of an answer that broke off, and ask again behind it.
"""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Request

_GO_ON = "Continue."


def ask_for_next_turn(request: Request, capabilities: Capabilities) -> Request:
    """The request, with a turn of the user at its end where it ends with an answer that the model does not continue."""
    messages = request["messages"]
    if capabilities.prefill or not messages or messages[-1]["role"] != "assistant":
        return request
    if any("toolUse" in block for block in messages[-1]["content"]):
        # Its results are missing, and the client must learn that.
        return request
    return {**request, "messages": [*messages, {"role": "user", "content": [{"text": _GO_ON}]}]}
