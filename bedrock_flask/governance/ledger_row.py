"""The rows of the ledger: one for each call that AWS bills, committed before the call is made."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from bedrock_flask.governance.budgets import Charge, find_start
from bedrock_flask.governance.principal import Principal

# OPEN until the call ends, and then for ever one of the others. FREE: Bedrock bills nothing, mostly because it was not
# reached. EST: what it bills is not known, so the reservation is charged. CANCELLED: the same, of a client that left.
OPEN, OK, CANCELLED, FREE, EST = "OPEN", "OK", "CANCELLED", "FREE", "EST"
# What is summed up of the rows of a group: their number, tokens and nanodollars, and how many of them have a cost that
# is estimated, or none because no price is known.
TOKEN_COUNTS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
USAGE_COUNTS = ("calls", *TOKEN_COUNTS, "cost", "estimated", "unpriced")


class UsageGroup(NamedTuple):
    """The rows that are summed up together: those of one UTC day, which is its first millisecond, with equal texts."""

    day: int
    team: str
    key: str
    model: str
    tags: str


@dataclass(frozen=True, slots=True)
class Opening:
    """A call that is about to be made.

    reserved  the most that it is expected to cost, in nanodollars; None where no price is known
    charges   what it reserves of each budget
    """

    id: bytes
    principal: Principal
    request_id: str
    dialect: str
    operation: str
    model: str
    stream: bool
    opened: int
    reserved: int | None
    charges: Sequence[Charge] = ()

    @property
    def group(self) -> UsageGroup:
        """The rows that it is summed up with."""
        principal = self.principal
        return make_group(self.opened, principal.team, principal.key, self.model, write_tags(principal))


def write_tags(principal: Principal) -> str:
    """The tags of a caller as a row has them: JSON, by their names."""
    return json.dumps(principal.tags, sort_keys=True) if principal.tags else "{}"


def make_group(opened: int, team: str, key: str, model: str, tags: str) -> UsageGroup:
    """The group of a row."""
    return UsageGroup(find_start("day", opened), team, key, model, tags)


@lru_cache(maxsize=1024)
def compute_digest(group: UsageGroup) -> bytes:
    """What tells the groups of one day apart: their texts may be longer than what Postgres takes into an index."""
    return hashlib.blake2b("\0".join(group[1:]).encode(), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a call.

    state    OK, CANCELLED, FREE or EST
    cost     nanodollars; None where it is not known
    group    the rows that it is summed up with
    charges  those of its opening
    details  further columns of its row
    """

    id: bytes
    state: str
    settled: int
    cost: int | None
    group: UsageGroup
    charges: Sequence[Charge] = ()
    details: Mapping[str, object] = field(default_factory=dict)
