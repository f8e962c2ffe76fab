"""Place system messages: those that begin the conversation in the system prompt, later ones in the user's turns.

Converse takes no message of the role `system` (BerriAI/litellm#41043). In the system prompt a later one would change
the prefix that is cached, and it would lose its place in the conversation. A model without a system prompt gets it in
the user's first turn, and so does one that is given nothing else: Bedrock wants a user's turn.
"""

from collections.abc import Iterable
from itertools import takewhile

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import is_empty, remove_member

# What is reported of a system message that became a part of the user's turn.
REPORTED = "messages.system"


def place_system_turns(request: Request, capabilities: Capabilities) -> RepairResult:
    """Move the leading system messages to the system prompt, and make user messages of the others, which is reported.

    A message with other blocks than text, such as a change of the tools, is left to Bedrock.
    """
    messages = request["messages"]
    first = [*takewhile(_is_system_text, messages)]
    prompt = [*(request.get("system") or ()), *(block for message in first for block in message["content"])]
    rest = messages[len(first) :]
    reported = (REPORTED,) if any(map(_is_system_text, rest)) else ()
    turns = [_make_user_turn(message["content"]) if _is_system_text(message) else message for message in rest]
    if is_empty(prompt):
        return RepairResult({**request, "messages": turns}, reported)
    if not turns:
        # Instructions and nothing else: the user says them.
        only = {"role": "user", "content": prompt}
        return RepairResult({**remove_member(request, "system"), "messages": [only]}, ("system",))
    if not capabilities.system:
        placed = {**remove_member(request, "system"), "messages": [_make_user_turn(prompt), *turns]}
        return RepairResult(placed, ("system", *reported))
    return RepairResult({**request, "system": prompt, "messages": turns}, reported)


def refuses_system_prompt(capabilities: Capabilities) -> bool:
    """Whether the model has no system prompt of its own."""
    return not capabilities.system


def mark_system_text(text: str) -> str:
    """The text, marked as instructions of the caller's program rather than words of its user."""
    return f"<system>\n{text}\n</system>"


def _make_user_turn(content: Iterable[Json]) -> Json:
    return {"role": "user", "content": [*_mark(content)]}


def _mark(content: Iterable[Json]) -> Iterable[Json]:
    return ({**block, "text": mark_system_text(block["text"])} if "text" in block else block for block in content)


def _is_system_text(message: Json) -> bool:
    return message["role"] == "system" and all({"text", "cachePoint"} & block.keys() for block in message["content"])
