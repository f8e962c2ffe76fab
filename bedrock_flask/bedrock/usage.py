"""Token counts, from every place where Bedrock reports them."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

LOG = logging.getLogger("bedrock_flask.usage")

# The names of the counts, in their order.
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")


@dataclass(frozen=True)
class Usage:
    """Tokens of one call as Bedrock counts them: `input` excludes those read from or written to the cache.

    `hour_write` is how many of `cache_write` are kept for an hour, where Bedrock says it.
    """

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    hour_write: int | None = None

    def merge(self, newer: "Usage") -> "Usage":
        """These counts, replaced by those that `newer` has (counts in a stream are cumulative)."""
        if newer is NOTHING:
            return self
        pairs = zip((*self.counts(), self.hour_write), (*newer.counts(), newer.hour_write), strict=True)
        return Usage(*(b if b is not None else a for a, b in pairs))

    def counts(self) -> tuple[int | None, ...]:
        """Input, output, cache read, cache write."""
        return (self.input, self.output, self.cache_read, self.cache_write)

    def to_dict(self) -> dict[str, int]:
        """The known counts by name: `{"input_tokens": 3, …}`."""
        pairs = zip(_TOKENS, self.counts(), strict=True)
        return {name: count for name, count in pairs if count is not None}


NOTHING = Usage()

# Not in botocore's service model, but in SDK sources and recorded responses. Absent for some vendors.
HEADERS = MappingProxyType(
    {
        "input": "x-amzn-bedrock-input-token-count",
        "output": "x-amzn-bedrock-output-token-count",
        "cache_read": "x-amzn-bedrock-cache-read-input-token-count",
        "cache_write": "x-amzn-bedrock-cache-write-input-token-count",
    }
)
_HEADER_NAMES = frozenset(HEADERS.values())
METRICS = "amazon-bedrock-invocationMetrics"
# The place in `Usage` of each count: the names are members of METRICS, and of Converse's and Claude's `usage`.
_PLACES: Mapping[str, int] = MappingProxyType(
    {
        "inputTokenCount": 0,
        "inputTokens": 0,
        "input_tokens": 0,
        "outputTokenCount": 1,
        "outputTokens": 1,
        "output_tokens": 1,
        "cacheReadInputTokenCount": 2,
        "cacheReadInputTokens": 2,
        "cache_read_input_tokens": 2,
        "cacheWriteInputTokenCount": 3,
        "cacheWriteInputTokens": 3,
        "cache_creation_input_tokens": 3,
    }
)


# Digits of a count; Python does not read numbers of thousands of digits.
_LONGEST_NUMBER = 19
# Tokens that no call has.
_MOST = 10**12


def from_headers(headers: Mapping[str, str]) -> Usage:
    """The counts in Bedrock's response headers (names in lower case)."""
    if _HEADER_NAMES.isdisjoint(headers):
        return NOTHING
    return Usage(*(_count(headers.get(header)) for header in HEADERS.values()))


def from_members(counts: Any) -> Usage:
    """The counts in one `usage` or invocation-metrics object, in any of Bedrock's spellings."""
    if not isinstance(counts, Mapping):
        return NOTHING
    found: list[int | None] = [None] * len(_TOKENS)
    for name, value in counts.items():
        place = _PLACES.get(name)
        if place is not None and found[place] is None:
            found[place] = _count(value)
    return Usage(*[*found, _count(_find_hour_write(counts))])


def _find_hour_write(counts: Mapping[str, Any]) -> Any:
    """The tokens that are kept for an hour, of those written to the cache: in Anthropic's form, or in Converse's."""
    if isinstance(by_lifetime := counts.get("cache_creation"), dict):
        return by_lifetime.get("ephemeral_1h_input_tokens", 0)
    if isinstance(details := counts.get("cacheDetails"), list):
        found = (each.get("inputTokens") for each in details if isinstance(each, dict) and each.get("ttl") == "1h")
        return next(found, 0)
    return None


def from_metrics(chunk: Any) -> Usage:
    """The counts in the `amazon-bedrock-invocationMetrics` of a stream's last chunk."""
    return from_members(chunk.get(METRICS)) if isinstance(chunk, Mapping) else NOTHING


def _count(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < _LONGEST_NUMBER:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST:
        return value
    shown = value if isinstance(value, int) and abs(value) <= _MOST else type(value).__name__
    LOG.warning("a count of tokens in Bedrock's answer is left out: %s is none", shown)
    return None
