"""The cost of a call: what was counted, times what each unit costs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact
from functools import reduce

from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.prices.billed import TOKENS_ALONE, Billed
from bedrock_flask.prices.price import HOUR, Price

# Wide enough for every price of a file and every count: a result that would have to be rounded is an error.
_EXACT = Context(prec=60, traps=[Inexact])
_NOTHING = Decimal(0)


# Not frozen, because each call makes one, and a frozen record takes three times as long to make.
@dataclass(slots=True)
class Cost:
    """The cost of one call in US dollars.

    total    the sum of the parts; None if something that was counted, or is priced, is not known
    price    the price that was in force; None if none is known
    counts   what was counted, by its name in UNITS; None where the number is not known
    parts    what each unit costs, as far as it is known
    """

    total: Decimal | None
    price: Price | None = None
    counts: Mapping[str, int | Decimal | None] = field(default_factory=dict)
    parts: Mapping[str, Decimal] = field(default_factory=dict)


def compute_cost(usage: Usage, price: Price | None, billed: Billed = TOKENS_ALONE) -> Cost:
    """The cost of a call, exactly; its total is None if something that was counted, or is priced, is not known."""
    counts = _count_tokens(usage, price)
    if billed.counts:
        counts |= billed.counts
    if price is None:
        return Cost(None, None, counts)
    # Loops, because each call passes here, and comprehensions cost as much again.
    each, parts, total, is_known = price.each, {}, _NOTHING, True
    for unit, amount in each.items():
        count = counts.get(unit)
        if count:
            parts[unit] = part = _EXACT.multiply(amount, count)
            total = _EXACT.add(total, part)
        elif count is None:
            is_known = False
    for unit, count in counts.items():
        if count and unit not in each and unit not in price.free:
            is_known = False
    return Cost(total if is_known else None, price, counts, parts)


def sum_up(price: Price, counts: Mapping[str, int]) -> Decimal:
    """What this much costs of all that is priced, exactly."""
    total = _NOTHING
    for unit, each in price.each.items():
        if count := counts.get(unit):
            total = _EXACT.add(total, _EXACT.multiply(each, count))
    return total


def add_exactly(amounts: Iterable[Decimal]) -> Decimal:
    """The sum of amounts, without rounding."""
    return reduce(_EXACT.add, amounts, _NOTHING)


def _count_tokens(usage: Usage, price: Price | None) -> dict[str, int | Decimal | None]:
    """The tokens of a call by the units that they are priced in; a cache that is not reported was not used."""
    written, hour = usage.cache_write or 0, usage.hour_write
    if written and hour is None and price is not None and HOUR in price.units:
        # Two prices, and nobody says which.
        short = None
    else:
        hour = min(hour or 0, written)
        short = written - hour
    return {
        "input": usage.input,
        "output": usage.output,
        "cache_read": usage.cache_read or 0,
        "cache_write": short,
        HOUR: hour,
    }
