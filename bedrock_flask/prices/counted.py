"""What was counted of a call beside its four numbers of tokens, as texts: written to a row, and read from it again."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.prices.billed import Billed
from bedrock_flask.prices.price import HOUR

_VARIANT = "variant"


def describe_counts(usage: Usage, billed: Billed) -> dict[str, str]:
    """The units that were counted, and what else the price depends on; empty for most calls."""
    counts = {name: str(count) for name, count in billed.counts.items() if count is not None}
    if usage.hour_write is not None and usage.cache_write:
        counts[HOUR] = str(usage.hour_write)
    return counts | {_VARIANT: billed.variant} if billed.variant else counts


def read_counts(tokens: Usage, counts: Mapping[str, str]) -> tuple[Usage, Billed]:
    """What a call is billed for, by its four numbers of tokens and what was described."""
    numbers = {name: Decimal(text) for name, text in counts.items() if name not in (HOUR, _VARIANT)}
    usage = replace(tokens, hour_write=int(counts[HOUR])) if HOUR in counts else tokens
    return usage, Billed(numbers, counts.get(_VARIANT, ""))
