"""Teams and keys in the database: what is valid, what is refused, and what the audit log has of it."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select, text

from bedrock_flask.config.database import DatabaseURL
from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.governance import policy, policy_form
from bedrock_flask.governance.key_text import NewKey, compute_digest
from bedrock_flask.governance.principal import Principal
from bedrock_flask.governance.store.audit import AuditQuery, read_audit
from bedrock_flask.governance.store.directory import Directory
from bedrock_flask.governance.store.engine import begin
from bedrock_flask.governance.store.errors import DirectoryError
from bedrock_flask.governance.store.key_store import find_secrets, open_key_store
from bedrock_flask.governance.store.opening import open_directory
from bedrock_flask.governance.store.tables import AUDIT


def create(database: DatabaseURL, pepper: ServerSecret) -> NewKey:
    """Create the key research/nightly, of a team below another one."""
    with begin(database) as connection:
        directory = Directory(connection, "cli:me")
        directory.create_team("acme", tags={"centre": "1", "owner": "acme"})
        directory.create_team("research", "acme", tags={"centre": "7"})
        return directory.create_key(pepper, "research", "nightly", tags={"app": "report"})


def find(database: DatabaseURL, pepper: ServerSecret, new: NewKey) -> Principal | None:
    with begin(database) as connection:
        found = find_secrets(connection, [compute_digest(pepper, new.text)])
        assert found == find_secrets(connection, [new.id])
        return found[0].principal if found else None


def change(database: DatabaseURL, action: str, *arguments: Any) -> Any:
    with begin(database) as connection:
        return getattr(Directory(connection, "cli:me"), action)(*arguments)


def test_a_key_belongs_to_its_team_and_to_those_above_it(database: DatabaseURL, pepper: ServerSecret) -> None:
    new = create(database, pepper)
    assert find(database, pepper, new) == Principal(
        key="research/nightly",
        team="research",
        teams=("acme", "research"),
        secret=new.id,
        tags={"centre": "7", "owner": "acme", "app": "report"},
    )


def test_many_secrets_are_found_at_once(database: DatabaseURL, pepper: ServerSecret) -> None:
    first = create(database, pepper)
    others = [change(database, "create_key", pepper, "acme", f"k{number}") for number in range(5)]
    names = [compute_digest(pepper, each.text) for each in (first, *others)] + [b"unknown", "unknown"]
    with begin(database) as connection:
        assert {each.id for each in find_secrets(connection, names)} == {each.id for each in (first, *others)}


@pytest.mark.parametrize(
    ("action", "names"),
    [
        ("revoke_key", ["research/nightly"]),
        ("revoke_team", ["research"]),
        ("revoke_team", ["acme"]),
        ("revoke_secret", ["research/nightly", "ID"]),
    ],
)
def test_what_is_revoked_is_not_found(
    database: DatabaseURL, pepper: ServerSecret, action: str, names: list[str]
) -> None:
    new = create(database, pepper)
    store = open_key_store(database, pepper)
    before = store.read_version()
    change(database, action, *[new.id if name == "ID" else name for name in names])
    assert find(database, pepper, new) is None
    assert store.read_version() > before


def test_a_rotated_key_has_two_secrets_for_a_while(database: DatabaseURL, pepper: ServerSecret) -> None:
    old = create(database, pepper)
    new = change(database, "rotate_key", pepper, "research/nightly", 3600)
    before, after = find(database, pepper, old), find(database, pepper, new)
    assert before is not None
    assert after is not None
    assert (before.key, before.secret) == (after.key, old.id)
    assert after.expires is None
    assert before.expires is not None
    assert 3500 < before.expires / 1000 - time.time() < 3700
    # Another rotation lengthens nothing.
    change(database, "rotate_key", pepper, "research/nightly", 7200)
    assert find(database, pepper, old) == before


def test_the_earlier_end_counts(database: DatabaseURL, pepper: ServerSecret) -> None:
    create(database, pepper)
    new = change(database, "create_key", pepper, "research", "short", 5000)
    change(database, "rotate_key", pepper, "research/short", 3600)
    found = find(database, pepper, new)
    assert found is not None
    assert found.expires == 5000


@pytest.mark.parametrize(
    ("action", "arguments", "fault"),
    [
        ("create_team", ("research",), "there is a team 'research' already"),
        ("create_team", ("new", "unknown"), "there is no team 'unknown'"),
        ("create_team", ("a/b",), "'a/b' is not a name"),
        ("create_team", ("a' OR 1=1 --",), "is not a name"),
        ("create_key", ("PEPPER", "research", "nightly"), "there is a key 'research/nightly' already"),
        ("create_key", ("PEPPER", "unknown", "x"), "there is no team 'unknown'"),
        ("create_key", ("PEPPER", "research", ""), "'' is not a name"),
        ("create_key", ("PEPPER", "research", "x", None, {"a": "b" * 257}), "'a' is not a tag"),
        ("create_team", ("x", "acme", {"a b": ""}), "'a b' is not a tag"),
        ("set_tags", ("team:acme", {"a": "b\0"}), "'a' is not a tag"),
        ("set_tags", ("team:\0", {}), "there is no team"),
        ("set_policy", ("team:acme", {"tomorrow": 1}), "'tomorrow' is not a rule of a policy"),
        ("set_policy", ("team:acme", {"models": "nova"}), "models is a list"),
        ("set_policy", ("team:acme", {"regions": ["us"]}), "'us' is not a region"),
        ("set_policy", ("team:acme", {"dialects": ["A"]}), "'A' is not a dialect"),
        ("set_policy", ("team:acme", {"networks": [1]}), "'1' is not a network"),
        ("set_policy", ("team:acme", {"most_tokens": True}), "'True' is not a number of tokens"),
        ("set_policy", ("team:acme", {"guardrail": "gr1"}), "'gr1' is not a guardrail"),
        ("set_policy", ("team:acme", {"metadata": {"a": ""}}), "'a' is not metadata"),
        ("set_limits", ("team:acme", "", {"requests": 1_000_000_001}), "'1000000001' is not a limit"),
        ("set_limits", ("team:acme", "a model", {"requests": 1}), "'a model' is not a model's name"),
        ("replace_limits", ("team:acme", {"words": 1}), "'words' is not a limit"),
        ("replace_limits", ("team:acme", {"models": {"nova": 1}}), "models is an object"),
        ("replace_limits", ("team:acme", {"models": {"nova": {"calls": -1}}}), "'-1' is not a limit"),
        ("set_budgets", ("team:acme", {"day": "1e3"}), "'1e3' is not an amount"),
        ("set_budgets", ("team:acme", {"year": "1"}), "'year' is not a period"),
        ("set_budgets", ("team:acme", {"day": "1"}, ["a b"]), "'a b' is not the id of a model"),
        ("revoke_key", ("research/x' OR '1'='1",), "there is no key"),
        ("revoke_secret", ("research/nightly", "x"), "there is no secret 'x'"),
        ("rotate_key", ("PEPPER", "research/x", 1), "there is no key 'research/x'"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    database: DatabaseURL, pepper: ServerSecret, action: str, arguments: tuple[Any, ...], fault: str
) -> None:
    create(database, pepper)
    store = open_key_store(database, pepper)
    before = store.read_version()
    with pytest.raises(DirectoryError, match=fault):
        change(database, action, *(pepper if each == "PEPPER" else each for each in arguments))
    assert store.read_version() == before


def test_nothing_grows_below_what_is_revoked(database: DatabaseURL, pepper: ServerSecret) -> None:
    new = create(database, pepper)
    change(database, "create_key", pepper, "acme", "other")
    change(database, "revoke_team", "research")
    for action, *arguments in (("create_team", "x", "research"), ("create_key", pepper, "research", "x")):
        with pytest.raises(DirectoryError, match="the team 'research' is revoked"):
            change(database, action, *arguments)
    change(database, "revoke_key", "research/nightly")
    with pytest.raises(DirectoryError, match="the key 'research/nightly' is revoked"):
        change(database, "rotate_key", pepper, "research/nightly", 1)
    with pytest.raises(DirectoryError, match="has no secret"):
        change(database, "revoke_secret", "acme/other", new.id)


def test_every_change_has_one_audit_row_without_digests(database: DatabaseURL, pepper: ServerSecret) -> None:
    new = create(database, pepper)
    change(database, "rotate_key", pepper, "research/nightly", 60)
    change(database, "revoke_team", "research")
    change(database, "revoke_team", "research")
    with begin(database) as connection:
        rows = connection.execute(select(AUDIT).order_by(AUDIT.c.at)).all()
    assert sorted((row.who, row.action, row.object) for row in rows if row.action != "create secret") == [
        ("cli:me", "create key", "research/nightly"),
        ("cli:me", "create team", "acme"),
        ("cli:me", "create team", "research"),
        ("cli:me", "expire secret", f"research/nightly/{new.id}"),
        ("cli:me", "revoke team", "research"),
    ]
    [revoked] = [row for row in rows if row.action == "revoke team"]
    assert revoked.before["revoked"] is None
    assert revoked.after["revoked"] > 0
    assert "digest" not in str([(row.before, row.after) for row in rows])


def test_nothing_in_the_database_proves_to_be_the_key(database: DatabaseURL, pepper: ServerSecret) -> None:
    new = create(database, pepper)
    with begin(database) as connection:
        tables = ("installation", "teams", "keys", "secrets", "audit")
        everything = str([connection.execute(text(f"SELECT * FROM {table}")).all() for table in tables])
    _, _, secret, _ = new.text.split("_")
    assert secret not in everything
    assert hashlib.sha256(new.text.encode()).hexdigest() not in everything
    assert pepper.text not in everything


def test_a_policy_cannot_be_set_wider_than_those_above_it(database: DatabaseURL, pepper: ServerSecret) -> None:
    with begin(database) as connection:
        directory = Directory(connection, "test")
        directory.create_team("acme")
        directory.create_team("research", "acme")
        directory.create_key(pepper, "research", "nightly")
        directory.set_policy("team:acme", {"geographies": ["eu", "us"]})
        directory.set_policy("team:research", {"geographies": ["eu"]})
        with pytest.raises(DirectoryError, match="the geographies of the team 'research' do not cover us"):
            directory.set_policy("key:research/nightly", {"geographies": ["us"]})
        with pytest.raises(DirectoryError, match="the geographies of the team 'acme' do not cover global"):
            directory.set_policy("team:research", {"geographies": ["global"]})
        directory.set_policy("key:research/nightly", {"geographies": ["eu"], "regions": ["eu-west-1"]})
        [row] = connection.execute(
            select(AUDIT).where(AUDIT.c.object == "research/nightly", AUDIT.c.action != "create key")
        )
    assert (row.action, row.before["policy"]) == ("set policy of key", {})
    assert row.after["policy"] == {"geographies": ["eu"], "regions": ["eu-west-1"]}


def test_the_audit_log_is_read_from_the_newest_row_on(database: DatabaseURL, pepper: ServerSecret) -> None:
    new = create(database, pepper)
    change(database, "create_team", "res_arch")
    change(database, "set_tags", "team:research", {"centre": "8"})
    change(database, "revoke_secret", "research/nightly", new.id)
    secret = f"research/nightly/{new.id}"
    written = ["acme", "research", "research/nightly", secret, "res_arch", "research", secret]
    with begin(database) as connection:

        def list_objects(**query: Any) -> list[str]:
            return [row.object for row in read_audit(connection, AuditQuery(**query))]

        newest_first = read_audit(connection, AuditQuery())
        assert [row.object for row in newest_first] == written[::-1]
        assert list_objects(most=2) == [secret, "research"]
        assert list_objects(after=newest_first[1].id) == written[::-1][2:]
        assert list_objects(object="research/nightly") == [secret, secret, "research/nightly"]
        assert list_objects(object="res_arch") == ["res_arch"]
        assert list_objects(object="research", action="tag team") == ["research"]
        assert list_objects(who="cli:you") == list_objects(since=int(time.time() * 1000) + 60_000) == []
        assert list_objects(within=["acme", "res_arch"]) == ["res_arch", "acme"]
        assert list_objects(within=[]) == list_objects(until=0) == []


def test_teams_and_keys_are_listed_page_by_page(database: DatabaseURL, pepper: ServerSecret) -> None:
    create(database, pepper)
    with begin(database) as connection:
        directory = Directory(connection, "cli:me")
        directory.create_team("below", "research")
        for name in ("c", "a", "b"):
            directory.create_key(pepper, "acme", name)
        assert [row.id for row in directory.list_keys(most=2)] == ["acme/a", "acme/b"]
        assert [row.id for row in directory.list_keys(after="acme/b")] == ["acme/c", "research/nightly"]
        assert [row.id for row in directory.list_keys(within={"research"})] == ["research/nightly"]
        assert [row.id for row in directory.list_teams("acme", 1)] == ["below"]
        assert directory.list_below({"research"}) == {"research", "below"}
        assert directory.list_chain("below") == ["acme", "research", "below"]


def test_changes_at_a_time_lose_nothing(database: DatabaseURL, pepper: ServerSecret) -> None:
    create(database, pepper)

    def add_tag(number: int) -> None:
        with open_directory(database, pepper, "test", writes=True, dialects=()) as directory:
            directory.set_tags("team:acme", {**directory.find_team("acme").tags, f"t{number}": ""})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add_tag, range(16)))
    with begin(database) as connection:
        assert len(Directory(connection, "test").find_team("acme").tags) == 18


def test_a_policy_can_have_every_rule() -> None:
    assert sorted(policy_form.RULES) == sorted(policy.RULES)
