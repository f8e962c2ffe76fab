"""Prices compared with those of AWS's Price List."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from bedrock_flask.bedrock.geographies import GLOBAL, find_geographies
from bedrock_flask.prices.price import Price
from bedrock_flask.prices.table import Prices


@dataclass(frozen=True)
class Comparison:
    """One price of AWS's, and the one that is known here: None if there is none."""

    price: Price
    unit: str
    listed: Decimal
    known: Decimal | None

    @property
    def is_equal(self) -> bool:
        """Whether both are the same."""
        return self.known == self.listed

    @property
    def differs(self) -> bool:
        """Whether there are two, and they are not the same."""
        return self.known is not None and not self.is_equal


def compare(known: Prices, listed: Iterable[Price]) -> Iterator[Comparison]:
    """Each price of AWS's with the one that a call would be given here."""
    for price in listed:
        for region in price.regions:
            own = _find_own(known, price, region)
            for unit, amount in price.units.items():
                yield Comparison(price, unit, amount, own.units.get(unit) if own else None)


def _find_own(known: Prices, price: Price, region: str) -> Price | None:
    """AWS lists one price for calls without a profile and with one of the region's geography."""
    profiles = [price.profile]
    if not price.profile:
        profiles += [geography for geography in find_geographies(region) if geography != GLOBAL]
    found = (known.find_price(price.model, region, profile, price.tier) for profile in profiles)
    return next((own for own in found if own is not None), None)
