"""Teams and keys as operators change them: every worker notices a change, and the audit log has it."""

import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Table, insert, select, update
from sqlalchemy.exc import IntegrityError

from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.errors import StartupError
from bedrock_flask.governance.budgets import PERIODS, Budget, describe_owner, name_counter, parse_dollars, read_budgets
from bedrock_flask.governance.key_text import NewKey, compute_digest, draw_key
from bedrock_flask.governance.limits import change_limits
from bedrock_flask.governance.policy import find_widening, read_policy
from bedrock_flask.governance.store.key_store import read_chains, read_policies
from bedrock_flask.governance.store.tables import AUDIT, INSTALLATION, KEYS, SECRETS, SPENDING, TEAMS, AnyRow

_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)


# A new team or key allows all that the teams above it allow.
_NO_RULES: Mapping[str, Any] = {"policy": {}, "limits": {}, "budgets": []}
NO_TAGS: Mapping[str, str] = MappingProxyType({})


class DirectoryError(StartupError):
    """A change that the directory refuses."""


@dataclass(frozen=True)
class Directory:
    """The directory in one transaction, and who changes it.

    Keys and teams have policies, limits and budgets alike: a scope is `key:TEAM/NAME` or `team:NAME`.
    """

    connection: Connection
    who: str

    def create_team(self, name: str, parent: str = "", tags: Mapping[str, str] = NO_TAGS) -> None:
        """Create a team, below another one or at the top."""
        _check_name(name)
        if parent:
            self._find_valid(TEAMS, parent)
        self._insert(TEAMS, {"id": name, "parent": parent or None, **_NO_RULES, "tags": dict(tags), "created": _now()})

    def list_teams(self) -> Sequence[AnyRow]:
        """All teams, by their names."""
        return self.connection.execute(select(TEAMS).order_by(TEAMS.c.id)).all()

    def revoke_team(self, name: str) -> None:
        """Revoke a team: no key of it, or of a team below it, is valid."""
        self._update(TEAMS, name, revoked=_now())

    def create_key(
        self, pepper: ServerSecret, team: str, name: str, expires: int | None = None, tags: Mapping[str, str] = NO_TAGS
    ) -> NewKey:
        """Create a key of a team, and its first secret, whose text nothing can show again."""
        _check_name(name)
        self._find_valid(TEAMS, team)
        key = f"{team}/{name}"
        self._insert(
            KEYS, {"id": key, "team": team, **_NO_RULES, "tags": dict(tags), "created": _now(), "expires": expires}
        )
        return self._add_secret(pepper, key)

    def list_keys(self, team: str = "") -> Sequence[AnyRow]:
        """All keys, or those of a team, by their names."""
        chosen = select(KEYS).order_by(KEYS.c.id)
        if team:
            self._find(TEAMS, team)
            chosen = chosen.where(KEYS.c.team == team)
        return self.connection.execute(chosen).all()

    def list_secrets(self, key: str) -> Sequence[AnyRow]:
        """The secrets of a key, the oldest first."""
        chosen = select(SECRETS).where(SECRETS.c.key == key).order_by(SECRETS.c.created, SECRETS.c.id)
        return self.connection.execute(chosen).all()

    def revoke_key(self, key: str) -> None:
        """Revoke a key with all its secrets."""
        self._update(KEYS, key, revoked=_now())

    def revoke_secret(self, key: str, secret: str) -> None:
        """Revoke one secret of a key."""
        if self._find(SECRETS, secret).key != key:
            raise DirectoryError(f"the key '{key}' has no secret '{secret}'")
        self._update(SECRETS, secret, revoked=_now())

    def rotate_key(self, pepper: ServerSecret, key: str, overlap: float) -> NewKey:
        """Give a key a new secret; those that it has end `overlap` seconds later."""
        self._find_valid(KEYS, key)
        end = _now() + int(overlap * 1000)
        for secret in self.list_secrets(key):
            if secret.revoked is None and (secret.expires is None or secret.expires > end):
                self._update(SECRETS, secret.id, expires=end)
        return self._add_secret(pepper, key)

    def find_policy(self, scope: str) -> Mapping[str, Any]:
        """The policy of a scope, as it is stored."""
        found: Mapping[str, Any] = self._find(*_split_scope(scope)).policy
        return found

    def set_policy(self, scope: str, policy: Mapping[str, Any]) -> None:
        """Replace the policy of a scope; what the teams above it do not allow is refused."""
        table, name = _split_scope(scope)
        found = self._find_valid(table, name)
        above = found.parent if table is TEAMS else found.team
        chain = read_chains(self.connection, {above})[above] if above else ()
        owner = describe_owner(scope)
        if wider := find_widening(read_policy(owner, policy), [*read_policies(chain)]):
            raise DirectoryError(f"the policy of the {owner} cannot be wider than those above it: the {wider}")
        self._update(table, name, policy=policy)

    def set_limits(self, scope: str, model: str, changes: Mapping[str, int | None]) -> None:
        """Change some limits of a scope, for all models or one; None removes a limit."""
        table, name = _split_scope(scope)
        self._update(table, name, limits=change_limits(self._find_valid(table, name).limits, model, changes))

    def set_budgets(self, scope: str, changes: Mapping[str, str | None], unpriced: Sequence[str] = ()) -> None:
        """Set the budgets of a scope in US dollars by their periods, or remove those that are None."""
        table, name = _split_scope(scope)
        budgets = {row["period"]: row for row in self._find_valid(table, name).budgets}
        for period, dollars in changes.items():
            if dollars is None:
                budgets.pop(period, None)
            else:
                _check_budget(period, dollars)
                budgets[period] = {"period": period, "usd": dollars}
        if unpriced:
            budgets = {period: {**row, "unpriced": list(unpriced)} for period, row in budgets.items()}
        self._update(table, name, budgets=[budgets[period] for period in PERIODS if period in budgets])

    def list_spending(self, scope: str, now: int) -> Sequence[tuple[Budget, int, int]]:
        """The budgets of a scope, with what each has spent and reserved in this period."""
        budgets = read_budgets(scope, self._find(*_split_scope(scope)).budgets)
        return [(budget, *self._read_spending(*name_counter(budget, now))) for budget in budgets]

    def _read_spending(self, scope: str, start: int) -> tuple[int, int]:
        chosen = select(SPENDING).where(SPENDING.c.scope == scope, SPENDING.c.start == start)
        found = self.connection.execute(chosen).first()
        return (found.spent, found.reserved) if found else (0, 0)

    def _add_secret(self, pepper: ServerSecret, key: str) -> NewKey:
        new = draw_key()
        digest = compute_digest(pepper, new.text)
        self._insert(SECRETS, {"id": new.id, "key": key, "digest": digest, "created": _now()})
        return new

    def _find(self, table: Table, name: str) -> AnyRow:
        found = self.connection.execute(select(table).where(table.c.id == name)).first()
        if found is None:
            raise DirectoryError(f"there is no {_name_kind(table)} '{name}'")
        return found

    def _find_valid(self, table: Table, name: str) -> AnyRow:
        found = self._find(table, name)
        if found.revoked is not None:
            raise DirectoryError(f"the {_name_kind(table)} '{name}' is revoked")
        return found

    def _insert(self, table: Table, row: Mapping[str, Any]) -> None:
        try:
            self.connection.execute(insert(table).values(row))
        except IntegrityError:
            raise DirectoryError(f"there is a {_name_kind(table)} '{row['id']}' already") from None
        self._record(f"create {_name_kind(table)}", row["id"], None, _describe(row))

    def _update(self, table: Table, name: str, **changes: Any) -> None:
        before = self._find(table, name)
        if "revoked" in changes and before.revoked is not None:
            return
        self.connection.execute(update(table).where(table.c.id == name).values(changes))
        [change] = changes
        action = {
            "revoked": "revoke",
            "expires": "expire",
            "policy": "set policy of",
            "limits": "limit",
            "budgets": "set budgets of",
        }[change]
        row = _describe(before._asdict())
        self._record(f"{action} {_name_kind(table)}", name, row, {**row, **changes})

    def _record(self, action: str, name: str, before: Any, after: Any) -> None:
        """Write the audit row, and let every worker notice the change."""
        row = {"id": uuid.uuid4().hex, "at": _now(), "who": self.who, "action": action, "object": name}
        self.connection.execute(insert(AUDIT).values({**row, "before": before, "after": after}))
        self.connection.execute(update(INSTALLATION).values(version=INSTALLATION.c.version + 1))


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise DirectoryError(f"'{name}' is not a name: up to 64 letters, digits, '.', '_' and '-'")


def _check_budget(period: str, dollars: str) -> None:
    if period not in PERIODS:
        raise DirectoryError(f"'{period[:50]}' is not a period: {', '.join(PERIODS)}")
    try:
        parse_dollars(dollars)
    except ValueError as error:
        raise DirectoryError(str(error)) from None


def _split_scope(scope: str) -> tuple[Table, str]:
    kind, _, name = scope.partition(":")
    return {"key": KEYS, "team": TEAMS}[kind], name


def _name_kind(table: Table) -> str:
    return table.name.removesuffix("s")


def _describe(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row for the audit log, without its digest."""
    return {name: value for name, value in row.items() if name != "digest"}


def _now() -> int:
    return int(time.time() * 1000)
