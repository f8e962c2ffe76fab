"""What is left of a caller's limits, as headers of each API's own family.

Sources: OpenAI, "Rate limits", Rate limits in headers; Anthropic, "Rate limits", Response headers. AWS has none.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from bedrock_flask.config.limits import REQUESTS, TOKENS
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.response import Response
from bedrock_flask.governance.limits import Level

_COUNTS = ("limit", "remaining", "reset")
# Those that pages may read.
OPENAI_HEADERS = tuple(f"x-ratelimit-{count}-{kind}" for count in _COUNTS for kind in (REQUESTS, TOKENS))
ANTHROPIC_HEADERS = tuple(f"anthropic-ratelimit-{kind}-{count}" for kind in (REQUESTS, TOKENS) for count in _COUNTS)


def add_limit_headers(exchange: Exchange, response: Response) -> None:
    """Say what is left of the limits that a call was counted in, whether or not it was made."""
    record = exchange.record
    levels = record.levels or next((each.levels for each in record.calls if each.levels), ())
    if levels:
        for dialect in exchange.state.dialects:
            if dialect.name == exchange.dialect:
                response.headers |= dialect.write_levels(_find_tightest(levels))


def write_openai(levels: Sequence[Level]) -> Mapping[str, str]:
    """The levels as OpenAI writes them; what resets in a minute resets in `1m0s`."""
    headers = {}
    for level in levels:
        minutes, seconds = divmod(level.reset, 60)
        headers[f"x-ratelimit-limit-{level.kind}"] = str(level.limit)
        headers[f"x-ratelimit-remaining-{level.kind}"] = str(level.remaining)
        headers[f"x-ratelimit-reset-{level.kind}"] = f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
    return headers


def write_anthropic(levels: Sequence[Level]) -> Mapping[str, str]:
    """The levels as Anthropic writes them; they are reset at a time."""
    headers, now = {}, datetime.now(UTC)
    for level in levels:
        prefix = f"anthropic-ratelimit-{level.kind}"
        headers[f"{prefix}-limit"] = str(level.limit)
        headers[f"{prefix}-remaining"] = str(level.remaining)
        headers[f"{prefix}-reset"] = (now + timedelta(seconds=level.reset)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return headers


def _find_tightest(levels: Sequence[Level]) -> Sequence[Level]:
    """Of each kind that has headers, the limit of which least is left."""
    of_kinds = ([level for level in levels if level.kind == kind] for kind in (REQUESTS, TOKENS))
    return [min(found, key=lambda level: level.remaining) for found in of_kinds if found]
