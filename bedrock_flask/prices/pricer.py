"""Finds the price of each call, and computes its cost."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cached_property, lru_cache

from bedrock_flask.bedrock.geographies import split_profile
from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.prices.billed import TOKENS_ALONE, Billed
from bedrock_flask.prices.cost import Cost, compute_cost, sum_up
from bedrock_flask.prices.price import DEFAULT, Price
from bedrock_flask.prices.table import Prices, index_prices, load_prices

# The tiers that have the usual price.
_USUAL = frozenset({"", "auto", "standard", "standard_only"})
_ABOVE = re.compile(r"above (?P<thousands>\d+)k tokens")
# Callers choose the names of models.
_MOST_FOUND = 1024


class Pricer:
    """Prices calls by the operator's prices, all others by those of the package, which are read at the first call."""

    def __init__(self, own: Sequence[Price] = ()) -> None:
        self._own = own
        self._find = lru_cache(maxsize=_MOST_FOUND)(self._find_price)
        self._find_dearest = lru_cache(maxsize=_MOST_FOUND)(self._list_dearest)

    def compute_cost(self, model: str, region: str, tier: str, usage: Usage, billed: Billed = TOKENS_ALONE) -> Cost:
        """The cost of a call of an id, from a region, that was served in a tier.

        Where a model costs more above a number of input tokens, all tokens of such a call do.
        """
        variant = billed.variant
        if not variant:
            tokens = (usage.input or 0) + (usage.cache_read or 0) + (usage.cache_write or 0)
            variant = self._choose_variant(model, tokens)
        return compute_cost(usage, self._find(model, region, tier, variant), billed)

    def estimate(self, model: str, region: str, tier: str, counts: Mapping[str, int]) -> Decimal | None:
        """What a call may cost that will count this much, in US dollars; None for a model without any price.

        Where the price that will be in force is not known, that of the dearest variant counts.
        """
        price = self._find(model, region, tier, self._choose_variant(model, counts["input"]))
        found = (price,) if price else self._find_dearest(split_profile(model)[1])
        return max((sum_up(each, counts) for each in found), default=None)

    def _choose_variant(self, model: str, tokens: int) -> str:
        thresholds = self._thresholds.get(split_profile(model)[1])
        return next((thresholds[least] for least in thresholds if tokens > least), "") if thresholds else ""

    def _list_dearest(self, own: str) -> Sequence[Price]:
        """The prices of a model that can be the highest for some counts; mostly it is one."""
        dearest: list[Price] = []
        for price in self._list_prices(own):
            if not any(_covers(other, price) for other in dearest):
                dearest = [other for other in dearest if not _covers(price, other)] + [price]
        return dearest

    def _list_prices(self, own: str) -> Sequence[Price]:
        """All prices of a model by its own id."""
        others = self.prices.others
        return (*self.prices.by_model.get(own, ()), *(others.by_model.get(own, ()) if others else ()))

    @cached_property
    def prices(self) -> Prices:
        """All prices."""
        return index_prices(self._own, load_prices())

    @cached_property
    def _thresholds(self) -> Mapping[str, Mapping[int, str]]:
        """The variants for many input tokens by model, with their number of tokens, the largest first."""
        found: dict[str, dict[int, str]] = {}
        for price in self.prices:
            if match := _ABOVE.fullmatch(price.variant):
                found.setdefault(price.model, {})[int(match["thousands"]) * 1000] = price.variant
        return {model: dict(sorted(variants.items(), reverse=True)) for model, variants in found.items()}

    def _find_price(self, model: str, region: str, tier: str, variant: str) -> Price | None:
        profile, own = split_profile(model)
        return self.prices.find_price(own, region, profile, DEFAULT if tier in _USUAL else tier, variant)


def _covers(price: Price, other: Price) -> bool:
    """Whether nothing costs more by the other price."""
    return all(price.each.get(unit, 0) >= amount for unit, amount in other.each.items())
