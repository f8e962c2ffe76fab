"""The suffix by which clients name a context window: `claude-opus-4-7[1m]`. Bedrock does not have it in its ids.

Source: Claude Code, "Model configuration"; anthropics/claude-code#49781 for a suffix that reaches the API.
"""

import re
from dataclasses import dataclass

_SUFFIX = re.compile(r"(?P<name>.+)(?P<suffix>\[(?P<number>[1-9][0-9]{0,3})(?P<unit>[km])\])", re.I)
_UNITS = {"k": 1_000, "m": 1_000_000}
# Every model has less than this by default, or more than any suffix names.
_DEFAULT = 200_000


@dataclass(frozen=True)
class ContextSuffix:
    """A name without its suffix, the suffix, and the tokens that it names."""

    name: str
    suffix: str
    tokens: int

    @property
    def is_long(self) -> bool:
        """Whether the suffix asks for more than the context window that a model has by default."""
        return self.tokens > _DEFAULT


def split_suffix(name: str) -> ContextSuffix | None:
    """The parts of a name with such a suffix; None for any other name."""
    found = _SUFFIX.fullmatch(name)
    if not found:
        return None
    return ContextSuffix(found["name"], found["suffix"], int(found["number"]) * _UNITS[found["unit"].lower()])
