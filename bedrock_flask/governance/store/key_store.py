"""Keys in the database, as the gateway reads them while it serves."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, or_, select

from bedrock_flask.config.database import DatabaseURL
from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.governance.budgets import read_budgets
from bedrock_flask.governance.limits import read_limits
from bedrock_flask.governance.policy import Policy, read_policy
from bedrock_flask.governance.principal import Principal
from bedrock_flask.governance.store.schema import check_installation
from bedrock_flask.governance.store.session import Session
from bedrock_flask.governance.store.tables import INSTALLATION, KEYS, SECRETS, TEAMS, AnyRow
from bedrock_flask.governance.stores import KeyStore, SecretName, StoredSecret

_READ_VERSION = select(INSTALLATION.c.version)
# What a key has beside its name, and what a team and a token have instead of a key and a secret.
_RULES = (
    KEYS.c.team,
    KEYS.c.policy,
    KEYS.c.tags,
    KEYS.c.budgets,
    KEYS.c.limits,
    KEYS.c.expires.label("key_expires"),
)
_NO_RULES: Mapping[str, Any] = {
    "key": "",
    **{column.name: None for column in _RULES},
    "policy": {},
    "tags": {},
    "budgets": [],
    "limits": {},
}
_NO_SECRET = {"id": "", "expires": None}


def open_key_store(url: DatabaseURL, pepper: ServerSecret) -> KeyStore:
    """The store of a database, which is connected when it is first read."""
    session = Session(url, lambda connection: check_installation(connection, pepper))
    return KeyStore(
        lambda: session.run(lambda connection: int(connection.execute(_READ_VERSION).scalar_one())),
        lambda names: session.run(lambda connection: find_secrets(connection, names)),
        lambda names: session.run(lambda connection: find_owners(connection, names)),
    )


def find_secrets(connection: Connection, names: Collection[SecretName]) -> Sequence[StoredSecret]:
    """The secrets of these names that are not revoked, nor is their key, their team or one above it."""
    digests = [name for name in names if isinstance(name, bytes)]
    ids = [name for name in names if isinstance(name, str)]
    rows = connection.execute(
        select(
            SECRETS.c.id,
            SECRETS.c.digest,
            SECRETS.c.key,
            SECRETS.c.expires,
            *_RULES,
        )
        .join_from(SECRETS, KEYS)
        .where(or_(SECRETS.c.digest.in_(digests), SECRETS.c.id.in_(ids)))
        .where(SECRETS.c.revoked.is_(None), KEYS.c.revoked.is_(None))
    ).all()
    chains = read_chains(connection, {row.team for row in rows})
    return [
        StoredSecret(row.id, row.digest, _make_principal(row, chains[row.team]))
        for row in rows
        if _is_in_force(chains[row.team])
    ]


def find_owners(connection: Connection, names: Collection[str]) -> Mapping[str, Principal]:
    """The principals of teams and of keys (`TEAM/NAME`) that are not revoked, nor is a team above them."""
    keys = select(KEYS.c.id.label("key"), *_RULES).where(KEYS.c.id.in_(names), KEYS.c.revoked.is_(None))
    rows = {row.key: SimpleNamespace(**row._asdict(), **_NO_SECRET) for row in connection.execute(keys)}
    teams = connection.execute(select(TEAMS.c.id).where(TEAMS.c.id.in_(names))).scalars()
    rows |= {team: SimpleNamespace(**{**_NO_RULES, "team": team}, **_NO_SECRET) for team in teams}
    chains = read_chains(connection, {row.team for row in rows.values()})
    return {
        name: _make_principal(row, chains[row.team]) for name, row in rows.items() if _is_in_force(chains[row.team])
    }


def _is_in_force(chain: Sequence[AnyRow]) -> bool:
    """Whether neither a team nor one above it is revoked."""
    return all(team.revoked is None for team in chain)


def read_chains(connection: Connection, names: Collection[str]) -> Mapping[str, Sequence[AnyRow]]:
    """Each team with those above it, from the top down."""
    found: dict[str, AnyRow] = {}
    wanted = set(names)
    while wanted:
        rows = connection.execute(select(TEAMS).where(TEAMS.c.id.in_(wanted))).all()
        found |= {row.id: row for row in rows}
        wanted = {row.parent for row in rows if row.parent} - found.keys()
    return {name: _climb(found, name)[::-1] for name in names}


def _climb(teams: Mapping[str, AnyRow], name: str) -> list[AnyRow]:
    chain = [teams[name]]
    while chain[-1].parent:
        chain.append(teams[chain[-1].parent])
    return chain


def read_policies(chain: Sequence[AnyRow], key: AnyRow | SimpleNamespace | None = None) -> Iterator[Policy]:
    """The policies of these teams, and then that of a key; one without rules is left out."""
    for team in chain:
        if team.policy:
            yield read_policy(f"team '{team.id}'", team.policy)
    if key is not None and key.policy:
        yield read_policy(f"key '{key.key}'", key.policy)


def _make_principal(row: AnyRow | SimpleNamespace, chain: Sequence[AnyRow]) -> Principal:
    tags: dict[str, str] = {}
    for each in (*chain, row):
        tags |= each.tags
    return Principal(
        key=row.key,
        team=row.team,
        teams=tuple(team.id for team in chain),
        secret=row.id,
        policies=tuple(read_policies(chain, row)),
        tags=tags,
        budgets=(
            *(budget for team in chain for budget in read_budgets(f"team:{team.id}", team.budgets)),
            *read_budgets(f"key:{row.key}", row.budgets),
        ),
        limits=(
            *(limits for team in chain for limits in read_limits(f"team:{team.id}", team.limits)),
            *read_limits(f"key:{row.key}", row.limits),
        ),
        expires=min((each for each in (row.expires, row.key_expires) if each is not None), default=None),
    )
