"""Which operator may call which address: an address that is new in the app fails until it is classified here."""

from collections.abc import Iterator

import pytest

from bedrock_flask.admin.app import create_admin
from bedrock_flask.config.settings import Settings
from tests.admin.operators import Administered

PUBLIC, OPERATOR, LIST, READ, CHANGE_KEYS, CHANGE_TEAMS = range(6)
# Who may do what to which of the teams acme > research > lab, and other; `owner` owns research.
EVERY = {"acme", "research", "lab", "other"}
ALLOWED = {
    READ: {"root": EVERY, "auditor": EVERY, "owner": {"research", "lab"}, "stranger": {"other"}},
    CHANGE_KEYS: {"root": EVERY, "auditor": set(), "owner": {"research", "lab"}, "stranger": {"other"}},
    CHANGE_TEAMS: {"root": EVERY, "auditor": set(), "owner": {"lab"}, "stranger": set()},
}
CLASSES = {
    "GET /livez": PUBLIC,
    "GET /admin/v1/openapi.json": OPERATOR,
    "GET /admin/v1/me": OPERATOR,
    "GET /admin/v1/teams": LIST,
    "GET /admin/v1/keys": LIST,
    "GET /admin/v1/audit": LIST,
    "GET /admin/v1/usage": LIST,
    "GET /admin/v1/teams/<team>": READ,
    "GET /admin/v1/teams/<team>/spending": READ,
    "GET /admin/v1/teams/<team>/keys": READ,
    "GET /admin/v1/teams/<team>/keys/<name>": READ,
    "GET /admin/v1/teams/<team>/keys/<name>/spending": READ,
    "POST /admin/v1/teams": CHANGE_TEAMS,
    "PATCH /admin/v1/teams/<team>": CHANGE_TEAMS,
    "POST /admin/v1/teams/<team>/revoke": CHANGE_TEAMS,
    "POST /admin/v1/teams/<team>/keys": CHANGE_KEYS,
    "PATCH /admin/v1/teams/<team>/keys/<name>": CHANGE_KEYS,
    "POST /admin/v1/teams/<team>/keys/<name>/rotate": CHANGE_KEYS,
    "POST /admin/v1/teams/<team>/keys/<name>/revoke": CHANGE_KEYS,
    "POST /admin/v1/teams/<team>/keys/<name>/secrets/<secret>/revoke": CHANGE_KEYS,
}
PARENTS = {"research": "acme", "lab": "research"}


def list_addresses() -> Iterator[str]:
    for rule in create_admin(Settings()).url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield f"{method} {rule.rule}"


def make_body(address: str, team: str) -> dict[str, str] | None:
    """A body that an operator who may do it is refused for another reason."""
    if address == "POST /admin/v1/teams":
        return {"team": team, **({"parent": PARENTS[team]} if team in PARENTS else {})}
    return {"name": "not a name"} if address.endswith("/keys") and address.startswith("POST") else None


def test_every_address_is_classified() -> None:
    assert sorted(list_addresses()) == sorted(CLASSES)


@pytest.mark.parametrize("address", sorted(CLASSES))
def test_each_operator_gets_what_the_class_of_an_address_says(on_sqlite: Administered, address: str) -> None:
    kind = CLASSES[address]
    method, template = address.split(" ", 1)

    def call(who: str, team: str, **headers: str) -> int:
        path = template.replace("<team>", team).replace("<name>", "nightly").replace("<secret>", "x")
        body = make_body(address, team)
        # What is allowed changes nothing all the same: what is there has another tag.
        return on_sqlite.send(method, path, body, who, if_match='"other"', **headers).status_code

    nobody = {call("", "research"), call("", "research", authorization="Bearer wrong")}
    if kind == PUBLIC:
        assert nobody == {200}
        return
    assert nobody == {401}
    if kind in (OPERATOR, LIST):
        assert {call(who, "research") for who in ("root", "auditor", "owner", "stranger")} == {200}
        return
    statuses = {(who, team): call(who, team) for who in ALLOWED[kind] for team in EVERY}
    refused = {pair for pair, status in statuses.items() if status == 403}
    assert refused == {(who, team) for who, team in statuses if team not in ALLOWED[kind][who]}
    expected = {200} if kind == READ else {400} if template.endswith("/keys") else {412}
    assert {status for pair, status in statuses.items() if pair not in refused} == (
        {409} if address == "POST /admin/v1/teams" else expected
    )


def test_a_team_that_does_not_exist_is_known_only_to_who_may_see_all(on_sqlite: Administered) -> None:
    statuses = {who: on_sqlite.send("GET", "teams/nothing", who=who).status_code for who in ALLOWED[READ]}
    assert statuses == {"root": 404, "auditor": 404, "owner": 403, "stranger": 403}


def test_lists_have_what_the_operator_may_see(on_sqlite: Administered) -> None:
    def list_all(path: str, name: str, member: str, who: str) -> set[str]:
        return {row[member].partition("/")[0] for row in on_sqlite.succeed("GET", path, who=who)[name]}

    for path, name, member in (("teams", "teams", "team"), ("keys", "keys", "team"), ("audit", "rows", "object")):
        assert list_all(path, name, member, "owner") == {"research", "lab"}
        assert list_all(path, name, member, "stranger") == {"other"}
        assert list_all(path, name, member, "auditor") == list_all(path, name, member, "root") >= EVERY
    assert list_all("audit?object=acme", "rows", "object", "owner") == set()


def test_an_owner_creates_teams_below_its_own_only(on_sqlite: Administered) -> None:
    for parent, status in ((None, 403), ("acme", 403), ("nothing", 403), ("research", 201), ("lab", 201)):
        body = {"team": f"of-owner-{status}-{parent}", "parent": parent}
        assert on_sqlite.send("POST", "teams", body, "owner").status_code == status
    # Not even by a team of the name of its own.
    assert on_sqlite.send("POST", "teams", {"team": "research"}, "owner").status_code == 403
