"""What the stores do for the gateway while it serves, as records of functions."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from bedrock_flask.errors import StoreUnavailable
from bedrock_flask.governance.budget_warning import BudgetWarning
from bedrock_flask.governance.budgets import Counter
from bedrock_flask.governance.ledger_row import Opening, Settlement
from bedrock_flask.governance.principal import Principal
from bedrock_flask.governance.replay_row import Claim, Ending, Holding
from bedrock_flask.governance.usage import OwnUsage

# What a secret is looked up by: its digest, or its id.
SecretName = bytes | str


@dataclass(frozen=True)
class StoredSecret:
    """A secret that may be used, and who presents it."""

    id: str
    digest: bytes = field(repr=False)
    principal: Principal


@dataclass(frozen=True)
class KeyStore:
    """Reads keys; each function raises StoreUnavailable.

    read_version  a number that changes with every change of teams, keys and secrets
    find_secrets  the secrets of these names that are not revoked
    find_owners   the principals of these teams and keys that are not revoked, by their names; of a team it has no key
    """

    read_version: Callable[[], int]
    find_secrets: Callable[[Collection[SecretName]], Sequence[StoredSecret]]
    find_owners: Callable[[Collection[str]], Mapping[str, Principal]]


class CommitInDoubt(StoreUnavailable):
    """The database went away while it committed: nobody knows whether it has."""


@dataclass(frozen=True)
class LedgerStore:
    """Writes the ledger, a transaction for each function; each raises StoreUnavailable.

    beat    notes that a worker lives, and returns the database's time
    open    for each call, commits its row and its reservations, or returns the counter in which it does not fit; raises
            CommitInDoubt if that may have happened all the same
    settle  settles rows that are open, once, and returns the ids of those that were
    reap    settles as EST the open rows of workers that were not seen for some milliseconds, and returns their number
    find_strays   for the open rows of a worker that were opened before a time, the settlement as EST
    leave   forgets a worker that ends
    flush   makes what was committed survive the loss of power
    """

    beat: Callable[[str], int]
    open: Callable[[str, Sequence[Opening]], Sequence[Counter | None]]
    settle: Callable[[Sequence[Settlement]], Collection[bytes]]
    reap: Callable[[int], int]
    find_strays: Callable[[str, int], Sequence[Settlement]]
    leave: Callable[[str], None]
    flush: Callable[[], None]


# What a key has used since a time, and its budgets at another, both in milliseconds; raises StoreUnavailable.
UsageReader = Callable[[Principal, int, int], OwnUsage]


@dataclass(frozen=True)
class ReplayStore:
    """Keeps answers by idempotency keys, a transaction for each function; each raises StoreUnavailable.

    claim  claims an id if it is free, and returns what holds it then; raises CommitInDoubt if it may have done so
    end    keeps the answers of claims, or frees their ids; a claim that holds its id no more changes nothing
    """

    claim: Callable[[Claim], Holding]
    end: Callable[[Sequence[Ending]], object]


@dataclass(frozen=True)
class WarningStore:
    """Writes warnings of budgets, a transaction for each function; each raises StoreUnavailable.

    write  writes the warnings that the counters give cause for, which no worker has written yet; each counter is given
           with whether it has refused a call
    take   returns some warnings that are due, which no other worker has for a while
    end    notes that a warning was accepted, or else when it is due again
    """

    write: Callable[[Mapping[Counter, bool]], object]
    take: Callable[[], Sequence[BudgetWarning]]
    end: Callable[[str, bool], object]
