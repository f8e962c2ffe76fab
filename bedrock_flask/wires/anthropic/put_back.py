"""Where what was left in extras comes back to in a Messages body."""

import re
from itertools import pairwise
from typing import Any

from bedrock_flask.converse import Json

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


def put_back(body: Json, extras: Json) -> None:
    """Set what was left in extras where it stood; what was blank in front of it, and is not read, is not counted."""
    placed = [([int(index) if index else name for index, name in _STEP.findall(path)], extras[path]) for path in extras]
    # In the order of the caller's body, so that an item is in its place before its neighbours are counted.
    for steps, value in sorted(placed, key=lambda each: [str(step).rjust(9) for step in each[0]]):
        _put(body, steps, value)


def _put(holder: Any, steps: list[str | int], value: Any) -> None:
    for step, following in pairwise(steps):
        holder = _inner(holder, step, [] if isinstance(following, int) else {})
    if isinstance(holder, list):
        holder.insert(int(steps[-1]), value)
    else:
        holder[steps[-1]] = value


def _inner(holder: Any, step: str | int, empty: Any) -> Any:
    if isinstance(holder, dict):
        return holder.setdefault(step, empty)
    if int(step) >= len(holder):
        holder.append(empty)
    return holder[min(int(step), len(holder) - 1)]
