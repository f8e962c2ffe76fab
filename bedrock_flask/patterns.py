"""Patterns of Bedrock model ids: `*` stands for any characters, and the longest pattern that fits wins."""

import re
from functools import lru_cache


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression for the whole id."""
    return re.compile("".join(".*" if part == "*" else re.escape(part) for part in re.split(r"(\*)", pattern)))


def fits(pattern: str, model: str) -> bool:
    """Whether the id fits the pattern."""
    return compiled(pattern).fullmatch(model) is not None


def overlap(left: str, right: str) -> bool:
    """Whether some id fits both patterns."""
    if not left or not right:
        return set(left + right) <= {"*"}
    if left[0] == "*":
        return overlap(left[1:], right) or overlap(left, right[1:])
    if right[0] == "*":
        return overlap(right, left)
    return left[0] == right[0] and overlap(left[1:], right[1:])
