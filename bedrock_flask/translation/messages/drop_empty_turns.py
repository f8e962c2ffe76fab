"""Drop empty turns of the assistant, and empty system messages, from Claude's own body.

Anthropic's API takes the first, and a refusal leaves one behind; Bedrock takes the conversation only without
(theopenco/llmgateway#3127). What Bedrock refuses of a turn can have been all that was in it.
"""

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json
from bedrock_flask.translation.messages.join_user_turns import join_user_turns
from bedrock_flask.translation.messages.record import Body, Edited


def drop_empty_turns(body: Body, capabilities: Capabilities) -> Edited:
    """Drop each of them, and join the user's turns around it."""
    messages = body["messages"]
    empty = {index: None for index, turn in enumerate(messages) if _is_empty(turn)}
    if not empty:
        return Edited(body)
    kept = [(turn, index - 1 in empty) for index, turn in enumerate(messages) if index not in empty]
    return Edited(
        {**body, "messages": [*join_user_turns(kept)]}, reported=tuple(f"messages[{index}]" for index in empty)
    )


def _is_empty(turn: Json) -> bool:
    # A system message may have members besides its content.
    members = turn.keys() - {"role", "content"} if turn["role"] == "system" else ()
    return bool(turn["role"] in ("assistant", "system") and not turn.get("content") and not members)
