"""Who used and spent what: a key for itself, and an operator for all."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bedrock_flask.governance.budgets import to_dollars
from tests.databases import create_address
from tests.doubles import StartGateway
from tests.governed import STATIC, Governed, NamedKey, start_governed

CHAT = {"model": "nova", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 100}
OPENAI, USAGE = "/v1/chat/completions", "/v1/usage"


@pytest.fixture(scope="module", params=["gevent-sqlite", "gthread-postgres"])
def governed(
    request: pytest.FixtureRequest,
    start_gateway: StartGateway,
    plain_environ: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Governed:
    worker, kind = request.param.split("-")
    address = create_address(request, kind, tmp_path_factory.mktemp("database"))
    return start_governed(start_gateway, plain_environ, address, worker, BEDROCK_FLASK_MAX_ATTEMPTS="1")


@pytest.fixture
def key(governed: Governed) -> NamedKey:
    """A new key of the team `research`."""
    return governed.create_key()


def call(governed: Governed, key: NamedKey, body: Any = CHAT, path: str = OPENAI, **headers: str) -> Any:
    response = governed.send({"authorization": f"Bearer {key.text}", **headers}, path, body)
    assert response.status_code in (200, 202), response.text
    return response


def read_usage(governed: Governed, secret: str, query: str = "") -> Any:
    response = governed.send({"x-api-key": secret}, USAGE + query, method="GET")
    assert response.status_code == 200, response.text
    return response.json()


def test_a_key_reads_its_own_numbers_and_no_others(governed: Governed, key: NamedKey) -> None:
    governed.change("set_budgets", f"key:{key.name}", {"day": "1.50"})
    governed.change("set_budgets", "team:research", {"month": "1000"})
    governed.change("set_limits", f"key:{key.name}", "", {"requests": 60})
    other = governed.create_key()
    call(governed, other)
    for model in ("nova", "nova", "claude"):
        call(governed, key, CHAT | {"model": model})
    rows = governed.await_rows(key.name, 3)
    found = read_usage(governed, key.text)
    assert (found["key"], found["team"]) == (key.name, "research")
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert [(each["day"], each["calls"]) for each in found["data"]] == [(today, 2), (today, 1)] or midnight_has_passed(
        rows
    )
    assert {each["model"] for each in found["data"]} == {row["model"] for row in rows}
    cost = sum(row["cost"] for row in rows)
    total = found["total"]
    assert (total["calls"], total["cost_usd"]) == (3, to_dollars(cost))
    assert total["output_tokens"] == sum(row["output_tokens"] for row in rows)
    [budget] = found["budgets"]
    left = to_dollars(1_500_000_000 - cost)
    assert [budget[name] for name in ("period", "limit_usd", "spent_usd", "reserved_usd", "left_usd")] == [
        "day",
        "1.50",
        to_dollars(cost),
        "0.00",
        left,
    ]
    assert found["limits"] == [
        {"model": None, "requests_a_minute": 60, "tokens_a_minute": None, "calls_at_a_time": None}
    ]
    assert other.name not in json.dumps(found)


def test_a_static_key_reads_its_own_numbers(governed: Governed) -> None:
    response = governed.send({"x-api-key": STATIC}, OPENAI, CHAT)
    assert response.status_code == 200, response.text
    governed.await_rows("static", 1)
    found = read_usage(governed, STATIC, "?days=2")
    assert (found["key"], found["team"], found["total"]["calls"], found["budgets"]) == ("static", None, 1, [])


@pytest.mark.parametrize("query", ["?days=0", "?days=367", "?days=x", "?days=1&days=2", "?key=other"])
def test_a_query_that_is_not_known_is_refused_by_name(governed: Governed, query: str) -> None:
    response = governed.send({"x-api-key": STATIC}, USAGE + query, method="GET")
    assert (response.status_code, response.json()["code"]) == (400, "invalid_body")
    assert response.json()["errors"][0]["path"] == query[1:].partition("=")[0]


def midnight_has_passed(rows: list[dict[str, Any]]) -> bool:
    return len({row["opened"] // 86_400_000 for row in rows}) > 1
