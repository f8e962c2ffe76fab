"""Place system messages in Claude's own body, for a model that takes none among its messages."""

from collections.abc import Iterator
from itertools import takewhile

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json
from bedrock_flask.translation.messages.join_user_turns import join_user_turns, list_blocks
from bedrock_flask.translation.messages.record import Body, Edited
from bedrock_flask.translation.repairs.place_system_turns import REPORTED, mark_system_text


def place_system_turns(body: Body, capabilities: Capabilities) -> Edited:
    """Move the leading system messages to `system`; later ones become a part of the user's turn in their place.

    In `system` a later one would change the cached prefix. What only a system message can hold, such as a change of the
    tools, is refused.
    """
    messages = body["messages"]
    if capabilities.system_turns or not any(map(_is_system, messages)):
        return Edited(body)
    refused = tuple(
        path for index, turn in enumerate(messages) if _is_system(turn) for path in _find_unplaceable(index, turn)
    )
    first = [*takewhile(_is_system, messages)]
    rest = messages[len(first) :]
    if blocks := [block for turn in first for block in _list_texts(turn)]:
        body = {**body, "system": [*list_blocks({"content": body.get("system")}), *blocks]}
    placed = [(_make_user_turn(turn), True) if _is_system(turn) else (turn, False) for turn in rest]
    turns = [*join_user_turns(pair for pair in placed if pair[0]["content"] or not pair[1])]
    reported = (REPORTED,) if any(marked and turn["content"] for turn, marked in placed) else ()
    return Edited({**body, "messages": turns}, reported=reported, refused=refused)


def _is_system(turn: Json) -> bool:
    return bool(turn["role"] == "system")


def _list_texts(turn: Json) -> list[Json]:
    return [block for block in list_blocks(turn) if block["type"] == "text" and block["text"].strip()]


def _make_user_turn(turn: Json) -> Json:
    return {"role": "user", "content": [{**each, "text": mark_system_text(each["text"])} for each in _list_texts(turn)]}


def _find_unplaceable(index: int, turn: Json) -> Iterator[str]:
    path = f"messages[{index}]"
    if turn.get("output_config"):
        yield f"{path}.output_config"
    for position, block in enumerate(list_blocks(turn)):
        if block["type"] != "text":
            yield f"{path}.content[{position}]"
