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
    """Tokens of one call as Bedrock counts them: `input` excludes those read from or written to the cache."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None

    def merge(self, newer: "Usage") -> "Usage":
        """These counts, replaced by those that `newer` has (counts in a stream are cumulative)."""
        if newer is NOTHING:
            return self
        return Usage(*(b if b is not None else a for a, b in zip(self.counts(), newer.counts(), strict=True)))

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
METRICS = "amazon-bedrock-invocationMetrics"
# The member of METRICS and the member of Converse's and Claude's `usage` for each count.
_NAMES = MappingProxyType(
    {
        "input": ("inputTokenCount", "inputTokens", "input_tokens"),
        "output": ("outputTokenCount", "outputTokens", "output_tokens"),
        "cache_read": ("cacheReadInputTokenCount", "cacheReadInputTokens", "cache_read_input_tokens"),
        "cache_write": ("cacheWriteInputTokenCount", "cacheWriteInputTokens", "cache_creation_input_tokens"),
    }
)


# Digits of a count; Python does not read numbers of thousands of digits.
_LONGEST_NUMBER = 19
# Tokens that no call has.
_MOST = 10**12


def from_headers(headers: Mapping[str, str]) -> Usage:
    """The counts in Bedrock's response headers (names in lower case)."""
    found = [_count(headers.get(header)) for header in HEADERS.values()]
    return NOTHING if found.count(None) == len(found) else Usage(*found)


def from_members(counts: Any) -> Usage:
    """The counts in one `usage` or invocation-metrics object, in any of Bedrock's spellings."""
    if not isinstance(counts, Mapping):
        return NOTHING
    return Usage(*(_find_count(counts, spellings) for spellings in _NAMES.values()))


def from_metrics(chunk: Any) -> Usage:
    """The counts in the `amazon-bedrock-invocationMetrics` of a stream's last chunk."""
    return from_members(chunk.get(METRICS)) if isinstance(chunk, Mapping) else NOTHING


def _find_count(counts: Mapping[str, Any], spellings: tuple[str, ...]) -> int | None:
    """The first count that is one."""
    for spelling in spellings:
        if (count := _count(counts.get(spelling))) is not None:
            return count
    return None


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
