"""The cost of a call: what was counted, times what each unit costs."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.prices.price import UNITS, Price

# The units that are tokens.
TOKENS = ("input", "output", "cache_read", "cache_write", "cache_write_1h")


def count_tokens(usage: Usage, hour_writes: int = 0) -> dict[str, int | None]:
    """The tokens of a call by the units that they are priced in; `hour_writes` of those written are kept for an hour.

    A cache that is not reported was not used.
    """
    written = usage.cache_write or 0
    counts = (
        usage.input,
        usage.output,
        usage.cache_read or 0,
        max(written - hour_writes, 0),
        min(hour_writes, written),
    )
    return dict(zip(TOKENS, counts, strict=True))


def compute_cost(
    usage: Usage,
    price: Price | None,
    *,
    hour_writes: int = 0,
    others: Mapping[str, int | Decimal] = MappingProxyType({}),
) -> Decimal | None:
    """The cost of a call in US dollars, exactly; None if something that was counted, or is priced, is not known.

    `others` has the counts of what is priced beside tokens, by its name in UNITS: images, seconds, requests. A model
    that has such a price may count tokens that cost nothing.
    """
    if price is None:
        return None
    counts: dict[str, int | Decimal | None] = {**count_tokens(usage, hour_writes), **others}
    is_priced_otherwise = not price.units.keys() <= set(TOKENS)
    cost = Decimal(0)
    for unit in UNITS:
        unit_price, count = price.units.get(unit), counts.get(unit)
        if unit_price is not None and count is not None:
            cost += unit_price * count / UNITS[unit]
        elif unit_price is not None or (count and not (is_priced_otherwise and unit in TOKENS)):
            return None
    return cost
