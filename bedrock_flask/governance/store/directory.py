"""Teams and keys as operators change them: every worker notices a change, and the audit log has it."""

import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, insert, select, update
from sqlalchemy.exc import IntegrityError

from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.governance.budgets import PERIODS, Budget, describe_owner, find_budgets_fault, read_budgets
from bedrock_flask.governance.key_text import NewKey, compute_digest, draw_key
from bedrock_flask.governance.limits import change_limits, find_limits_fault, tidy_limits
from bedrock_flask.governance.policy import find_widening, read_policy
from bedrock_flask.governance.policy_form import find_policy_fault
from bedrock_flask.governance.role_session import RoleSession, find_session
from bedrock_flask.governance.store.audit import describe_row, write_audit
from bedrock_flask.governance.store.errors import ConflictError, DirectoryError, MissingError
from bedrock_flask.governance.store.key_store import read_chains, read_policies
from bedrock_flask.governance.store.tables import INSTALLATION, KEYS, SECRETS, TEAMS, AnyRow
from bedrock_flask.governance.store.usage import list_spending
from bedrock_flask.governance.tags import find_tags_fault

_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
_ID = re.compile(r"[!-~]{1,200}")


# A new team or key allows all that the teams above it allow.
_NO_RULES: Mapping[str, Any] = {"policy": {}, "limits": {}, "budgets": []}
NO_TAGS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Directory:
    """The directory in one transaction, who changes it, and the names of the dialects that policies may have.

    Keys and teams have policies, limits, budgets and tags alike: a scope is `key:TEAM/NAME` or `team:NAME`.
    """

    connection: Connection
    who: str
    dialects: Collection[str] = ()

    def create_team(self, name: str, parent: str = "", tags: Mapping[str, str] = NO_TAGS) -> None:
        """Create a team, below another one or at the top."""
        _check_name(name)
        _refuse(find_tags_fault(tags))
        if parent:
            self._find_valid(TEAMS, parent)
        self._insert(TEAMS, {"id": name, "parent": parent or None, **_NO_RULES, "tags": dict(tags), "created": _now()})

    def find_team(self, name: str) -> AnyRow:
        """A team."""
        return self._find(TEAMS, name)

    def find_key(self, key: str) -> AnyRow:
        """A key."""
        return self._find(KEYS, key)

    def list_teams(
        self, after: str = "", most: int | None = None, within: Collection[str] | None = None
    ) -> Sequence[AnyRow]:
        """The teams by their names: those after one of them, at most as many, and of these only."""
        return self._list(TEAMS, after, most, [] if within is None else [TEAMS.c.id.in_(within)])

    def list_chain(self, team: str) -> Sequence[str]:
        """The names of a team and of those above it, from the top down."""
        self._find(TEAMS, team)
        return [each.id for each in read_chains(self.connection, {team})[team]]

    def list_below(self, teams: Collection[str]) -> Collection[str]:
        """The names of these teams, and of all below them."""
        found: set[str] = set()
        wanted = {*teams}
        while wanted:
            found |= wanted
            below = select(TEAMS.c.id).where(TEAMS.c.parent.in_(wanted))
            wanted = {*self.connection.execute(below).scalars()} - found
        return found

    def revoke_team(self, name: str) -> None:
        """Revoke a team: no key of it, or of a team below it, is valid."""
        self._update(TEAMS, name, revoked=_now())

    def create_key(
        self, pepper: ServerSecret, team: str, name: str, expires: int | None = None, tags: Mapping[str, str] = NO_TAGS
    ) -> NewKey:
        """Create a key of a team, and its first secret, whose text nothing can show again."""
        new = draw_key()
        self._create_key(team, name, expires, tags)
        self._add_secret(f"{team}/{name}", new.id, compute_digest(pepper, new.text))
        return new

    def import_key(
        self, team: str, name: str, digest: bytes, expires: int | None = None, tags: Mapping[str, str] = NO_TAGS
    ) -> None:
        """Create a key of a team whose text somebody has already, and of which only the digest is known."""
        self._create_key(team, name, expires, tags)
        self._add_secret(f"{team}/{name}", draw_key().id, digest)

    def list_keys(
        self, team: str = "", after: str = "", most: int | None = None, within: Collection[str] | None = None
    ) -> Sequence[AnyRow]:
        """The keys by their names, all or those of a team: those after one of them, at most as many, of these teams."""
        if team:
            self._find(TEAMS, team)
        conditions = [KEYS.c.team == team] if team else []
        return self._list(KEYS, after, most, conditions if within is None else [*conditions, KEYS.c.team.in_(within)])

    def list_secrets(self, *keys: str) -> Sequence[AnyRow]:
        """The secrets of keys, the oldest first."""
        chosen = select(SECRETS).where(SECRETS.c.key.in_(keys)).order_by(SECRETS.c.created, SECRETS.c.id)
        return self.connection.execute(chosen).all()

    def list_digests(self) -> Collection[bytes]:
        """The digests of all secrets."""
        return set(self.connection.execute(select(SECRETS.c.digest)).scalars())

    def revoke_key(self, key: str) -> None:
        """Revoke a key with all its secrets."""
        self._update(KEYS, key, revoked=_now())

    def revoke_secret(self, key: str, secret: str) -> None:
        """Revoke one secret of a key."""
        if self._find(SECRETS, secret).key != key:
            raise MissingError(f"the key '{key}' has no secret '{secret}'")
        self._update(SECRETS, secret, revoked=_now())

    def rotate_key(self, pepper: ServerSecret, key: str, overlap: float) -> NewKey:
        """Give a key a new secret; those that it has end `overlap` seconds later."""
        self._find_valid(KEYS, key)
        end = _now() + int(overlap * 1000)
        for secret in self.list_secrets(key):
            if secret.revoked is None and (secret.expires is None or secret.expires > end):
                self._update(SECRETS, secret.id, expires=end)
        new = draw_key()
        self._add_secret(key, new.id, compute_digest(pepper, new.text))
        return new

    def find_policy(self, scope: str) -> Mapping[str, Any]:
        """The policy of a scope, as it is stored."""
        found: Mapping[str, Any] = self._find(*_split_scope(scope)).policy
        return found

    def list_role_sessions(self) -> Sequence[RoleSession]:
        """For each role that a policy names, the session of a key; that of a team's key is named `doctor`."""
        teams = [(f"team '{row.id}'", f"{row.id}/doctor", row.id, row) for row in self.list_teams()]
        keys = [(f"key '{row.id}'", row.id, row.team, row) for row in self.list_keys()]
        sessions = (
            find_session([read_policy(owner, row.policy)], key, team, row.tags)
            for owner, key, team, row in (*teams, *keys)
            if row.revoked is None and row.policy
        )
        return list({(each.role, each.external_id): each for each in sessions if each}.values())

    def set_policy(self, scope: str, policy: Mapping[str, Any]) -> None:
        """Replace the policy of a scope; what the teams above it do not allow is refused."""
        table, name = _split_scope(scope)
        _refuse(find_policy_fault(policy, self.dialects))
        found = self._find_valid(table, name)
        above = found.parent if table is TEAMS else found.team
        chain = read_chains(self.connection, {above})[above] if above else ()
        owner = describe_owner(scope)
        if wider := find_widening(read_policy(owner, policy), [*read_policies(chain)]):
            raise DirectoryError(f"the policy of the {owner} cannot be wider than those above it: the {wider}")
        self._update(table, name, policy=policy)

    def set_limits(self, scope: str, model: str, changes: Mapping[str, int | None]) -> None:
        """Change some limits of a scope, for all models or one; None removes a limit."""
        self.replace_limits(scope, change_limits(self._find(*_split_scope(scope)).limits, model, changes))

    def replace_limits(self, scope: str, limits: Mapping[str, Any]) -> None:
        """Replace the limits of a scope, as they are stored."""
        _refuse(find_limits_fault(limits))
        table, name = _split_scope(scope)
        self._find_valid(table, name)
        self._update(table, name, limits=tidy_limits(limits))

    def set_budgets(
        self,
        scope: str,
        changes: Mapping[str, str | None],
        unpriced: Sequence[str] = (),
        warn_at: Sequence[int] | None = None,
    ) -> None:
        """Set the budgets of a scope in US dollars by their periods, or remove those that are None.

        The models without a price and the thresholds of warnings are those of all its budgets.
        """
        budgets = {row["period"]: row for row in self._find(*_split_scope(scope)).budgets}
        for period, dollars in changes.items():
            budgets[period] = {**budgets.get(period, {}), "period": period, "usd": dollars}
        common: dict[str, Any] = {"unpriced": list(unpriced)} if unpriced else {}
        common |= {} if warn_at is None else {"warn_at": list(warn_at)}
        self.replace_budgets(scope, [{**row, **common} for row in budgets.values() if row["usd"] is not None])

    def replace_budgets(self, scope: str, budgets: Sequence[Mapping[str, Any]]) -> None:
        """Replace the budgets of a scope, as they are stored."""
        _refuse(find_budgets_fault(budgets))
        table, name = _split_scope(scope)
        self._find_valid(table, name)
        self._update(table, name, budgets=sorted(budgets, key=lambda row: PERIODS.index(row["period"])))

    def set_tags(self, scope: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a scope."""
        _refuse(find_tags_fault(tags))
        table, name = _split_scope(scope)
        self._find_valid(table, name)
        self._update(table, name, tags=dict(tags))

    def list_spending(self, scope: str, now: int) -> Sequence[tuple[Budget, int, int]]:
        """The budgets of a scope, with what each has spent and reserved in this period."""
        budgets = read_budgets(scope, self._find(*_split_scope(scope)).budgets)
        return list_spending(self.connection, budgets, now)

    def _create_key(self, team: str, name: str, expires: int | None, tags: Mapping[str, str]) -> None:
        _check_name(name)
        _refuse(find_tags_fault(tags))
        self._find_valid(TEAMS, team)
        rules = {**_NO_RULES, "tags": dict(tags)}
        self._insert(KEYS, {"id": f"{team}/{name}", "team": team, **rules, "created": _now(), "expires": expires})

    def _add_secret(self, key: str, secret: str, digest: bytes) -> None:
        self._insert(SECRETS, {"id": secret, "key": key, "digest": digest, "created": _now()})

    def _list(
        self, table: Table, after: str, most: int | None, conditions: Sequence[ColumnElement[bool]]
    ) -> Sequence[AnyRow]:
        chosen = select(table).where(table.c.id > after, *conditions).order_by(table.c.id)
        return self.connection.execute(chosen if most is None else chosen.limit(most)).all()

    def _find(self, table: Table, name: str) -> AnyRow:
        # A text that cannot be a name may be one that a database does not take.
        is_name = _ID.fullmatch(name)
        found = self.connection.execute(select(table).where(table.c.id == name)).first() if is_name else None
        if found is None:
            raise MissingError(f"there is no {_name_kind(table)} '{name}'")
        return found

    def _find_valid(self, table: Table, name: str) -> AnyRow:
        found = self._find(table, name)
        if found.revoked is not None:
            raise ConflictError(f"the {_name_kind(table)} '{name}' is revoked")
        return found

    def _insert(self, table: Table, row: Mapping[str, Any]) -> None:
        try:
            self.connection.execute(insert(table).values(row))
        except IntegrityError:
            raise ConflictError(f"there is a {_name_kind(table)} '{row['id']}' already") from None
        self._record(f"create {_name_kind(table)}", _name_object(row), None, describe_row(row))

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
            "tags": "tag",
        }[change]
        row = describe_row(before._asdict())
        self._record(f"{action} {_name_kind(table)}", _name_object(row), row, {**row, **changes})

    def _record(self, action: str, name: str, before: Any, after: Any) -> None:
        """Write the audit row, and let every worker notice the change."""
        write_audit(self.connection, self.who, action, name, (before, after))
        self.connection.execute(update(INSTALLATION).values(version=INSTALLATION.c.version + 1))


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise DirectoryError(f"'{name}' is not a name: up to 64 letters, digits, '.', '_' and '-'")


def _refuse(fault: str) -> None:
    if fault:
        raise DirectoryError(fault)


def _split_scope(scope: str) -> tuple[Table, str]:
    kind, _, name = scope.partition(":")
    return {"key": KEYS, "team": TEAMS}[kind], name


def _name_kind(table: Table) -> str:
    return table.name.removesuffix("s")


def _name_object(row: Mapping[str, Any]) -> str:
    """What the audit log calls a row: a secret by its key, `TEAM/NAME/ID`."""
    return f"{row['key']}/{row['id']}" if "key" in row else str(row["id"])


def _now() -> int:
    return int(time.time() * 1000)
