"""Token counts as OpenAI's formats write them: tokens read from the cache or written to it count as input."""

from collections.abc import Mapping
from typing import Any

from bedrock_flask.bedrock.usage import NOTHING, Usage, from_members
from bedrock_flask.converse import Json, member


def read_counts(counts: Any, *, input_name: str, output_name: str) -> Usage:
    """The counts of a `usage` object whose members for input and output have these names."""
    if not isinstance(counts, Mapping):
        return NOTHING
    total, output = _count(member(counts, input_name)), _count(member(counts, output_name))
    details = member(counts, f"{input_name}_details")
    read, write = _count(member(details, "cached_tokens")), _count(member(details, "cache_write_tokens"))
    uncached = None if total is None else max(total - (read or 0) - (write or 0), 0)
    return Usage(uncached, output, read, write)


def write_usage(counts: Any, *, input_name: str, output_name: str) -> Json:
    """Converse's counts as a `usage` object."""
    usage = from_members(counts)
    read, write = usage.cache_read or 0, usage.cache_write or 0
    given, output = (usage.input or 0) + read + write, usage.output or 0
    return {
        input_name: given,
        f"{input_name}_details": {"cached_tokens": read, "cache_write_tokens": write},
        output_name: output,
        "total_tokens": given + output,
    }


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
