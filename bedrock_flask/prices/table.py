"""Prices from CSV files: the package's own, and the operator's, which are preferred."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from itertools import chain
from pathlib import Path

from bedrock_flask.bedrock.geographies import GLOBAL, PREFIXES
from bedrock_flask.bedrock.model_ids import REGION
from bedrock_flask.errors import StartupError
from bedrock_flask.prices.price import DEFAULT, TIERS, UNITS, Price

BUILT_IN = "prices.csv"
_KEYS = ("model", "regions", "profile", "tier", "variant")
COLUMNS = (*_KEYS, *UNITS, "source", "date")
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,12})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COMMERCIAL = re.compile(r"(?!us-gov-|us-iso|cn-)")
# Faults of a file that are reported.
_MOST_FAULTS = 20


class InvalidPrices(StartupError):
    """A price file with faults, each with its line and column."""

    code = "invalid_prices"
    title = "The price file is not valid"


@dataclass(frozen=True)
class Prices:
    """Prices by the id of the model, of which the first counts if two fit a call alike.

    `others` are those of a call that none of these fits.
    """

    by_model: Mapping[str, Sequence[Price]]
    others: "Prices | None" = None

    def __iter__(self) -> Iterator[Price]:
        return chain(chain.from_iterable(self.by_model.values()), self.others or ())

    def find_price(
        self, model: str, region: str = "", profile: str = "", tier: str = DEFAULT, variant: str = ""
    ) -> Price | None:
        """The price of a call, or None if it is not known.

        `model` is an id without the prefix of a profile, `profile` that prefix. A global profile has prices of its own;
        any other has those of its geography, or else those of a call without a profile. Without a region only a price
        of all commercial regions is known.
        """
        fitting = [
            price
            for price in self.by_model.get(model, ())
            if price.tier == tier and price.variant == variant and _is_for(price, region, profile)
        ]
        # The narrower price counts: that of a geography, and that of named regions.
        found = max(fitting, key=lambda price: (price.profile == profile, bool(price.regions)), default=None)
        if found is None and self.others is not None:
            return self.others.find_price(model, region, profile, tier, variant)
        return found


def _is_for(price: Price, region: str, profile: str) -> bool:
    if price.profile != profile and (price.profile or profile == GLOBAL):
        return False
    return region in price.regions if price.regions else _COMMERCIAL.match(region) is not None


def load_prices(path: str = "") -> Prices:
    """The prices of the file, if there is one, and those of the package for all other calls. Raises InvalidPrices."""
    built_in = index_prices(read_built_in())
    return index_prices(read_file(path), built_in) if path else built_in


def index_prices(prices: Iterable[Price], others: Prices | None = None) -> Prices:
    """These prices, by the id of the model, before `others`."""
    by_model: dict[str, list[Price]] = {}
    for price in prices:
        by_model.setdefault(price.model, []).append(price)
    return Prices(by_model, others)


@cache
def read_built_in() -> Sequence[Price]:
    """The prices of the package."""
    return parse_prices(files("bedrock_flask.prices").joinpath(BUILT_IN).read_text("utf-8"), BUILT_IN)


def read_file(path: str) -> Sequence[Price]:
    """The prices in a file. Raises InvalidPrices."""
    try:
        text = Path(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidPrices(f"{path}: {error}") from None
    return parse_prices(text, path)


def parse_prices(text: str, name: str) -> Sequence[Price]:
    """The prices in a CSV text. Raises InvalidPrices with every fault: `prices.csv line 7: output: …`."""
    rows = csv.reader(io.StringIO(text), strict=True)
    prices: list[Price] = []
    faults: list[str] = []
    seen: dict[tuple[str, ...], int] = {}
    try:
        head = next(rows, [])
        faults += [f"{name} line 1: {fault}" for fault in _check_head(head)]
        for row in rows if not faults else ():
            if not any(row):
                continue
            found = list(_find_faults(head, row))
            faults += [f"{name} line {rows.line_num}: {fault}" for fault in found]
            if not found:
                price = _make_price(dict(zip(head, row, strict=True)))
                prices.append(price)
                faults += _find_twice(price, rows.line_num, seen, name)
    except csv.Error as error:
        faults.append(f"{name} line {rows.line_num}: is not CSV: {error}")
    if faults:
        more = [f"and {len(faults) - _MOST_FAULTS} more"] if len(faults) > _MOST_FAULTS else []
        raise InvalidPrices("; ".join([*faults[:_MOST_FAULTS], *more]))
    return tuple(prices)


def write_prices(prices: Iterable[Price]) -> str:
    """The prices as a CSV text, in the order of their models."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    rows = ([*_list_keys(price), *_write_units(price), price.source, price.date] for price in prices)
    writer.writerows(sorted(rows))
    return text.getvalue()


def _list_keys(price: Price) -> list[str]:
    return [price.model, " ".join(price.regions), price.profile, price.tier, price.variant]


def _write_units(price: Price) -> list[str]:
    return [format(price.units[unit], "f") if unit in price.units else "" for unit in UNITS]


def _check_head(head: Sequence[str]) -> Iterator[str]:
    for column in head:
        if column not in COLUMNS:
            yield f"{column!r} is not a column: {', '.join(COLUMNS)}"
        elif head.count(column) > 1:
            yield f"the column {column!r} is given twice"
    if "model" not in head:
        yield "the column 'model' is missing"


def _find_faults(head: Sequence[str], row: Sequence[str]) -> Iterator[str]:
    if len(row) != len(head):
        yield f"has {len(row)} values for {len(head)} columns"
        return
    values = dict(zip(head, row, strict=True))
    if not values["model"].strip():
        yield "model: is required"
    for region in values.get("regions", "").split():
        if not re.fullmatch(REGION, region, re.ASCII):
            yield f"regions: {region!r} is not a region"
    if (profile := values.get("profile", "")) and profile not in PREFIXES:
        yield f"profile: must be empty or one of: {', '.join(PREFIXES)}"
    if (tier := values.get("tier", "")) and tier not in TIERS:
        yield f"tier: must be one of: {', '.join(TIERS)}"
    if (date := values.get("date", "")) and not _DATE.fullmatch(date):
        yield "date: must have the form 2026-11-30"
    for unit in UNITS:
        if (text := values.get(unit, "").strip()) and not _NUMBER.fullmatch(text):
            yield f"{unit}: {_describe_number(text)}"


def _describe_number(text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return f"{text[:40]!r} is not a number"
    if number.is_finite() and number < 0:
        return f"a price cannot be negative: {text[:40]}"
    return f"{text[:40]!r} is not written in plain digits, such as 0.25"


def _find_twice(price: Price, line: int, seen: dict[tuple[str, ...], int], name: str) -> Iterator[str]:
    for region in price.regions or ("",):
        key = (price.model, region, price.profile, price.tier, price.variant)
        if key in seen:
            yield f"{name} line {line}: has the same model and axes as line {seen[key]}"
        seen.setdefault(key, line)


def _make_price(values: Mapping[str, str]) -> Price:
    return Price(
        model=values["model"].strip(),
        regions=tuple(values.get("regions", "").split()),
        profile=values.get("profile", ""),
        tier=values.get("tier", "") or DEFAULT,
        variant=values.get("variant", ""),
        units={unit: Decimal(text) for unit in UNITS if (text := values.get(unit, "").strip())},
        source=values.get("source", ""),
        date=values.get("date", ""),
    )
