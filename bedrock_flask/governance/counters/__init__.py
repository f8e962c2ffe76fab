"""Where limits are counted: in memory that the workers of one box share, or in Redis for many boxes."""

from collections.abc import Callable
from dataclasses import dataclass

from bedrock_flask.governance.limits import Admission, Claim


@dataclass(frozen=True)
class Counters:
    """Counts what calls take of their limits.

    admit    all that a claim takes, or nothing of it; raises StoreUnavailable
    settle   an admitted claim is over, and took that many tokens; None if that is not known
    check    in words what is not as it should be, empty if nothing; raises StoreUnavailable where calls are refused
    """

    admit: Callable[[Claim], Admission]
    settle: Callable[[Claim, Admission, int | None], None]
    check: Callable[[], str] = str
