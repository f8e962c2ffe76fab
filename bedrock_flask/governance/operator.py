"""Operators: who administers teams and keys over HTTP, and which role may do what to which team."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from bedrock_flask.config.operators import ADMIN, AUDITOR, OWNER


@dataclass(frozen=True)
class Operator:
    """Who calls the admin API.

    name   as the audit log has it: how the operator was recognised, and the name
    roles  those that are not on a team: ADMIN, AUDITOR
    teams  the teams that the operator owns
    """

    name: str
    roles: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()


# What can be done to a team, its keys and what is known of them.
READ, CHANGE_KEYS, CHANGE_TEAMS = "read", "change keys", "change teams"
# To which teams: all, those that an operator owns with those below, or only those below. What is set on a team holds
# its owner too, so who stands above sets it.
ALL, WITHIN, BELOW = "all teams", "own teams and those below", "teams below own ones"

RIGHTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        READ: {ADMIN: ALL, AUDITOR: ALL, OWNER: WITHIN},
        CHANGE_KEYS: {ADMIN: ALL, OWNER: WITHIN},
        CHANGE_TEAMS: {ADMIN: ALL, OWNER: BELOW},
    }
)

_COVERS: Mapping[str, Callable[[Operator, Sequence[str]], bool]] = MappingProxyType(
    {
        ALL: lambda operator, chain: True,
        WITHIN: lambda operator, chain: not operator.teams.isdisjoint(chain),
        BELOW: lambda operator, chain: not operator.teams.isdisjoint(chain[:-1]),
    }
)


def make_operator(name: str, roles: Iterable[str]) -> Operator:
    """An operator by the names of roles: `admin`, `auditor`, `owner@TEAM`."""
    split = [role.partition("@")[::2] for role in roles]
    return Operator(
        name,
        frozenset(role for role, _ in split if role != OWNER),
        frozenset(team for role, team in split if role == OWNER),
    )


def may(operator: Operator, right: str, chain: Sequence[str]) -> bool:
    """Whether an operator has a right on the last of these teams, each of which is above the next."""
    return any(_COVERS[reach](operator, chain) for reach in _list_reaches(operator, right))


def may_somewhere(operator: Operator, right: str) -> bool:
    """Whether an operator has a right on any team."""
    return bool(_list_reaches(operator, right))


def may_everywhere(operator: Operator, right: str) -> bool:
    """Whether an operator has a right on all teams."""
    return ALL in _list_reaches(operator, right)


def _list_reaches(operator: Operator, right: str) -> Sequence[str]:
    roles = (*operator.roles, OWNER) if operator.teams else operator.roles
    return [reach for role in roles if (reach := RIGHTS[right].get(role))]
