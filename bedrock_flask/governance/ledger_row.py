"""The rows of the ledger: one for each call that AWS bills, committed before the call is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bedrock_flask.governance.budgets import Charge
from bedrock_flask.governance.principal import Principal

# OPEN until the call ends, and then for ever one of the others. FREE: Bedrock bills nothing, mostly because it was not
# reached. EST: what it bills is not known, so the reservation is charged. CANCELLED: the same, of a client that left.
OPEN, OK, CANCELLED, FREE, EST = "OPEN", "OK", "CANCELLED", "FREE", "EST"


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


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a call.

    state    OK, CANCELLED, FREE or EST
    cost     nanodollars; None where it is not known
    charges  those of its opening
    details  further columns of its row
    """

    id: bytes
    state: str
    settled: int
    cost: int | None
    charges: Sequence[Charge] = ()
    details: Mapping[str, object] = field(default_factory=dict)
