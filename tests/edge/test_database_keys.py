"""Keys of a database: known by every worker, revoked within five seconds, and never unknown because it is away."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from bedrock_flask.config.database import parse_database_url
from bedrock_flask.config.keys import parse_keys
from bedrock_flask.config.server_secret import ServerSecret, parse_server_secret
from bedrock_flask.governance.store import schema
from tests.databases import PEPPER, Postgres
from tests.doubles import StartGateway
from tests.governed import NOVA, PATIENCE, STATIC, Governed, NamedKey, start_governed

CHAT = {"model": "nova", "messages": [{"role": "user", "content": "Hi"}]}
MESSAGES = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
# How a dialect's error says which it is.
DIALECTS = {
    "/v1/models/nova/invoke": (NOVA, lambda body: body["code"]),
    "/v1/chat/completions": (CHAT, lambda body: body["error"]["code"]),
    "/v1/messages": (MESSAGES, lambda body: body["error"]["type"]),
    "/model/amazon.nova-lite-v1:0/converse": (NOVA, lambda body: body["message"]),
}


_PEPPER = parse_server_secret(PEPPER)


def make_client(governed: Governed, key_id: str, secret: str) -> Any:
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=governed.gateway.url,
        region_name="us-east-1",
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_a_key_is_served_in_every_form_and_the_log_names_key_and_team(
    governed: Governed, key: NamedKey, service_models_read_once: None
) -> None:
    text = key.text
    for headers in ({"authorization": f"Bearer {text}"}, {"x-api-key": text}):
        response = governed.send(headers)
        assert response.status_code == 200, response.text
        line = governed.gateway.line(response.headers["x-request-id"])
        assert (line["key"], line["team"]) == (key.name, "research")
    answer = make_client(governed, key.id, key.aws_secret).converse(modelId="nova", **NOVA)
    assert governed.gateway.line(answer["ResponseMetadata"]["RequestId"])["key"] == key.name
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        make_client(governed, key.id, "x" * 43).converse(modelId="nova", **NOVA)
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        make_client(governed, "unknown", key.aws_secret).converse(modelId="nova", **NOVA)


@pytest.mark.parametrize("presented", ["", "x", "sk-' OR 1=1 --", "bf_abc", "%s{{7*7}}${x}", "\u00e9\u00ff"])
@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
def test_an_unknown_key_is_refused_and_repeated_nowhere(governed: Governed, header: str, presented: str) -> None:
    value = f"Bearer {presented}canary" if header == "authorization" else f"{presented}canary"
    response = governed.send({header: value.encode("latin-1")})  # type: ignore[dict-item]
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert "canary" not in response.text


def test_a_static_key_is_served_beside_them(governed: Governed) -> None:
    response = governed.send({"authorization": f"Bearer {STATIC}"})
    assert response.status_code == 200
    line = governed.gateway.line(response.headers["x-request-id"])
    assert line["key"] == "static"
    assert "team" not in line


def test_a_static_key_signs_nothing_without_a_signing_secret(
    governed: Governed, service_models_read_once: None
) -> None:
    guessed = parse_keys([f"static:{STATIC}"]).derive_aws_secret("static", ServerSecret())
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        make_client(governed, "static", guessed).converse(modelId="nova", **NOVA)


def test_the_openapi_document_says_that_a_key_is_needed(governed: Governed, key: NamedKey) -> None:
    document = governed.gateway.ask("GET", "/openapi.json", headers={"x-api-key": key.text}).json()
    assert document["security"] == [{"bearer": []}, {"key": []}]


def test_without_a_key_nobody_is_served_from_loopback_either(governed: Governed) -> None:
    assert governed.send({}).status_code == 401


def test_a_revoked_key_is_refused_by_all_workers_within_five_seconds(governed: Governed, key: NamedKey) -> None:
    assert all(governed.is_served(key.text) for _ in range(8))
    governed.change("revoke_key", key.name)
    assert governed.await_refusal(key.text) < 5


def test_a_rotated_key_is_served_with_both_secrets_until_the_first_ends(governed: Governed, key: NamedKey) -> None:
    assert governed.is_served(key.text)
    new = governed.change("rotate_key", _PEPPER, key.name, 3600)
    assert governed.is_served(new.text)
    assert governed.is_served(key.text)
    last = governed.change("rotate_key", _PEPPER, key.name, 0)
    assert governed.await_refusal(key.text) < 5
    assert governed.await_refusal(new.text) < 5
    assert governed.is_served(last.text)


def test_an_expired_key_is_refused(governed: Governed) -> None:
    assert not governed.is_served(governed.create_key(expires=1).text)


def test_no_secret_is_in_a_log_or_a_process_title(governed: Governed, key: NamedKey) -> None:
    governed.is_served(key.text)
    seen = governed.gateway.log.read_text() + Path(f"/proc/{governed.gateway.process.pid}/cmdline").read_text()
    for secret in (key.text, key.aws_secret, PEPPER, "canary-postgres-password"):
        assert secret not in seen


@contextmanager
def out_of_service(postgres: Postgres, how: str) -> Iterator[None]:
    """Postgres killed, or stopped, until the block ends."""
    if how == "killed":
        postgres.kill()
    else:
        postgres.pause()
    try:
        yield
    finally:
        postgres.start() if how == "killed" else postgres.resume()


@pytest.fixture(scope="module", params=["gevent", pytest.param("gthread", marks=pytest.mark.nightly)])
def on_postgres(
    request: pytest.FixtureRequest, start_gateway: StartGateway, plain_environ: dict[str, str], postgres: Postgres
) -> Governed:
    return start_governed(start_gateway, plain_environ, postgres.create_database(), request.param)


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_while_the_database_is_away_nobody_is_unknown(
    on_postgres: Governed, postgres: Postgres, how: str, service_models_read_once: None
) -> None:
    key = on_postgres.create_key()
    bearer = {"authorization": f"Bearer {key.text}"}
    assert on_postgres.is_served(key.text)
    with out_of_service(postgres, how):
        # What a worker knows is used for four seconds at most, and never an unknown key.
        began, statuses = time.monotonic(), set()
        while time.monotonic() - began < 5:
            statuses |= {on_postgres.send(bearer).status_code, on_postgres.send({"x-api-key": "sk-x"}).status_code}
        assert {503} <= statuses <= {200, 503}
        for path, (body, read_code) in DIALECTS.items():
            for headers in (bearer, {"x-api-key": "sk-unknown"}):
                response = on_postgres.send(headers, path, body)
                assert response.status_code == 503, response.text
                assert int(response.headers["retry-after"]) > 0
                assert response.headers["x-should-retry"] == "true"
                assert read_code(response.json())
        assert on_postgres.send(bearer).json()["code"] == "store_unavailable"
        with pytest.raises(ClientError) as caught:
            make_client(on_postgres, key.id, key.aws_secret).converse(modelId="nova", **NOVA)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        ready = on_postgres.gateway.ask("GET", "/readyz")
        assert (ready.status_code, ready.json()["code"]) == (503, "store_unavailable")
        # Meanwhile nothing else waits.
        began = time.monotonic()
        assert on_postgres.gateway.ask("GET", "/livez").status_code == 200
        assert time.monotonic() - began < 1
    began = time.monotonic()
    while not on_postgres.serves_everywhere(key.text):
        assert time.monotonic() - began < 5
    assert on_postgres.gateway.ask("GET", "/readyz").status_code == 200
    assert on_postgres.send({"x-api-key": "sk-unknown"}).status_code == 401


def test_a_stopped_database_holds_up_no_greenlet(on_postgres: Governed, postgres: Postgres) -> None:
    """A driver that blocks would keep probes waiting, of every worker."""
    key = on_postgres.create_key()
    while not on_postgres.serves_everywhere(key.text):
        pass
    with out_of_service(postgres, "stopped"), ThreadPoolExecutor(16) as pool:
        waiting = [pool.submit(on_postgres.send, {"x-api-key": f"sk-{number}"}) for number in range(16)]
        slowest = 0.0
        while not all(each.done() for each in waiting):
            began = time.monotonic()
            assert on_postgres.gateway.ask("GET", "/livez").status_code == 200
            slowest = max(slowest, time.monotonic() - began)
        assert {each.result().status_code for each in waiting} == {503}
        assert slowest < 1


def test_a_gateway_starts_while_its_database_is_away(
    start_gateway: StartGateway, on_postgres: Governed, postgres: Postgres
) -> None:
    """It is not ready, which a balancer sees; `start_gateway` would wait for that."""
    text, environ = on_postgres.create_key().text, on_postgres.environ
    code = (
        "from bedrock_flask.app import create_app; import sys\n"
        "app = create_app(); client = app.test_client()\n"
        "def ask(): return client.get('/v1/models', headers={'x-api-key': sys.argv[1]}).status_code\n"
        "print(client.get('/readyz').status_code, ask(), flush=True); sys.stdin.readline()\n"
        "print(client.get('/readyz').status_code, ask(), flush=True)\n"
    )
    with out_of_service(postgres, "killed"):
        process = subprocess.Popen(
            [sys.executable, "-c", code, text],
            env=environ | {"BEDROCK_FLASK_DISCOVERY": "false"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "503 503\n"
    time.sleep(1.1)
    out, _ = process.communicate("\n", PATIENCE)
    assert out == "200 200\n"


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"BEDROCK_FLASK_KEY_PEPPER": "another-pepper-0123456789abcdef-and-more"}, "BEDROCK_FLASK_KEY_PEPPER"),
        ({"BEDROCK_FLASK_KEY_PEPPER": ""}, "BEDROCK_FLASK_KEY_PEPPER: is needed with a database"),
        ({"BEDROCK_FLASK_DATABASE_URL": "sqlite:///TMP/empty.db"}, "no schema: run bedrock-flask db upgrade"),
        ({"BEDROCK_FLASK_DATABASE_URL": "mysql://u:canary@h/d"}, "is not sqlite:///FILE or postgresql://"),
    ],
)
def test_a_gateway_that_would_know_no_key_does_not_start(
    plain_environ: dict[str, str], tmp_path: Path, settings: dict[str, str], fault: str
) -> None:
    (tmp_path / "empty.db").touch()
    own = {"BEDROCK_FLASK_DATABASE_URL": f"sqlite:///{tmp_path}/gateway.db", "BEDROCK_FLASK_KEY_PEPPER": PEPPER}
    schema.upgrade(parse_database_url(own["BEDROCK_FLASK_DATABASE_URL"]), _PEPPER)
    changed = {name: value.replace("TMP", str(tmp_path)) for name, value in settings.items()}
    done = subprocess.run(
        [sys.executable, "-c", "from bedrock_flask.app import wsgi_app; wsgi_app()"],
        env=plain_environ | own | changed,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 3
    [line] = done.stderr.splitlines()
    assert fault in line
    assert "canary" not in line


def test_without_a_database_no_driver_is_imported(plain_environ: dict[str, str]) -> None:
    code = (
        "import sys, json; from bedrock_flask.app import create_app; create_app()\n"
        "drivers = ('sqlalchemy', 'alembic', 'psycopg', 'sqlite3', 'redis')\n"
        "print(json.dumps([name for name in drivers if name in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=plain_environ, capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert json.loads(done.stdout) == []
