"""Requests with an idempotency key over real sockets: one call of Bedrock, however often they are sent."""

import base64
import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import boto3
import openai
import pytest
import requests
from botocore.config import Config
from sqlalchemy import text

from bedrock_flask.config.server_secret import parse_server_secret
from bedrock_flask.governance.store.engine import begin
from bedrock_flask.governance.store.ledger import open_ledger_store
from bedrock_flask.protocol.drawn_images import draw_image
from tests.databases import PEPPER, Postgres
from tests.doubles import Emulator, Gateway, StartGateway
from tests.governed import PATIENCE, Governed, NamedKey, StartGoverned, start_governed

CHAT: dict[str, Any] = {"model": "nova", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 100}
PATH = "/v1/chat/completions"
DIFFUSION = "sd3-5-large"


@pytest.fixture(scope="module")
def governed(start_with_database: StartGoverned) -> Governed:
    return start_with_database(BEDROCK_FLASK_MAX_ATTEMPTS="1", BEDROCK_FLASK_REPLAY_MAX_BYTES="10000")


def send(
    governed: Governed, key: NamedKey, idempotency_key: str, body: Any = CHAT, path: str = PATH, **headers: str
) -> requests.Response:
    sent = {"authorization": f"Bearer {key.text}", "idempotency-key": idempotency_key, **headers}
    return requests.post(governed.gateway.url + path, json=body, headers=sent, timeout=PATIENCE)


def test_a_repeated_request_has_the_first_answer(governed: Governed, key: NamedKey, emulator: Emulator) -> None:
    first = send(governed, key, "order-1", **{"x-request-id": f"{key.id}-first"})
    assert first.status_code == 200, first.text
    assert "idempotent-replayed" not in first.headers
    for attempt in range(4):
        again = send(governed, key, "order-1", **{"x-request-id": f"{key.id}-{attempt}"})
        assert (again.status_code, again.content) == (200, first.content)
        assert again.headers["idempotent-replayed"] == "true"
        assert again.headers["x-bedrock-flask-replayed-request"] == f"{key.id}-first"
        own = ("date", "x-request-id", "request-id", "x-amzn-requestid", "connection")
        kept = {name: value for name, value in first.headers.items() if name.lower() not in own}
        assert kept.items() <= {**again.headers}.items()
        assert again.headers["x-request-id"] == f"{key.id}-{attempt}"
    assert len(emulator.calls()) == 1
    line = governed.gateway.line(f"{key.id}-3")
    assert line["replayed_request"] == f"{key.id}-first"
    assert "cost_usd" not in line
    assert len(governed.query(f"SELECT id FROM ledger WHERE key = '{key.name}'")) == 1
    assert governed.query("SELECT count(*) AS n FROM replays WHERE expires - began <> 86400000") == [{"n": 0}]


def test_another_request_or_caller_has_no_part_of_it(governed: Governed, key: NamedKey, emulator: Emulator) -> None:
    assert send(governed, key, "order-1").status_code == 200
    for changed in (
        send(governed, key, "order-1", CHAT | {"temperature": 0.5}),
        send(governed, key, "order-1", CHAT | {"model": "claude"}),
        send(governed, key, "order-1", path="/openai/v1/chat/completions"),
        send(governed, key, "order-1", **{"x-bedrock-flask-unsupported": "drop"}),
        send(governed, key, "order-1", **{"x-amzn-bedrock-guardrailidentifier": "gr-1"}),
    ):
        assert (changed.status_code, changed.json()["error"]["code"]) == (422, "idempotency_key_reused"), changed.text
        assert changed.headers["x-should-retry"] == "false"
    assert len(emulator.calls()) == 1
    other = send(governed, governed.create_key(), "order-1")
    assert other.status_code == 200
    assert "idempotent-replayed" not in other.headers
    assert "idempotent-replayed" not in send(governed, key, "order-2").headers
    assert len(emulator.calls()) == 3


def test_of_many_at_once_one_is_served(governed: Governed, key: NamedKey, emulator: Emulator) -> None:
    emulator.fault("slow_first_byte", 1, seconds=1)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: send(governed, key, "burst"), range(16)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 15}
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["error"]["code"] == "request_in_progress"
    assert (refused.headers["retry-after"], refused.headers["x-should-retry"]) == ("1", "true")
    assert send(governed, key, "burst").headers["idempotent-replayed"] == "true"
    assert len(emulator.calls()) == 1


def test_each_api_says_so_in_its_own_words(governed: Governed, key: NamedKey) -> None:
    turn = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}
    message = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    aws = "/model/amazon.nova-lite-v1:0/converse"
    for path, first, second, read in (
        ("/v1/messages", message, message | {"max_tokens": 8}, lambda it: it["error"]["code"]),
        (aws, turn, turn | {"inferenceConfig": {"maxTokens": 9}}, lambda it: it["code"]),
        ("/v1/models/nova/invoke", turn, turn | {"inferenceConfig": {"maxTokens": 9}}, lambda it: it["code"]),
    ):
        assert send(governed, key, path, first, path).status_code == 200
        assert send(governed, key, path, first, path).headers["idempotent-replayed"] == "true"
        refused = send(governed, key, path, second, path)
        assert (refused.status_code, read(refused.json())) == (422, "idempotency_key_reused"), refused.text
    assert refused.headers["content-type"] == "application/problem+json"


def test_streams_refuse_it_by_name(governed: Governed, key: NamedKey, emulator: Emulator) -> None:
    streamed = send(governed, key, "s", CHAT | {"stream": True})
    assert (streamed.status_code, streamed.json()["error"]["code"]) == (400, "stream_not_kept")
    own = send(governed, key, "s2", {"messages": CHAT["messages"]}, "/model/amazon.nova-lite-v1:0/converse-stream")
    assert own.status_code == 400
    assert emulator.calls() == []
    # It holds nothing.
    assert send(governed, key, "s").status_code == 200


@pytest.mark.parametrize("wrong", ["x" * 257, "two words", "caf\u00e9".encode().decode("latin-1")])
def test_a_key_is_bounded(governed: Governed, key: NamedKey, wrong: str) -> None:
    refused = send(governed, key, wrong)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "idempotency-key"), refused.text
    assert send(governed, key, "x" * 256).status_code == 200


def test_refusals_by_bedrock_are_kept_and_nothing_that_may_be_tried_again(
    governed: Governed, key: NamedKey, emulator: Emulator
) -> None:
    emulator.fault("ValidationException")
    first = send(governed, key, "refused")
    assert (first.status_code, first.json()["error"]["code"]) == (400, "bedrock_validation"), first.text
    again = send(governed, key, "refused")
    assert (again.status_code, again.content) == (400, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    for number, fault in enumerate(("ThrottlingException", "InternalServerException", "AccessDeniedException")):
        emulator.fault(fault)
        assert send(governed, key, f"again-{number}").status_code in (403, 429, 502)
        served = send(governed, key, f"again-{number}")
        assert served.status_code == 200
        assert "idempotent-replayed" not in served.headers
    invalid = CHAT | {"temperature": "hot"}
    assert [send(governed, key, "own", invalid).headers.get("idempotent-replayed") for _ in range(2)] == [None, None]
    assert send(governed, key, "own").status_code == 200


def test_an_answer_that_is_too_large_is_not_made_again(governed: Governed, key: NamedKey, emulator: Emulator) -> None:
    body = {"model": "titan-embed", "input": ["a"] * 3, "dimensions": 1024}
    first = send(governed, key, "large", body, "/v1/embeddings")
    assert first.status_code == 200, first.text
    assert len(first.content) > 10_000
    calls = len(emulator.calls())
    again = send(governed, key, "large", body, "/v1/embeddings")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "answer_not_kept")
    assert again.headers["x-should-retry"] == "false"
    assert len(emulator.calls()) == calls


def test_a_form_may_have_another_boundary(governed: Governed, key: NamedKey, emulator: Emulator) -> None:
    headers = {"authorization": f"Bearer {key.text}", "idempotency-key": "form"}
    png = ("a.png", base64.b64decode(draw_image("a street", 96, 64)), "image/png")

    def send_form(strength: str) -> requests.Response:
        fields = {"model": DIFFUSION, "prompt": "A door", "strength": strength}
        url = f"{governed.gateway.url}/v1/images/edits"
        return requests.post(url, data=fields, files={"image": png}, headers=headers, timeout=PATIENCE)

    assert send_form("0.7").status_code == 200
    assert send_form("0.7").headers["idempotent-replayed"] == "true"
    assert send_form("0.8").status_code == 422
    assert len(emulator.calls()) == 1


def test_a_client_that_left_finds_its_answer(governed: Governed, key: NamedKey, emulator: Emulator) -> None:
    emulator.fault("slow_first_byte", 1, seconds=1)
    headers = {"authorization": f"Bearer {key.text}", "idempotency-key": "impatient"}
    with pytest.raises(requests.ReadTimeout):
        requests.post(governed.gateway.url + PATH, json=CHAT, headers=headers, timeout=0.5)
    assert send(governed, key, "impatient").status_code == 409
    until = time.monotonic() + PATIENCE
    while (answer := send(governed, key, "impatient")).status_code == 409:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert answer.headers["idempotent-replayed"] == "true"
    assert len(emulator.calls()) == 1


def test_the_next_request_learns_that_one_was_lost_with_its_worker(
    governed: Governed, key: NamedKey, emulator: Emulator
) -> None:
    emulator.fault("slow_first_byte", 1, seconds=5)
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(send, governed, key, "lost", **{"x-request-id": f"{key.id}-lost"})
        until = time.monotonic() + PATIENCE
        while emulator.get("/_emulator/faults").json()["waiting"]:
            assert time.monotonic() < until
            time.sleep(0.02)
        for worker in governed.gateway.list_workers():
            os.kill(worker, signal.SIGKILL)
        with pytest.raises(requests.ConnectionError):
            lost.result()
    while (held := try_send(governed, key, "lost")) is None:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert (held.status_code, held.json()["error"]["code"]) == (409, "request_in_progress")
    # Half a minute passes.
    with begin(governed.database) as connection:
        connection.execute(text("UPDATE workers SET seen = seen - 31000"))
        connection.execute(text(f"UPDATE replays SET began = began - 31000 WHERE key = '{key.name}'"))
    other = send(governed, key, "lost", CHAT | {"temperature": 0.5})
    assert other.status_code == 422
    served = send(governed, key, "lost")
    assert served.status_code == 200, served.text
    assert served.headers["x-bedrock-flask-lost-request"] == f"{key.id}-lost"
    assert "idempotent-replayed" not in served.headers
    assert send(governed, key, "lost").headers["idempotent-replayed"] == "true"
    open_ledger_store(governed.database, parse_server_secret(PEPPER)).reap(30_000)
    while len(rows := read_ended(governed, key)) < 2:
        assert time.monotonic() < until + PATIENCE
        time.sleep(0.05)
    assert rows == {f"{key.id}-lost": "EST", served.headers["x-request-id"]: "OK"}


def try_send(governed: Governed, key: NamedKey, idempotency_key: str) -> requests.Response | None:
    """The answer of a worker, if one has been started again."""
    try:
        return send(governed, key, idempotency_key)
    except requests.ConnectionError:
        return None


def read_ended(governed: Governed, key: NamedKey) -> dict[str, str]:
    """The states of a key's calls that have ended."""
    rows = governed.query(f"SELECT request_id, state FROM ledger WHERE key = '{key.name}' AND state <> 'OPEN'")
    return {row["request_id"]: row["state"] for row in rows}


def use_each_sdk(gateway: Gateway, key: str) -> None:
    """Call by unmodified SDKs, whole and streamed."""
    chats = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key).chat.completions
    messages: Any = CHAT["messages"]
    assert chats.create(model="nova", messages=messages).choices[0].message.content
    assert list(chats.create(model="nova", messages=messages, stream=True))
    texts = anthropic.Anthropic(base_url=gateway.url, api_key=key).messages
    assert texts.create(model="claude", max_tokens=9, messages=messages).content
    assert list(texts.create(model="claude", max_tokens=9, messages=messages, stream=True))


def test_unmodified_sdks_are_served_and_repeat_what_they_name(
    governed: Governed, key: NamedKey, emulator: Emulator
) -> None:
    use_each_sdk(governed.gateway, key.text)
    aws = boto3.client(
        "bedrock-runtime",
        endpoint_url=governed.gateway.url,
        region_name="us-east-1",
        aws_access_key_id=key.id,
        aws_secret_access_key=key.aws_secret,
        config=Config(retries={"total_max_attempts": 1}),
    )
    turn = [{"role": "user", "content": [{"text": "Hi"}]}]
    assert aws.converse(modelId="amazon.nova-lite-v1:0", messages=turn)["output"]
    assert list(aws.converse_stream(modelId="amazon.nova-lite-v1:0", messages=turn)["stream"])
    assert governed.query(f"SELECT id FROM replays WHERE key = '{key.name}'") == []
    # It waits by itself for an answer that is being made.
    calls = len(emulator.calls())
    emulator.fault("slow_first_byte", 1, seconds=1)
    client = openai.OpenAI(base_url=f"{governed.gateway.url}/v1", api_key=key.text, max_retries=4)
    chat: Any = {**CHAT, "extra_headers": {"Idempotency-Key": "sdk"}}
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: client.chat.completions.create(**chat).id, range(2)))
    assert both[0] == both[1]
    assert len(emulator.calls()) == calls + 1


def test_without_a_database_it_is_refused_by_name(gateway: Gateway, emulator: Emulator) -> None:
    sent = requests.post(gateway.url + PATH, json=CHAT, headers={"idempotency-key": "a"}, timeout=PATIENCE)
    assert (sent.status_code, sent.json()["error"]["code"]) == (400, "idempotency_unavailable")
    assert emulator.calls() == []
    use_each_sdk(gateway, "any")


def test_while_the_database_is_away_nothing_is_called(
    start_gateway: StartGateway, plain_environ: dict[str, str], postgres: Postgres, emulator: Emulator
) -> None:
    settings = {"BEDROCK_FLASK_WORKERS": "1"}
    governed = start_governed(start_gateway, plain_environ, postgres.create_database(), "gevent", **settings)
    key = governed.create_key()
    assert send(governed, key, "a").status_code == 200
    emulator.fault("slow_first_byte", 1, seconds=1)
    with ThreadPoolExecutor(1) as pool:
        answered = pool.submit(send, governed, key, "b")
        until = time.monotonic() + PATIENCE
        while not governed.query("SELECT id FROM ledger WHERE state = 'OPEN'"):
            assert time.monotonic() < until
            time.sleep(0.02)
        postgres.kill()
        try:
            refused = send(governed, key, "a")
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "store_unavailable")
            assert "retry-after" in refused.headers
            # An answer that has begun goes out, and is kept when the database is back.
            assert answered.result().status_code == 200
        finally:
            postgres.start()
    while (again := send(governed, key, "b")).status_code in (409, 503):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert (again.content, again.headers["idempotent-replayed"]) == (answered.result().content, "true")
    assert len(emulator.calls()) == 2
