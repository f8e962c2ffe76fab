"""Remove items of a top-level array of a JSON object as text, without serialising it again."""

from collections.abc import Collection

from bedrock_flask.protocol.envelope import find_members
from bedrock_flask.protocol.json import STRICT

_BLANK = " \t\n\r"


def remove_items(text: str, member: str, indexes: Collection[int]) -> str:
    """The object without some items of one array; only they and one comma each are removed.

    Raises KeyError if there is no such member, IndexError if there is no such item, ValueError if the text is not a
    strict JSON object or the member not an array.
    """
    found = find_members(text)[member]
    if not text.startswith("[", found.value_start):
        raise ValueError(f"The member {member!r} is not an array")
    items, commas = _find_items(text, found.value_start + 1)
    for index in indexes:
        if not 0 <= index < len(items):
            raise IndexError(f"The member {member!r} has no item {index}")
    removed = set(indexes)
    kept = [index for index in range(len(items)) if index not in removed]
    # A comma belongs to the item after it, so that the first item that is kept has none.
    spans = [items[index] for index in removed] + [commas[index - 1] for index in {*removed, *kept[:1]} if index]
    return _cut(text, sorted(spans))


def _find_items(text: str, position: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The span of each item of an array and of each comma; the text is known to be strict JSON."""
    items, commas = [], []
    position = _skip(text, position)
    while text[position] != "]":
        if text[position] == ",":
            commas.append((position, position + 1))
            position = _skip(text, position + 1)
        _, end = STRICT.raw_decode(text, position)
        items.append((position, end))
        position = _skip(text, end)
    return items, commas


def _skip(text: str, position: int) -> int:
    while text[position] in _BLANK:
        position += 1
    return position


def _cut(text: str, spans: list[tuple[int, int]]) -> str:
    starts, ends = [0, *(end for _, end in spans)], [*(start for start, _ in spans), len(text)]
    return "".join(text[start:end] for start, end in zip(starts, ends, strict=True))
