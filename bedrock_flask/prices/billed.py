"""What a call is billed for beside its tokens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bedrock_flask.prices.price import UNITS


@dataclass(frozen=True)
class Billed:
    """What was counted of one call, and what else its price depends on.

    counts    images, seconds or queries, by their names in UNITS; None where the number is not known
    variant   as in the price: `premium up to 1024 x 1024`
    """

    counts: Mapping[str, int | Decimal | None] = field(default_factory=dict)
    variant: str = ""

    def __post_init__(self) -> None:
        counts: Mapping[str, Any] = self.counts
        for unit, count in counts.items():
            if unit not in UNITS:
                raise ValueError(f"{unit!r} is not a unit of prices: {', '.join(UNITS)}")
            if not (count is None or (isinstance(count, int | Decimal) and count >= 0)):
                raise ValueError(f"{unit} must be a whole or a decimal number, or None: {count!r}")


# Of a model that is billed by its tokens alone.
TOKENS_ALONE = Billed()
