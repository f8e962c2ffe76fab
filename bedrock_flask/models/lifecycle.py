"""The life cycle of a model: when it becomes legacy, when AWS stops serving it, and what comes after it.

Sources: "Model lifecycle" and "Model lifecycle (Legacy)" (AWS user guide), November 2026; RFC 9745 (Deprecation) and
RFC 8594 (Sunset).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime

from bedrock_flask.adapter import KnownModel
from bedrock_flask.bedrock.offers import OfferedModel
from bedrock_flask.headers import DEPRECATION, SUNSET

# The stages, in the words of Anthropic's list of models.
ACTIVE, DEPRECATED, RETIRED = "active", "deprecated", "retired"
# AWS announces the end of a model half a year ahead, or 45 days.
_NOTICE = timedelta(days=183)


@dataclass(frozen=True)
class Lifecycle:
    """What is known of the end of a model.

    is_legacy  whether AWS calls it legacy
    legacy_on  the day from which it does; None if that is not known
    ends_on    the day from which AWS does not serve the model any more; None if none is announced
    successor  the id of the model to use instead; empty if nobody recommends one
    """

    is_legacy: bool = False
    legacy_on: date | None = None
    ends_on: date | None = None
    successor: str = ""

    def find_stage(self, today: date) -> str:
        """ACTIVE, DEPRECATED or RETIRED."""
        if self.ends_on is not None and self.ends_on <= today:
            return RETIRED
        is_legacy = self.is_legacy or (self.legacy_on is not None and self.legacy_on <= today)
        return DEPRECATED if is_legacy else ACTIVE

    def is_near_its_end(self, today: date) -> bool:
        """Whether callers should be warned: the model is legacy, or its end is less than half a year away."""
        return self.find_stage(today) != ACTIVE or (self.ends_on is not None and self.ends_on - today < _NOTICE)


NEVER = Lifecycle()


def find_lifecycle(known: KnownModel | None, offered: OfferedModel | None = None) -> Lifecycle:
    """The life cycle of a model: what the account's list says of it precedes what its plugin knows."""
    ends = known is not None and (not known.active or known.legacy_on or known.ends_on)
    if not ends and (offered is None or not (offered.is_legacy or offered.legacy_on or offered.ends_on)):
        return NEVER
    return Lifecycle(
        is_legacy=offered.is_legacy if offered else known is not None and not known.active,
        legacy_on=parse_day((offered and offered.legacy_on) or (known and known.legacy_on) or ""),
        ends_on=parse_day((offered and offered.ends_on) or (known and known.ends_on) or ""),
        successor=known.successor if known else "",
    )


def find_today() -> date:
    """The day, in the time zone of AWS's dates."""
    return datetime.now(UTC).date()


def write_headers(lifecycle: Lifecycle, today: date) -> dict[str, str]:
    """`deprecation` and `sunset` for the answers of a model that is near its end; empty for any other."""
    if lifecycle is NEVER or not lifecycle.is_near_its_end(today):
        return {}
    headers = {}
    if lifecycle.legacy_on is not None:
        headers[DEPRECATION] = f"@{_at_midnight(lifecycle.legacy_on).timestamp():.0f}"
    if lifecycle.ends_on is not None:
        headers[SUNSET] = format_datetime(_at_midnight(lifecycle.ends_on), usegmt=True)
    return headers


def parse_day(text: str) -> date | None:
    """The day of `2026-03-31`; None for any other text."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def describe_end(lifecycle: Lifecycle, today: date) -> str:
    """The end of a model in words; empty if it is not near."""
    if not lifecycle.is_near_its_end(today):
        return ""
    stage, parts = lifecycle.find_stage(today), []
    if stage == DEPRECATED:
        parts.append(f"is legacy since {lifecycle.legacy_on}" if lifecycle.legacy_on else "is legacy")
    if lifecycle.ends_on is not None:
        parts.append(f"{'ended' if stage == RETIRED else 'ends'} on {lifecycle.ends_on}")
    return " and ".join(parts)


def _at_midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
