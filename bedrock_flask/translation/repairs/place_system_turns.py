"""Place system messages: those that begin the conversation in the system prompt, later ones in the user's turns.

Converse takes no message of the role `system` (BerriAI/litellm#41043). In the system prompt a later one would change
the prefix that is cached, and it would lose its place in the conversation.
"""

from collections.abc import Iterable
from itertools import takewhile

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request
from bedrock_flask.translation.repairs.record import RepairResult

# What is reported of a system message that became a part of the user's turn.
REPORTED = "messages.system"


def place_system_turns(request: Request, capabilities: Capabilities) -> RepairResult:
    """Move the leading system messages to the system prompt, and make user messages of the others, which is reported.

    A message with other blocks than text, such as a change of the tools, is left to Bedrock.
    """
    messages = request["messages"]
    if not any(map(_is_system_text, messages)):
        return RepairResult(request)
    first = [*takewhile(_is_system_text, messages)] if capabilities.system else []
    rest = messages[len(first) :]
    if first:
        content = [block for message in first for block in message["content"]]
        request = {**request, "system": [*(request.get("system") or ()), *content]}
    turns = [_make_user_turn(message) if _is_system_text(message) else message for message in rest]
    reported = (REPORTED,) if any(map(_is_system_text, rest)) else ()
    return RepairResult({**request, "messages": turns}, reported)


def mark_system_text(text: str) -> str:
    """The text, marked as instructions of the caller's program rather than words of its user."""
    return f"<system>\n{text}\n</system>"


def _make_user_turn(message: Json) -> Json:
    return {"role": "user", "content": [*_mark(message["content"])]}


def _mark(content: Iterable[Json]) -> Iterable[Json]:
    return ({**block, "text": mark_system_text(block["text"])} if "text" in block else block for block in content)


def _is_system_text(message: Json) -> bool:
    return message["role"] == "system" and all({"text", "cachePoint"} & block.keys() for block in message["content"])
