"""Join messages into alternating turns that begin with the user's; clients may send one message per tool result."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import is_empty

# The assistant's turn between tool results and text, for a model that does not take both in one turn.
FILLER = "OK."


def join_turns(request: Request, capabilities: Capabilities) -> RepairResult:
    """Join consecutive messages of one role, a user's tool results first."""
    messages = request["messages"]
    if not messages:
        raise InvalidBody([FieldError("messages", "must have at least one message")])
    if messages[0]["role"] != "user":
        raise InvalidBody([FieldError("messages[0].role", "must be 'user': the first turn is the user's")])
    turns = [_join(role, group) for role, group in groupby(messages, key=lambda message: message["role"])]
    if not capabilities.results_with_text:
        turns = [part for turn in turns for part in _separate_results(turn)]
    return RepairResult({**request, "messages": turns})


def _join(role: str, messages: Iterable[Json]) -> Json:
    content = [block for message in messages for block in message["content"]]
    return _make_turn(role, [*_list_results(content), *_list_others(content)] if role == "user" else content)


def _separate_results(turn: Json) -> Iterator[Json]:
    """A turn of results and other content as two, with an answer between them; cache points stay with the results."""
    others = list(_list_others(turn["content"]))
    points = next((index for index, block in enumerate(others) if "cachePoint" not in block), len(others))
    results = [*_list_results(turn["content"]), *others[:points]]
    if turn["role"] != "user" or is_empty(results) or is_empty(others):
        yield turn
    else:
        yield _make_turn("user", results)
        yield _make_turn("assistant", [{"text": FILLER}])
        yield _make_turn("user", others[points:])


def _make_turn(role: str, content: list[Json]) -> dict[str, Any]:
    return {"role": role, "content": content}


def _list_results(content: list[Json]) -> Iterator[Json]:
    return (block for block in content if "toolResult" in block)


def _list_others(content: list[Json]) -> Iterator[Json]:
    return (block for block in content if "toolResult" not in block)
