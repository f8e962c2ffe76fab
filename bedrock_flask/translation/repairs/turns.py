"""Turns: Bedrock's alternate and the user's is the first; clients send one message for each tool result."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request
from bedrock_flask.errors import FieldError, InvalidBody
from bedrock_flask.translation.repairs.blocks import says_nothing
from bedrock_flask.translation.repairs.record import Repaired

# What the assistant says between tool results and a text, where a model does not take both in one turn.
FILLER = "OK."


def alternating(request: Request, capabilities: Capabilities) -> Repaired:
    """With the messages of one role that follow each other as one, a user's tool results first."""
    messages = request["messages"]
    if not messages:
        raise InvalidBody([FieldError("messages", "must have at least one turn")])
    if messages[0]["role"] != "user":
        raise InvalidBody([FieldError("messages[0].role", "must be user: the first turn is the user's")])
    joined = [_joined(role, each) for role, each in groupby(messages, key=lambda message: message["role"])]
    if not capabilities.results_with_text:
        joined = [turn for message in joined for turn in _apart(message)]
    return Repaired({**request, "messages": joined})


def _joined(role: str, messages: Iterable[Json]) -> Json:
    content = [block for message in messages for block in message["content"]]
    return _turn(role, [*_results(content), *_others(content)] if role == "user" else content)


def _apart(message: Json) -> Iterator[Json]:
    """A turn in two, an answer between them, where it has results and more; cache points stay with the results."""
    others = list(_others(message["content"]))
    marks = next((at for at, block in enumerate(others) if "cachePoint" not in block), len(others))
    results = [*_results(message["content"]), *others[:marks]]
    if message["role"] != "user" or says_nothing(results) or says_nothing(others):
        yield message
    else:
        yield from (_turn("user", results), _turn("assistant", [{"text": FILLER}]), _turn("user", others[marks:]))


def _turn(role: str, content: list[Json]) -> dict[str, Any]:
    return {"role": role, "content": content}


def _results(content: list[Json]) -> Iterator[Json]:
    return (block for block in content if "toolResult" in block)


def _others(content: list[Json]) -> Iterator[Json]:
    return (block for block in content if "toolResult" not in block)
