"""What cannot be carried over: each item with the reason, and what comes nearest here."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Left:
    """One item of LiteLLM's that is not carried over.

    subject  what it belongs to: `model fast`
    item     its name; values are not shown, because some are secret
    reason   why it is left
    nearest  what comes nearest here
    opens    whether more is allowed here without it
    """

    subject: str
    item: str
    reason: str
    nearest: str = ""
    opens: bool = False

    def describe(self) -> str:
        """The item in one line."""
        return f"{self.subject}: {self.item}: {self.reason}{f'; nearest: {self.nearest}' if self.nearest else ''}"


# Why something is left, and what comes nearest.
Reason = tuple[str, str]
UNKNOWN: Reason = ("has no counterpart here", "")


def is_set(value: Any) -> bool:
    """Whether a value of LiteLLM's says anything."""
    return value not in (None, False, "", [], {})
