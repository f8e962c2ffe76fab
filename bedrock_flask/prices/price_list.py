"""AWS's Price List: the offers that have Bedrock's prices, and the prices of tokens in them.

An offer names a model in one of three ways: by its id within the usage type (what Mantle serves), by `model`, or by
`servicename`. Its usage type has the axes: `USE1-Nova2.0Lite-input-tokens-flex-cross-region-global`,
`USE1-MP:USE1_CacheReadInputTokenCount_Global-Units`, `USE1-MP:USE1_cache_write_tokens_1h_global_standard-Units`.
Sources: AWS Billing user guide, "Using the bulk API"; usage types as programs that read the offers know them in 2026
(cluebbehusen/lmux and others).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bedrock_flask.bedrock.geographies import GLOBAL
from bedrock_flask.errors import StartupError
from bedrock_flask.prices.price import DEFAULT, MILLION, Price

OFFERS = ("AmazonBedrock", "AmazonBedrockFoundationModels")
_ADDRESS = "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/{offer}/current/{region}/index.json"
# Tokens of which a price is for one unit, by the unit's name in lower case.
_PER_UNIT: Mapping[str, int] = {
    "units": MILLION,
    "1m tokens": MILLION,
    "million tokens": MILLION,
    "1k tokens": 1000,
    "1000 tokens": 1000,
    "tokens": 1,
    "token": 1,
}
# The unit of a price by what its usage type contains, the more special ones first.
_UNITS = (
    (re.compile(r"cache_?-?write(1h|.*_1h|.*-1h)"), "cache_write_1h"),
    (re.compile(r"cache_?-?write"), "cache_write"),
    (re.compile(r"cache_?-?read"), "cache_read"),
    (re.compile(r"input[_-]?token"), "input"),
    (re.compile(r"output[_-]?token"), "output"),
)
_TIERS = (("batch", "batch"), ("flex", "flex"), ("priority", "priority"))
# Usage types of something else: capacity, customisation, other modalities, other lifetimes of a cache.
_OTHERS = re.compile(
    r"provision|reserved|custom|train|storage|latency|image|video|audio|speech|sonic|distill|import|guardrail|"
    r"lctx|long_ctx|long-context|_30m|-30m|grounding|commit"
)
_MANTLE_ID = re.compile(r"^[A-Z0-9]+-(?P<id>[a-z][a-z0-9]*\.[a-z0-9.-]+?)-mantle-")
# A version at the end of an id, and the date within it.
_VERSION = re.compile(r"(-v\d+)?(:\d+)?$")
_DAY = re.compile(r"-20\d{6}\b")
# Words that a model's name has in one list and not in another.
_IDLE_WORDS = frozenset(
    {"amazon", "anthropic", "bedrock", "cohere", "edition", "instruct", "model", "models", "nvidia", "openai", "v"}
)


class UnreadablePriceList(StartupError):
    """An offer of AWS's Price List that cannot be read."""

    code = "unreadable_price_list"
    title = "AWS's Price List cannot be read"


@dataclass(frozen=True)
class Listed:
    """One price of an offer: of a model by one of its names, for one unit."""

    name: str
    unit: str
    profile: str
    tier: str
    price: Decimal


@dataclass(frozen=True)
class Offer:
    """The prices of one offer in one region.

    version   when AWS has published it
    prices    what could be read
    skipped   how many products have a usage type that is not compared
    """

    version: str
    prices: tuple[Listed, ...]
    skipped: int


def locate_offer(offer: str, region: str) -> str:
    """The address of an offer's prices in one region."""
    return _ADDRESS.format(offer=offer, region=region)


def read_offer(data: bytes) -> Offer:
    """The prices of tokens in an offer. Raises UnreadablePriceList for what is not an offer."""
    try:
        document = json.loads(data, parse_float=Decimal, parse_constant=_reject_constant)
        products, terms = document["products"], document["terms"]["OnDemand"]
        found = [_read_product(product, terms.get(sku)) for sku, product in products.items()]
        version = str(document["publicationDate"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ArithmeticError) as error:
        words = f"{type(error).__name__}: {error}"
        raise UnreadablePriceList(f"this is not an offer of AWS's Price List: {words:.200}") from None
    prices = tuple(listed for listed in found if listed is not None)
    return Offer(version, prices, len(found) - len(prices))


def _reject_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _read_product(product: Any, terms: Any) -> Listed | None:
    attributes = product["attributes"]
    usage = attributes.get("usagetype", "")
    kind = usage.rpartition("MP:")[2].lower()
    unit = next((unit for pattern, unit in _UNITS if pattern.search(kind)), "")
    by_id = _MANTLE_ID.match(usage)
    name = by_id["id"] if by_id else attributes.get("model") or attributes.get("servicename", "")
    if not unit or not name or not terms or _OTHERS.search(kind):
        return None
    dimensions = [each for term in terms.values() for each in term["priceDimensions"].values()]
    # A price by steps of consumption, or in another currency, is none that a call has.
    if len(dimensions) != 1 or "USD" not in dimensions[0]["pricePerUnit"]:
        return None
    [dimension] = dimensions
    tokens = _PER_UNIT.get(str(dimension["unit"]).lower())
    if tokens is None:
        return None
    tier = next((tier for word, tier in _TIERS if word in kind), DEFAULT)
    amount = Decimal(dimension["pricePerUnit"]["USD"])
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"{usage} costs {amount}")
    # AWS says nothing with a price of 0: it is that of a promotion, or of a tier without one.
    price = (amount * MILLION / tokens).normalize()
    return Listed(name, unit, GLOBAL if GLOBAL in kind else "", tier, price) if price else None


def match_names(offers: Iterable[Offer], names: Mapping[str, str]) -> tuple[dict[str, str], set[str]]:
    """The id of each name in the offers, and the names that no model has; `names` are those of the models by their ids.

    A name matches by its words, whatever their order, and by its numbers in theirs: "Claude 3.5 Haiku", "Claude Haiku
    3.5". A name that fits the names of two models fits none.
    """
    by_words: dict[_Words, set[str]] = {}
    for model, name in names.items():
        for each in (name, _DAY.sub("", _VERSION.sub("", model))):
            by_words.setdefault(_split_words(each), set()).add(model)
    found, unknown = {}, set()
    for listed in {listed.name for offer in offers for listed in offer.prices}:
        models = by_words.get(_split_words(listed), set())
        if len(models) == 1:
            found[listed] = next(iter(models))
        else:
            unknown.add(listed)
    return found, unknown


_Words = tuple[frozenset[str], tuple[str, ...]]


def _split_words(name: str) -> _Words:
    """The words of a name, and its numbers in their order, without those that mean nothing: `2.0` is `2`."""
    text = name.lower().replace("+", " plus ")
    words = frozenset(re.findall(r"[a-z]+", text)) - _IDLE_WORDS
    return words, tuple(number for number in re.findall(r"\d+", text) if number != "0")


def collect_prices(offers: Iterable[Offer], region: str, ids: Mapping[str, str], date: str) -> Iterator[Price]:
    """The prices of the offers, a record for each model, profile and tier; `ids` are those of the offers' names."""
    units: dict[tuple[str, str, str], dict[str, Decimal]] = {}
    for offer in offers:
        for listed in offer.prices:
            if listed.name in ids:
                key = (ids[listed.name], listed.profile, listed.tier)
                units.setdefault(key, {}).setdefault(listed.unit, listed.price)
    for (model, profile, tier), found in units.items():
        yield Price(model=model, regions=(region,), profile=profile, tier=tier, units=found, source=SOURCE, date=date)


SOURCE = "AWS Price List"
