"""The ledger over real sockets: each call has one row, and no budget is exceeded however many calls come at once."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from bedrock_flask.governance.budgets import to_dollars
from tests.databases import Postgres
from tests.doubles import Emulator, StartGateway
from tests.governed import NOVA, PATIENCE, STATIC, Governed, NamedKey, StartGoverned, check_usage, start_governed

CHAT = {"model": "nova", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 100}
# At most what a call like CHAT reserves, and at least a tenth of it.
SMALL = "0.00003"


@pytest.fixture(scope="module")
def governed(start_with_database: StartGoverned) -> Governed:
    return start_with_database(BEDROCK_FLASK_MAX_ATTEMPTS="1", BEDROCK_FLASK_THREADS="150")


def send(governed: Governed, key: NamedKey, path: str, body: Any, **options: Any) -> requests.Response:
    headers = {"authorization": f"Bearer {key.text}", **options.pop("headers", {})}
    return requests.post(governed.gateway.url + path, json=body, headers=headers, timeout=PATIENCE, **options)


def test_a_whole_answer_and_a_stream_have_a_row_with_their_cost(governed: Governed, key: NamedKey) -> None:
    whole = send(governed, key, "/v1/chat/completions", CHAT, headers={"x-request-id": "whole-1"})
    assert whole.status_code == 200, whole.text
    usage = whole.json()["usage"]
    streamed = send(governed, key, "/v1/chat/completions", CHAT | {"stream": True})
    assert "data: [DONE]" in streamed.text
    first, second = governed.await_rows(key.name, 2)
    assert (first["state"], first["request_id"], first["stream"]) == ("OK", "whole-1", False)
    assert (first["team"], first["secret"], first["operation"]) == ("research", key.id, "Converse")
    assert (first["input_tokens"], first["output_tokens"]) == (usage["prompt_tokens"], usage["completion_tokens"])
    assert first["cost"] == pytest.approx(governed.gateway.line("whole-1")["cost_usd"] * 10**9, abs=1)
    assert 0 < first["cost"] <= first["reserved"]
    assert first["upstream_request_id"] == whole.headers["x-bedrock-request-id"]
    assert (first["status"], first["error"], first["attempts"]) == (200, None, 1)
    assert (second["state"], second["operation"]) == ("OK", "ConverseStream")
    assert second["stream"]
    assert 0 <= second["first"] <= second["latency"]


def read_spending(governed: Governed, key: NamedKey) -> list[tuple[int, int]]:
    """What the budgets of a key have spent and reserved."""
    rows = governed.query(f"SELECT spent, reserved FROM spending WHERE scope LIKE 'key:{key.name}/%'")
    return [(row["spent"], row["reserved"]) for row in rows]


def set_budget(governed: Governed, key: NamedKey, **budgets: str | None) -> None:
    """Set budgets before the key is first used, so that every worker knows them."""
    governed.change("set_budgets", f"key:{key.name}", budgets)


def read_reservation(governed: Governed, body: Any = CHAT) -> int:
    """What one call of a key reserves, in nanodollars."""
    key = governed.create_key()
    assert send(governed, key, "/v1/chat/completions", body).status_code == 200
    return int(governed.await_rows(key.name, 1)[0]["reserved"])


def test_many_calls_at_once_with_room_for_ten_are_ten(governed: Governed, emulator: Emulator, key: NamedKey) -> None:
    """While none has ended: each holds its reservation."""
    reserved = read_reservation(governed)
    set_budget(governed, key, day=to_dollars(10 * reserved + reserved // 2), month="1000")
    emulator.fault("slow_first_byte", 10, seconds=3)
    emulator.ask("DELETE", "/_emulator/requests")
    with ThreadPoolExecutor(100) as pool:
        responses = list(pool.map(lambda _: send(governed, key, "/v1/chat/completions", CHAT), range(500)))
    assert Counter(response.status_code for response in responses) == {200: 10, 402: 490}
    assert len(emulator.calls()) == 10
    rows = governed.await_rows(key.name, 10)
    total = sum(row["cost"] for row in rows)
    assert read_spending(governed, key) == [(total, 0)] * 2


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/v1/chat/completions", CHAT, 402, lambda body: body["error"]["code"] == "insufficient_quota"),
        ("/v1/models/nova/invoke", NOVA, 402, lambda body: body["code"] == "budget_exceeded"),
        (
            "/v1/messages",
            {"model": "claude", "max_tokens": 9, "messages": CHAT["messages"]},
            402,
            lambda body: body["error"]["type"] == "billing_error",
        ),
        (
            "/model/amazon.nova-lite-v1:0/converse",
            NOVA,
            400,
            lambda body: body["code"] == "budget_exceeded",
        ),
    ],
)
def test_a_budget_that_is_used_up_is_an_error_that_no_sdk_repeats(
    governed: Governed, key: NamedKey, path: str, body: Any, status: int, words: Any
) -> None:
    set_budget(governed, key, week="0.000000001")
    response = send(governed, key, path, body)
    assert response.status_code == status, response.text
    assert words(response.json())
    assert f"The budget of the key '{key.name}' for this week" in response.text
    assert response.headers["x-should-retry"] == "false"
    assert "retry-after" not in response.headers
    assert governed.query(f"SELECT * FROM ledger WHERE key = '{key.name}'") == []


def test_the_budget_of_a_team_is_one_for_all_its_keys_and_the_teams_below(governed: Governed) -> None:
    reserved = read_reservation(governed)
    team = f"t{time.monotonic_ns()}"
    governed.change("create_team", team, "acme")
    governed.change("create_team", f"{team}-below", team)
    governed.change("set_budgets", f"team:{team}", {"day": to_dollars(reserved)})
    one, other = governed.create_key(team), governed.create_key(f"{team}-below")
    assert send(governed, one, "/v1/chat/completions", CHAT).status_code == 200
    governed.await_rows(one.name, 1)
    # What was spent is less than what was reserved, and leaves too little for another call.
    response = send(governed, other, "/v1/chat/completions", CHAT)
    assert response.status_code == 402, response.text
    assert f"The budget of the team '{team}' for this day" in response.text


def test_a_model_without_a_price_is_refused_to_a_key_with_a_budget(governed: Governed, key: NamedKey) -> None:
    body = {"model": "acme.unknown-v1:0", "messages": CHAT["messages"]}
    path = "/v1/chat/completions"
    free = governed.create_key()
    assert send(governed, free, path, body).status_code == 200
    [row] = governed.await_rows(free.name, 1)
    assert (row["state"], row["reserved"], row["cost"]) == ("OK", None, None)
    set_budget(governed, key, day="100")
    refused = send(governed, key, path, body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "unpriced_model")
    named = governed.create_key()
    governed.change("set_budgets", f"key:{named.name}", {"day": "100"}, ["acme.unknown-v1:0"])
    assert send(governed, named, path, body).status_code == 200


def test_what_bedrock_refuses_is_free_and_what_it_may_have_done_is_estimated(
    governed: Governed, emulator: Emulator, key: NamedKey
) -> None:
    set_budget(governed, key, day="1")
    emulator.fault("ThrottlingException")
    assert send(governed, key, "/v1/chat/completions", CHAT).status_code == 429
    [row] = governed.await_rows(key.name, 1)
    assert (row["state"], row["cost"], row["status"], row["error"]) == ("FREE", 0, 429, "throttled")
    emulator.fault("InternalServerException")
    assert send(governed, key, "/v1/chat/completions", CHAT).status_code == 502
    _, row = governed.await_rows(key.name, 2)
    assert (row["state"], row["cost"]) == ("EST", row["reserved"])
    assert read_spending(governed, key) == [(row["reserved"], 0)]


def test_a_stream_whose_client_leaves_is_cancelled(governed: Governed, emulator: Emulator, key: NamedKey) -> None:
    emulator.fault("stall", after=1, seconds=20)
    with send(governed, key, "/v1/chat/completions", CHAT | {"stream": True}, stream=True) as response:
        next(response.iter_content(1))
    [row] = governed.await_rows(key.name, 1)
    assert (row["state"], row["cost"], row["error"]) == ("CANCELLED", row["reserved"], "client_left")


def test_each_call_of_a_request_has_a_row_and_counting_has_none(governed: Governed, key: NamedKey) -> None:
    body = {"model": "titan-embed", "input": ["one", "two", "three"]}
    response = send(governed, key, "/v1/embeddings", body)
    assert response.status_code == 200, response.text
    rows = governed.await_rows(key.name, 3)
    assert {row["state"] for row in rows} == {"OK"}
    assert sum(row["input_tokens"] for row in rows) == response.json()["usage"]["prompt_tokens"]
    counted = {"model": "claude", "messages": CHAT["messages"]}
    assert send(governed, key, "/v1/messages/count_tokens", counted).status_code == 200
    governed.await_rows(key.name, 3)


def test_a_static_key_has_rows_too(governed: Governed) -> None:
    body = CHAT | {"max_tokens": 77}
    headers = {"x-api-key": STATIC, "x-request-id": "static-1"}
    assert governed.send(headers, "/v1/chat/completions", body).status_code == 200
    until = time.monotonic() + PATIENCE
    while [row["state"] for row in governed.query("SELECT state FROM ledger WHERE request_id = 'static-1'")] != ["OK"]:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_person_reads_who_spent_what(governed: Governed, key: NamedKey) -> None:
    set_budget(governed, key, day="1.50")
    assert send(governed, key, "/v1/chat/completions", CHAT).status_code == 200
    [row] = governed.await_rows(key.name, 1)
    lines = governed.run("usage", "--by", "key", "--by", "model", "--csv")
    header, *rows = [line.split(",") for line in lines]
    assert header[:3] == ["key", "model", "calls"]
    [own] = [dict(zip(header, each, strict=True)) for each in rows if each[0] == key.name]
    assert own["model"] == row["model"]
    assert (own["calls"], own["cost_usd"], own["unpriced"]) == ("1", to_dollars(row["cost"]), "0")
    check_usage(governed.database)
    [_, shown] = governed.run("keys", "budget", key.name)
    assert shown.split() == ["day", "1.50", to_dollars(row["cost"]), "0.00", "50,80,100", "-"]


def test_no_call_is_made_while_the_database_is_away(
    start_gateway: StartGateway, plain_environ: dict[str, str], postgres: Postgres, emulator: Emulator
) -> None:
    governed = start_governed(start_gateway, plain_environ, postgres.create_database(), "gevent")
    key = governed.create_key()
    with requests.Session() as session:
        session.headers["authorization"] = f"Bearer {key.text}"
        url = f"{governed.gateway.url}/v1/chat/completions"
        assert session.post(url, json=CHAT, timeout=PATIENCE).status_code == 200
        governed.await_rows(key.name, 1)
        emulator.ask("DELETE", "/_emulator/requests")
        postgres.kill()
        try:
            for presented in (key.text, STATIC):
                response = session.post(
                    url, json=CHAT, headers={"authorization": f"Bearer {presented}"}, timeout=PATIENCE
                )
                assert (response.status_code, response.json()["error"]["code"]) == (503, "store_unavailable")
                assert int(response.headers["retry-after"]) > 0
            assert emulator.calls() == []
        finally:
            postgres.start()
        began = time.monotonic()
        while session.post(url, json=CHAT, timeout=PATIENCE).status_code != 200:
            assert time.monotonic() - began < 5
            time.sleep(0.1)
    governed.await_rows(key.name, 2)
