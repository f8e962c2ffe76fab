"""The price of a model: what each unit costs, and what the price holds for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

DEFAULT = "default"
# AWS's service tiers, and batch inference, which has prices of its own.
TIERS = (DEFAULT, "flex", "priority", "batch")
# Tokens are priced by the million.
MILLION = 1_000_000
# What is counted, and how many of it a price is for.
UNITS: Mapping[str, int] = {
    "input": MILLION,
    "output": MILLION,
    "cache_read": MILLION,
    "cache_write": MILLION,
    "cache_write_1h": MILLION,
    "image": 1,
    "image_input": 1,
    "video_second": 1,
    "video_input_second": 1,
    "audio_input_second": 1,
    "request": 1,
}
HOUR = "cache_write_1h"
# The units that are tokens.
TOKENS = ("input", "output", "cache_read", "cache_write", HOUR)


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a model costs in US dollars, and for which calls.

    model     the id, without the prefix of a profile
    regions   the regions where the call is sent from; empty: all commercial ones
    profile   the prefix of the profile by which it is called, or empty: without one, or by that of any geography
    tier      one of TIERS
    variant   what else the price depends on, such as `720p`; empty: nothing
    units     the price of each unit, by its name in UNITS; one that is absent is unknown
    source    where the price is known from
    date      when it was read there
    """

    model: str
    regions: Sequence[str] = ()
    profile: str = ""
    tier: str = DEFAULT
    variant: str = ""
    units: Mapping[str, Decimal] = field(default_factory=dict)
    source: str = ""
    date: str = ""

    @cached_property
    def each(self) -> Mapping[str, Decimal]:
        """What one of each unit costs."""
        return {unit: price / UNITS[unit] for unit, price in self.units.items()}

    @cached_property
    def free(self) -> frozenset[str]:
        """What costs nothing: the tokens of a model that is priced by something else, too."""
        return frozenset() if self.units.keys() <= set(TOKENS) else frozenset(TOKENS)
