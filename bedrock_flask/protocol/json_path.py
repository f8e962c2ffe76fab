"""Paths of values in a JSON document, as the gateway writes them in errors and reports: `messages[0].content`.

A path is a tuple of steps, a name or an index each; its text is one notation for people. The text writes a name as it
is, so a name that is empty or holds `.`, `[` or `]` does not survive `parse_path`: take such a path as its steps.
`describe_path` quotes these names and is for reading only.
"""

import copy
import json
import re
from collections.abc import Iterable
from functools import reduce
from typing import Any, TypeVar, cast

Step = str | int
Path = tuple[Step, ...]
T = TypeVar("T")

LONGEST_NAME_SHOWN = 100

_STEP = re.compile(r"\[([0-9]+)\]|([^.\[\]]+)")
_PLAIN_NAME = re.compile(r"[\w$:/-]+")


def format_path(path: Iterable[Step]) -> str:
    """The text of a path: ("messages", 0, "content") is `messages[0].content`, and () is the empty text."""
    return reduce(extend_path, path, "")


def extend_path(text: str, step: Step) -> str:
    """The text of a path, one step longer."""
    if isinstance(step, int):
        return f"{text}[{step}]"
    return f"{text}.{step}" if text else step


def prefix_path(name: str, text: str) -> str:
    """The text of a path with one name more at its beginning."""
    return f"{name}.{text}" if text and not text.startswith("[") else f"{name}{text}"


def parse_path(text: str) -> Path:
    """The steps of a path's text."""
    return tuple(int(index) if index else name for index, name in _STEP.findall(text))


def describe_path(path: Iterable[Step]) -> str:
    """The text of a path whose names a caller has chosen: `a["b.c"]`, long names shortened."""
    return "".join(f"[{step}]" if isinstance(step, int) else _describe_name(step) for step in path).removeprefix(".")


def parse_pointer(reference: str) -> list[str]:
    """The names in a JSON Pointer that a `$ref` has behind `#/`."""
    return [part.replace("~1", "/").replace("~0", "~") for part in reference.removeprefix("#/").split("/")]


def get_at(document: Any, path: Iterable[Step]) -> Any:
    """The value at a path; KeyError, IndexError or TypeError if there is none."""
    for step in path:
        document = document[step]
    return document


def put_at(document: T, path: Path, value: Any) -> T:
    """A copy of the document with another value at a path that exists, which is not (); the rest is shared."""
    changed: Any = copy.copy(document)
    first, *rest = path
    changed[first] = put_at(changed[first], tuple(rest), value) if rest else value
    return cast("T", changed)


def drop_at(document: Any, paths: Iterable[Path]) -> None:
    """Remove the values at these paths, which exist, from the document itself."""
    inside: dict[Path, list[Step]] = {}
    for path in paths:
        inside.setdefault(path[:-1], []).append(path[-1])
    # What is in an array first: an item that leaves the array moves those behind it.
    for outer in sorted(inside, key=len, reverse=True):
        holder = get_at(document, outer)
        if isinstance(holder, list):
            # In one go: each item that is removed alone would move all behind it.
            dropped = {*inside[outer]}
            if not dropped <= {*range(len(holder))}:
                raise IndexError(f"An array of {len(holder)} has no item of one of {sorted(map(str, dropped))[:3]}")
            holder[:] = [item for index, item in enumerate(holder) if index not in dropped]
        else:
            for name in inside[outer]:
                del holder[name]


def copy_without(document: T, paths: Iterable[Path]) -> T:
    """A copy of the document without the values at these paths, which exist; what they are not in is shared."""
    tree: _Dropped = {}
    for *outer, last in paths:
        node: _Dropped | None = tree
        for step in outer:
            node = node.setdefault(step, {}) if node is not None else None
        if node is not None:
            node[last] = None
    return cast("T", _copy_without(document, tree))


# What is dropped of an object or array: the whole of a value, or something within it.
_Dropped = dict[Step, Any]


def _copy_without(value: Any, dropped: _Dropped) -> Any:
    # A shallow copy is of the same class.
    changed = copy.copy(value)
    for step, inner in dropped.items():
        if inner is not None:
            changed[step] = _copy_without(value[step], inner)
    whole = {step for step, inner in dropped.items() if inner is None}
    if isinstance(changed, list):
        changed[:] = [item for index, item in enumerate(changed) if index not in whole]
    else:
        for step in whole:
            del changed[step]
    return changed


def _describe_name(name: str) -> str:
    # A long name must not fill the log, and an unusual one must not look like a path.
    shown = name if len(name) <= LONGEST_NAME_SHOWN else name[:LONGEST_NAME_SHOWN] + "…"
    return f".{shown}" if _PLAIN_NAME.fullmatch(name) else f"[{json.dumps(shown)}]"
