"""Join user turns, which an edit brought together."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from bedrock_flask.converse import Json


def join_user_turns(turns: Iterable[tuple[Json, bool]]) -> Iterator[Json]:
    """The turns, with each run of user turns as one if one of the run is marked; tool results come first in it.

    Runs that the caller wrote stay as they are.
    """
    for role, group in groupby(turns, lambda pair: pair[0]["role"]):
        run = list(group)
        if role != "user" or not any(marked for _, marked in run):
            yield from (turn for turn, _ in run)
            continue
        blocks = [block for turn, _ in run for block in list_blocks(turn)]
        yield {"role": "user", "content": sorted(blocks, key=lambda block: block["type"] != "tool_result")}


def list_blocks(turn: Json) -> list[Json]:
    """The content of a turn as blocks."""
    content = turn.get("content") or []
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
