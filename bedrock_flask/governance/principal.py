"""The principal: the caller as steps and guards see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from bedrock_flask.config.limits import StaticLimits
from bedrock_flask.governance.budgets import Budget
from bedrock_flask.governance.limits import ScopedLimits, read_limits
from bedrock_flask.governance.policy import Policy
from bedrock_flask.governance.role_session import RoleSession, find_session


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls.

    key      the name of a static key, `TEAM/NAME` of a key in the database; empty where the gateway has no keys
    team     the team that owns the key; empty for a static one
    teams    that team and those above it, from the top down
    secret   the id of the secret that was presented
    policies what its calls must satisfy: those of the teams from the top down, then the key's
    tags     those of the teams and of the key; the inner ones win
    budgets  those of the teams and of the key: a call must fit into each
    limits   those of the teams, from the top down, and of the key: a call must fit into each
    expires  milliseconds since 1970 from which on the key or its secret is not valid; None if it stays valid
    session  the role session in which its calls are made; None if the gateway makes them as itself
    """

    key: str = ""
    team: str = ""
    teams: tuple[str, ...] = ()
    secret: str = ""
    policies: tuple[Policy, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    budgets: Sequence[Budget] = ()
    limits: Sequence[ScopedLimits] = ()
    expires: int | None = None
    session: RoleSession | None = field(init=False)

    def __post_init__(self) -> None:
        # Here, so that whatever makes a principal makes none that calls as the gateway against its policies.
        session = find_session(self.policies, self.key, self.team, self.tags) if self.policies else None
        object.__setattr__(self, "session", session)


NOBODY = Principal()


@lru_cache(maxsize=1024)
def find_static_principal(name: str, limits: StaticLimits) -> Principal:
    """The principal of a static key, of which only the name and the limits are known; without a name of all callers."""
    return Principal(name, limits=[*read_limits(f"key:{name}" if name else "all callers", limits.find(name))])
