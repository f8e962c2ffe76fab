"""Marks of what should be cached, both ways: `cache_control` stands in what it marks, a cache point behind it."""

from collections.abc import Iterator

from bedrock_flask.converse import Json
from bedrock_flask.wires.openai_chat.members import present


def read_mark(told: Json) -> Iterator[Json]:
    """The cache point of a part, a message or a tool, if it has a mark."""
    mark = told.get("cache_control")
    if mark:
        yield {"cachePoint": {"type": "default", **present(ttl=mark.get("ttl"))}}


def write_mark(block: Json) -> Json:
    """The mark for a cache point, as the member that it is."""
    return {"cache_control": {"type": "ephemeral", **present(ttl=block["cachePoint"].get("ttl"))}}
