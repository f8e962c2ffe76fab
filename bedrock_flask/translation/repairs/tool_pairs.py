"""Calls of tools and their results: each call has one result, in the next turn of the user's, and no other is there.

A call in the last turn is still open: the model is asked to go on with it. What Bedrock has run itself, and marks by a
`type`, has its result beside it in the same turn.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, member
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.record import Repaired

# Blocks with their paths.
_Turn = list[tuple[str, Json]]


def tied(request: Request, capabilities: Capabilities) -> Repaired:
    """The request as it is, if its calls and results fit each other."""
    faults = list(_faults(request["messages"]))
    if faults:
        raise InvalidBody(faults)
    return Repaired(request)


def _faults(messages: Iterable[Json]) -> Iterator[FieldError]:
    open_calls: dict[str, str] = {}
    for role, turn in _turns(messages):
        results = dict.fromkeys(tie for _, tie in _ties(turn, "toolResult"))
        if role == "user":
            yield from (
                FieldError(path, f"has no result in the next turn of the user's: {tie[:100]!r}")
                for tie, path in open_calls.items()
                if tie not in results
            )
        for path, tie in _ties(turn, "toolResult"):
            if open_calls.pop(tie, None) is None:
                yield FieldError(f"{path}.toolUseId", f"is of no open call in the turn before: {tie[:100]!r}")
        open_calls = {}
        for path, tie in _ties(turn, "toolUse"):
            if tie in open_calls:
                yield FieldError(f"{path}.toolUseId", f"must not be {tie[:100]!r} again: a call before it has that id")
            open_calls.setdefault(tie, path)


def _turns(messages: Iterable[Json]) -> Iterator[tuple[str, _Turn]]:
    """The turns that messages of one role amount to; instructions stand between calls and results and part nothing."""
    numbered = [(index, message) for index, message in enumerate(messages) if message["role"] != "system"]
    for role, each in groupby(numbered, lambda one: one[1]["role"]):
        yield (
            role,
            [
                (f"messages[{index}].content[{at}]", block)
                for index, message in each
                for at, block in enumerate(message["content"])
            ],
        )


def _ties(turn: _Turn, kind: str) -> Iterator[tuple[str, str]]:
    return (
        (f"{path}.{kind}", block[kind]["toolUseId"])
        for path, block in turn
        if kind in block and not member(block, kind, "type")
    )
