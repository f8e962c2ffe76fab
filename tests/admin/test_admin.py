"""The admin API: teams and keys are created, changed, rotated and revoked over it, and each change is in the log."""

import json
import re
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jsonschema
import pytest
import requests
from openapi_spec_validator import validate

from bedrock_flask.admin.bodies import NewTeam, Policy
from bedrock_flask.admin.route import Route
from bedrock_flask.admin.routes import ROUTES
from bedrock_flask.governance.policy_form import RULES
from tests.admin.operators import DOCUMENT, SECRETS, Administered, find_secret_texts
from tests.databases import Postgres
from tests.doubles import PATIENCE, Gateway, StartGateway

AWAY = "store_unavailable"


def test_a_team_and_its_keys_live_from_the_first_to_the_last_day(administered: Administered) -> None:
    admin, team = administered, administered.create_team("acme")
    rules = {"policy": {"models": ["claude", "nova"]}, "limits": {"calls": 5}, "tags": {"centre": "7"}}
    created = admin.succeed(
        "POST", f"teams/{team}/keys", {"name": "job", "expires": "2099-01-31T01:00:00+01:00", **rules}
    )
    assert {name: created[name] for name in rules} == rules
    assert (created["key"], created["expires"], created["budgets"]) == (f"{team}/job", "2099-01-31T00:00:00.000Z", {})
    assert created["secret"]["api_key"].startswith(f"bf_{created['secret']['aws_access_key_id']}_")
    budgets = {"day": {"usd": "5"}, "month": {"usd": "50", "unpriced": ["acme.model-v1:0"]}}
    admin.succeed("PATCH", f"teams/{team}/keys/job", {"budgets": budgets})
    changes = {
        "policy": {"models": ["claude"], "tier": "flex"},
        "limits": {"calls": None, "models": {"nova": {"requests": 60}}},
        "budgets": {"day": None, "month": {"usd": "60.50"}},
        "tags": {"app": "report"},
    }
    changed = admin.succeed("PATCH", f"teams/{team}/keys/job", changes)
    assert changed["policy"] == {"models": ["claude"], "tier": "flex"}
    assert changed["limits"] == {"models": {"nova": {"requests": 60}}}
    assert changed["budgets"] == {"month": {"usd": "60.50", "unpriced": ["acme.model-v1:0"]}}
    assert changed["tags"] == {"centre": "7", "app": "report"}
    [spent] = admin.succeed("GET", f"teams/{team}/keys/job/spending")["budgets"]
    assert (spent["period"], spent["usd"], spent["spent"], spent["reserved"]) == ("month", "60.50", "0.00", "0.00")
    emptied = admin.succeed("PATCH", f"teams/{team}/keys/job", dict.fromkeys(rules | {"budgets": 0}))
    assert [emptied[name] for name in ("policy", "limits", "budgets", "tags")] == [{}] * 4
    rotated = admin.succeed("POST", f"teams/{team}/keys/job/rotate", {"overlap": 3600})
    [old, new] = rotated["secrets"]
    assert (old["id"], new["id"]) == (created["secret"]["aws_access_key_id"], rotated["secret"]["aws_access_key_id"])
    assert old["expires"] > rotated["created"]
    revoked = admin.succeed("POST", f"teams/{team}/keys/job/secrets/{old['id']}/revoke")
    assert [each["revoked"] is None for each in revoked["secrets"]] == [False, True]
    assert admin.succeed("POST", f"teams/{team}/keys/job/revoke")["revoked"]
    assert admin.succeed("POST", f"teams/{team}/revoke")["revoked"]
    rows = admin.succeed("GET", f"audit?object={team}&limit=1000")["rows"]
    assert [row["action"] for row in rows][::-1] == [
        "create team",
        "create key",
        "create secret",
        "set policy of key",
        "limit key",
        "tag key",
        "set budgets of key",
        "set policy of key",
        "limit key",
        "set budgets of key",
        "tag key",
        "set policy of key",
        "limit key",
        "set budgets of key",
        "tag key",
        "expire secret",
        "create secret",
        "revoke secret",
        "revoke key",
        "revoke team",
    ]
    assert {row["who"] for row in rows} == {"key:root"}
    assert all(row["before"] != row["after"] for row in rows)


@pytest.mark.parametrize("route", [route for route in ROUTES if route.writes], ids=lambda route: route.name)
def test_every_route_that_writes_leaves_rows_in_the_audit_log(administered: Administered, route: Route) -> None:
    team, created = administered.create_team(), administered.create_team()
    secret = administered.succeed("POST", f"teams/{team}/keys", {"name": "job"})["secret"]["aws_access_key_id"]
    before = administered.succeed("GET", "audit?limit=1")["rows"][0]
    path = route.path.replace("<team>", team).replace("<name>", "job").replace("<secret>", secret)
    body = {"team": f"new-{created}"} if route.body is NewTeam else dict(route.sample)
    administered.succeed(route.method, path, body)
    rows = administered.succeed("GET", "audit")["rows"]
    written = rows[: [row["id"] for row in rows].index(before["id"])]
    assert written
    assert {(row["who"], row["object"].partition("/")[0]) for row in written} == {("key:root", body.get("team", team))}
    assert all(row["after"] and row["before"] != row["after"] for row in written)


def test_every_answer_and_log_keeps_the_secrets(administered: Administered) -> None:
    team = administered.create_team()
    created = administered.succeed("POST", f"teams/{team}/keys", {"name": "job"})
    administered.send("POST", f"teams/{team}/keys", {"name": "job", "tags": {"a": 1}})
    text = created["secret"]["api_key"]
    everything = administered.server.log.read_text()
    for path in ("teams?limit=1000", "keys?limit=1000", "audit?limit=1000", f"teams/{team}/keys/job"):
        everything += administered.send("GET", path).text
    assert text not in everything
    assert created["secret"]["aws_secret_access_key"] not in everything
    assert not find_secret_texts(everything)
    assert not any(secret in everything for secret in SECRETS.values())
    assert '"digest"' not in everything
    lines = [json.loads(line) for line in administered.server.log.read_text().splitlines() if line.startswith("{")]
    [line] = [line for line in lines if line.get("error") == "invalid_body"][-1:]
    assert (line["operator"], line["route"]) == ("key:root", "/admin/v1/teams/<team>/keys")


def test_of_two_who_have_seen_the_same_only_one_changes_it(administered: Administered) -> None:
    team = administered.create_team()
    seen = administered.send("GET", f"teams/{team}").headers["etag"]

    def change(number: int) -> requests.Response:
        return administered.send("PATCH", f"teams/{team}", {"tags": {"n": str(number)}}, if_match=seen)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(change, range(8)))
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 7]
    [changed] = [answer for answer in answers if answer.ok]
    now = administered.send("GET", f"teams/{team}")
    assert now.json() == changed.json()
    assert seen != changed.headers["etag"] == now.headers["etag"]
    for if_match in (f'"x", {changed.headers["etag"]}', "*"):
        assert administered.send("PATCH", f"teams/{team}", {}, if_match=if_match).ok


def test_changes_of_different_members_at_a_time_are_all_kept(administered: Administered) -> None:
    team = administered.create_team()
    with ThreadPoolExecutor(8) as pool:
        bodies = [{"tags": {f"n{number}": "x"}} for number in range(16)]
        list(pool.map(lambda body: administered.succeed("PATCH", f"teams/{team}", body), bodies))
    assert len(administered.succeed("GET", f"teams/{team}")["tags"]) == 16


def test_what_fails_in_the_middle_changes_nothing(administered: Administered) -> None:
    team = administered.create_team()
    body = {"name": "job", "tags": {"a": "b"}, "policy": {"regions": ["nowhere"]}}
    refused = administered.send("POST", f"teams/{team}/keys", body)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_change")
    assert administered.succeed("GET", f"teams/{team}/keys")["keys"] == []
    assert len(administered.succeed("GET", f"audit?object={team}")["rows"]) == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "words"),
    [
        ("GET", "teams/nothing", None, 404, "not_found", "there is no team 'nothing'"),
        ("GET", "teams/%00", None, 404, "not_found", "there is no team"),
        ("GET", "teams/a'--", None, 404, "not_found", "there is no team"),
        ("GET", "teams/acme/keys/nothing", None, 404, "not_found", "there is no key 'acme/nothing'"),
        ("GET", "nothing", None, 404, "not_found", "/admin/v1/openapi.json lists every address"),
        ("DELETE", "teams/acme", None, 405, "method_not_allowed", "GET"),
        ("POST", "teams", {"team": "acme"}, 409, "conflict", "there is a team 'acme' already"),
        ("POST", "teams", {"team": "a/b"}, 400, "invalid_change", "is not a name"),
        ("POST", "teams", {"team": "x", "parent": "nothing"}, 404, "not_found", "there is no team 'nothing'"),
        ("POST", "teams", {}, 400, "invalid_body", "team: is required"),
        ("POST", "teams", {"team": "x", "limit": {}}, 400, "invalid_body", "did you mean 'limits'?"),
        ("POST", "teams", ["x"], 400, "invalid_body", "must be an object"),
        (
            "POST",
            "teams/acme/keys",
            {"name": "x", "expires": "2099-01-31T00:00:00"},
            400,
            "invalid_body",
            "is not a time",
        ),
        (
            "POST",
            "teams/acme/keys",
            {"name": "x", "expires": "9999-99-99T00:00:00Z"},
            400,
            "invalid_body",
            "is not a time",
        ),
        ("PATCH", "teams/acme", {"policy": {"models": ["a b"]}}, 400, "invalid_change", "'a b' is not a model's name"),
        ("PATCH", "teams/acme", {"policy": {"dialects": ["opnai"]}}, 400, "invalid_change", "'opnai' is not a dialect"),
        ("PATCH", "teams/acme", {"budgets": {"day": {}}}, 400, "invalid_change", "'' is not an amount"),
        ("PATCH", "teams/acme", {"budgets": {"day": {"usd": "1e3"}}}, 400, "invalid_change", "'1e3' is not an amount"),
        ("PATCH", "teams/acme", {"budgets": {"year": {"usd": "1"}}}, 400, "invalid_body", "is not a known field"),
        ("PATCH", "teams/acme", {"limits": {"requests": -1}}, 400, "invalid_body", "must be at least 0"),
        ("PATCH", "teams/acme", {"tags": {"a b": "c"}}, 400, "invalid_change", "'a b' is not a tag"),
        ("PATCH", "teams/acme", {"tags": {"a": "\0"}}, 400, "invalid_change", "'a' is not a tag"),
        ("POST", "teams/acme/keys/nightly/rotate", {"overlap": -1}, 400, "invalid_body", "must be at least 0"),
        ("POST", "teams/acme/keys/nightly/secrets/x/revoke", None, 404, "not_found", "there is no secret 'x'"),
        ("GET", "teams?limit=0", None, 400, "invalid_query", "limit: '0' is not a number from 1 to 1000"),
        ("GET", "teams?limit=1&limit=2", None, 400, "invalid_query", "limit is there twice"),
        ("GET", "teams?page=2", None, 400, "invalid_query", "'page' is not a parameter here: limit, after"),
        ("GET", "teams/acme?x=", None, 400, "invalid_query", "there is none"),
        ("GET", "audit?since=yesterday", None, 400, "invalid_query", "'yesterday' is not a time"),
        ("GET", "usage?by=team,hour", None, 400, "invalid_query", "'hour' is nothing that calls are summed up by"),
        ("GET", "usage?tag=centre", None, 400, "invalid_query", "'centre' is not NAME=VALUE"),
        ("GET", "usage?team=%00", None, 400, "invalid_query", "is not a team"),
        ("GET", "audit?who=%00", None, 400, "invalid_query", "is not an operator"),
        ("GET", "audit?object=%00", None, 400, "invalid_query", "is not the name"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    administered: Administered, method: str, path: str, body: Any, status: int, code: str, words: str
) -> None:
    before = administered.succeed("GET", "audit?limit=1")["rows"]
    response = administered.send(method, path, body)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert words in response.json()["detail"]
    assert administered.succeed("GET", "audit?limit=1")["rows"] == before


def test_lists_come_page_by_page(administered: Administered) -> None:
    team = administered.create_team()
    for number in range(5):
        administered.succeed("POST", f"teams/{team}/keys", {"name": f"k{number}"})

    def read_all(path: str, name: str, member: str) -> list[str]:
        found, after = [], ""
        while True:
            page = administered.succeed("GET", f"{path}&limit=2{after}")
            assert len(page[name]) <= 2
            found += [row[member] for row in page[name]]
            if page["next"] is None:
                return found
            after = f"&after={page['next']}"

    assert read_all(f"teams/{team}/keys?", "keys", "name") == [f"k{number}" for number in range(5)]
    assert read_all("teams?", "teams", "team") == [row["team"] for row in administered.succeed("GET", "teams")["teams"]]
    objects = [row["object"] for row in administered.succeed("GET", f"audit?object={team}")["rows"]]
    assert read_all(f"audit?object={team}", "rows", "object") == objects
    first = administered.succeed("GET", f"audit?object={team}&action=create+team")["rows"][0]
    assert administered.succeed("GET", f"audit?object={team}&until={first['at']}")["rows"] == []
    assert administered.succeed("GET", f"audit?object={team}&since={first['at']}&who=key:root")["rows"][-1] == first


def test_a_body_that_is_not_json_is_refused(on_sqlite: Administered) -> None:
    url, own = f"{on_sqlite.server.url}/admin/v1/teams", {"authorization": f"Bearer {SECRETS['root']}"}

    def post(data: bytes, media: str) -> int:
        return requests.post(url, data, headers={**own, "content-type": media}, timeout=PATIENCE).status_code

    assert post(b'{"team": "form"}', "application/x-www-form-urlencoded") == 415
    assert post(b'{"team": "twice", "team": "twice2"}', "application/json") == 400
    assert post(b'{"team": "%s"}' % (b"x" * 1_000_001), "application/json") == 413


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"host": "evil.example"}, 403),
        ({"origin": "http://localhost:3000"}, 200),
        ({"host": "localhost:1"}, 200),
    ],
)
def test_pages_of_other_sites_are_refused(on_sqlite: Administered, headers: dict[str, str], status: int) -> None:
    answer = on_sqlite.send("GET", "me", **headers)
    assert answer.status_code == status
    assert answer.json().get("code") == ("foreign_page" if status == 403 else None)


def test_a_key_of_the_gateway_opens_nothing_here_and_an_operator_nothing_there(
    administered: Administered, start_gateway: StartGateway, request: pytest.FixtureRequest
) -> None:
    worker = "gevent" if "sqlite" in request.node.name else "gthread"
    gateway = start_gateway(
        **{**administered.environ, "BEDROCK_FLASK_WORKER": worker, "BEDROCK_FLASK_REGION": "us-east-1"}
    )
    key = administered.succeed("POST", "teams/lab/keys", {"name": worker})["secret"]["api_key"]
    assert administered.send("GET", "me", who="", authorization=f"Bearer {key}").status_code == 401

    def ask(path: str, secret: str) -> int:
        return int(gateway.get(path, headers={"authorization": f"Bearer {secret}"}).status_code)

    assert ask("/v1/models", key) == 200
    check_usage(administered, gateway, key, f"lab/{worker}")
    assert ask("/v1/models", SECRETS["root"]) == 401
    # There is no admin API on the address of the gateway.
    assert {ask(path, key) for path in ("/admin", "/admin/v1/teams", "/admin/v1/openapi.json")} == {404}
    administered.succeed("POST", f"teams/lab/keys/{worker}/revoke")
    began = time.monotonic()
    while ask("/v1/models", key) != 401:
        assert time.monotonic() - began < 5
        time.sleep(0.05)


def check_usage(admin: Administered, gateway: Gateway, key: str, name: str) -> None:
    """A call with a key is in the usage that those see who may."""
    turn = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
    answer = gateway.post("/v1/models/nova/invoke", turn, headers={"authorization": f"Bearer {key}"})
    assert answer.ok, answer.text
    until = time.monotonic() + PATIENCE
    # It is settled a moment after the answer.
    while not (rows := admin.succeed("GET", f"usage?by=key,day,tag:app&key={name}")["usage"]):
        assert time.monotonic() < until
        time.sleep(0.02)
    [row] = rows
    assert (row["group"]["key"], row["group"]["tag:app"], row["calls"]) == (name, "", 1)
    assert row["output_tokens"] > 0
    assert float(row["cost_usd"]) > 0
    seen = {who: admin.succeed("GET", "usage", who=who)["usage"] for who in ("root", "auditor", "owner", "stranger")}
    assert [each["group"] for each in seen["owner"]] == [{"team": "lab"}]
    assert seen["root"] == seen["auditor"] == seen["owner"]
    assert seen["stranger"] == admin.succeed("GET", "usage?model=none")["usage"] == []
    assert admin.succeed("GET", "usage?tag=app=report")["usage"] == []
    assert admin.succeed("GET", "usage?since=2099-01-01T00:00:00Z")["usage"] == []


def test_the_document_describes_every_route(on_sqlite: Administered) -> None:
    validate(DOCUMENT)
    assert on_sqlite.succeed("GET", "openapi.json") == json.loads(json.dumps(DOCUMENT))
    names = [
        operation["operationId"]
        for path in DOCUMENT["paths"].values()
        for name, operation in path.items()
        if name != "parameters"
    ]
    assert len({*names}) == len(names)
    for path in DOCUMENT["paths"].values():
        for operation in path.values():
            content = operation["requestBody"]["content"]["application/json"] if "requestBody" in operation else {}
            if "example" in content:
                jsonschema.validate(content["example"], {**content["schema"], "components": DOCUMENT["components"]})


def test_only_an_administrator_changes_the_aws_role_of_calls(administered: Administered) -> None:
    rules = {"policy": {"role": "arn:aws:iam::123456789012:role/of-others"}}
    team = administered.create_team("lab")
    for method, path, body in [
        ("PATCH", f"teams/{team}", rules),
        ("PATCH", "teams/research/keys/nightly", rules),
        ("POST", f"teams/{team}/keys", {"name": "k", **rules}),
    ]:
        refused = administered.send(method, path, body, who="owner")
        assert (refused.status_code, refused.json()["code"]) == (403, "operator_forbidden")
    assert administered.send("GET", f"teams/{team}/keys/k").status_code == 404
    administered.succeed("PATCH", f"teams/{team}", rules)
    changed = administered.succeed("PATCH", f"teams/{team}", {"policy": {"most_tokens": 5}}, who="owner")
    assert changed["policy"] == {**rules["policy"], "most_tokens": 5}
    assert administered.send("PATCH", f"teams/{team}", {"policy": None}, who="owner").status_code == 403


def test_a_policy_can_have_every_rule() -> None:
    assert sorted(Policy().fields) == sorted(RULES)


def test_a_database_that_is_away_is_a_503_and_comes_back(
    administered: Administered, request: pytest.FixtureRequest
) -> None:
    path, body = "teams/acme", {"tags": {"away": "1"}}
    if "sqlite" in request.node.name:
        with sqlite3.connect(administered.environ["BEDROCK_FLASK_DATABASE_URL"].removeprefix("sqlite:///")) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = administered.send("PATCH", path, body)
            other.rollback()
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        postgres.pause()
        try:
            answer = administered.send("PATCH", path, body)
        finally:
            postgres.resume()
    assert (answer.status_code, answer.json()["code"]) == (503, AWAY)
    assert answer.headers["retry-after"]
    assert not re.search(r"UPDATE|SELECT|sqlite:|postgresql:", answer.text)
    administered.succeed("PATCH", path, body)
