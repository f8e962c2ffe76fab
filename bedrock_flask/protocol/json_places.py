"""JSON values that know their places in a document, so that what is made of them can be traced back to it.

They are equal to the values without places, and are written alike. `null`, `true` and `false` have no places.
"""

from collections.abc import Iterator
from typing import Any, TypeVar

from bedrock_flask.protocol.json_path import Path, Step

T = TypeVar("T")


class _Placed:
    """What a value with a place has beside its value; `source` is what is at the place, unless this is its copy."""

    place: Path
    source: Any = None


class _Text(str, _Placed):
    pass


class _Integer(int, _Placed):
    pass


class _Number(float, _Placed):
    pass


class _Object(dict[str, Any], _Placed):
    pass


class _Array(list[Any], _Placed):
    pass


# A value that has a place already may get another one.
_CLASSES: dict[type, Any] = {
    kind: placed
    for plain, placed in ((str, _Text), (int, _Integer), (float, _Number), (dict, _Object), (list, _Array))
    for kind in (plain, placed)
}


def mark_places(value: Any, path: Path = ()) -> Any:
    """A copy of the document in which each value has its place."""
    if isinstance(value, dict):
        value = {name: mark_places(inner, (*path, name)) for name, inner in value.items()}
    elif isinstance(value, list):
        value = [mark_places(inner, (*path, index)) for index, inner in enumerate(value)]
    return _put(value, path)


def place_at(value: T, source: Any) -> T:
    """The value with the place of the one that it was made of, if that has a place."""
    if not isinstance(source, _Placed):
        return value
    placed = _put(value, source.place)
    if isinstance(placed, _Placed):
        placed.source = source
    return placed


def keep_place(value: T, earlier: Any) -> T:
    """The value that replaces an earlier one, with its place, unless it has one."""
    if isinstance(value, _Placed) or not isinstance(earlier, _Placed):
        return value
    return place_at(value, earlier.source if isinstance(earlier.source, _Placed) else earlier)


# The common places of objects and arrays of one document, by their identity.
Known = dict[int, Path]


def find_place(document: Any, path: Path, known: Known | None = None) -> Path | None:
    """The place of the value at a path in something made of a document with places, or None.

    A value that has none has the place of the nearest object around it that is not in another item of an array, or
    else the place that all within it have in common, or within what is around it. Where many are looked for in one
    document, `known` keeps what has been found of it, so that nothing is walked over for each.
    """
    known = {} if known is None else known
    values = [*_walk(document, path)]
    if len(values) <= len(path) and isinstance(values[-1], list) and isinstance(path[len(values) - 1], str):
        # It is the name of something rather than a path.
        return None
    for depth in range(len(values) - 1, 0, -1):
        value = values[depth]
        if isinstance(value, _Placed):
            rest = path[depth:]
            return value.place + (rest if _is_copy(value) else _find_member(value.source, rest))
        if isinstance(path[depth - 1], int) and not _is_copy(values[depth - 1]):
            break
    for depth in range(len(values) - 1, 0, -1):
        value = values[depth]
        if id(value) not in known:
            known[id(value)] = _find_common_place(value)
        if common := known[id(value)]:
            return common
    return None


def _is_copy(value: Any) -> bool:
    return isinstance(value, _Placed) and value.source is None


def _find_member(source: Any, rest: Path) -> Path:
    """The path in a value of the member that is named last, if the value or an object in it has that member."""
    if not rest or not isinstance(source, dict):
        return ()
    if rest[-1] in source:
        return rest[-1:]
    inside = (name for name, inner in source.items() if isinstance(inner, dict) and rest[-1] in inner)
    return next(((name, rest[-1]) for name in inside), ())


def _put(value: T, place: Path) -> T:
    kind = _CLASSES.get(type(value))
    if kind is None:
        return value
    placed = kind(value)
    placed.place = place
    return placed  # type: ignore[no-any-return]


def _walk(document: Any, path: Path) -> Iterator[Any]:
    """The document and what is along the path, as far as it goes."""
    yield document
    for step in path:
        if not _has(document, step):
            return
        document = document[step]
        yield document


def _has(document: Any, step: Step) -> bool:
    if isinstance(document, dict):
        return step in document
    return isinstance(document, list) and isinstance(step, int) and step < len(document)


def _find_common_place(value: Any) -> Path:
    """The beginning that the places within a value have in common."""
    common: Path | None = None
    for place in _list_places(value):
        common = place if common is None else _find_common_start(common, place)
        # The others cannot make it longer.
        if len(common) <= 1:
            break
    return common or ()


def _find_common_start(one: Path, other: Path) -> Path:
    for index, (step, same) in enumerate(zip(one, other, strict=False)):
        if step != same:
            return one[:index]
    return min(one, other, key=len)


def _list_places(value: Any) -> Iterator[Path]:
    if isinstance(value, _Placed):
        yield value.place
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _list_places(inner)
