"""Check that each tool call has one result, in the user's next turn, and that each result has its call.

A call in the last turn is open: the model continues it. A call that Bedrock has run itself, which a `type` marks, has
its result in the same turn.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, member
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.record import RepairResult

# Blocks with their paths.
_Turn = list[tuple[str, Json]]


def check_tool_pairs(request: Request, capabilities: Capabilities) -> RepairResult:
    """Reject a tool call without its result, and a result without its call."""
    faults = list(_find_faults(request["messages"]))
    if faults:
        raise InvalidBody(faults)
    return RepairResult(request)


def _find_faults(messages: Iterable[Json]) -> Iterator[FieldError]:
    open_calls: dict[str, str] = {}
    for role, turn in _list_turns(messages):
        results = {call_id for _, call_id in _list_ids(turn, "toolResult")}
        if role == "user":
            yield from (
                FieldError(path, f"has no result in the user's next turn: {call_id[:100]!r}")
                for call_id, path in open_calls.items()
                if call_id not in results
            )
        for path, call_id in _list_ids(turn, "toolResult"):
            if open_calls.pop(call_id, None) is None:
                yield FieldError(f"{path}.toolUseId", f"matches no open call of the previous turn: {call_id[:100]!r}")
        open_calls = {}
        for path, call_id in _list_ids(turn, "toolUse"):
            if call_id in open_calls:
                yield FieldError(f"{path}.toolUseId", f"must be unique: {call_id[:100]!r} is the id of an earlier call")
            open_calls.setdefault(call_id, path)


def _list_turns(messages: Iterable[Json]) -> Iterator[tuple[str, _Turn]]:
    """Messages of one role as one turn; system messages between calls and results do not separate turns."""
    numbered = [(index, message) for index, message in enumerate(messages) if message["role"] != "system"]
    for role, group in groupby(numbered, lambda item: item[1]["role"]):
        yield (
            role,
            [
                (f"messages[{index}].content[{position}]", block)
                for index, message in group
                for position, block in enumerate(message["content"])
            ],
        )


def _list_ids(turn: _Turn, kind: str) -> Iterator[tuple[str, str]]:
    return (
        (f"{path}.{kind}", block[kind]["toolUseId"])
        for path, block in turn
        if kind in block and not member(block, kind, "type")
    )
