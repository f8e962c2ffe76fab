"""Texts of SQL and of templates in every header and field, on every way to be refused: nothing reads them as code.

The most costly faults of other gateways were in their error paths: a refusal that was written to a database with a
statement made of the caller's text. Here each caller is refused for another reason, with a database behind it.
"""

import http.client
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from tests.databases import PEPPER
from tests.doubles import Emulator
from tests.governed import STATIC, Governed, NamedKey

TEXTS = (
    "'; DROP TABLE ledger; --",
    "' OR '1'='1",
    '" OR ""="',
    "1); DELETE FROM keys WHERE (1=1",
    "\\'; UPDATE teams SET revoked = 1; --",
    "{{48271*69621}} ${48271*69621} #{48271*69621} <%= 48271*69621 %>",
    "{0.__class__.__mro__} {key} {}",
    "%(key)s %s %n %d",
    ":key :id ? $1 @@version",
    "../../etc/passwd",
)
# What one of them would have become.
COMPUTED = str(48271 * 69621)
NOVA = "amazon.nova-lite-v1:0"
HI = [{"role": "user", "content": "Hi"}]
TURN = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "inferenceConfig": {"stopSequences": ["x"]}}
REQUESTS: dict[str, Any] = {
    "/v1/chat/completions": {"model": NOVA, "messages": HI, "user": "u", "stop": ["x"], "metadata": {"a": "b"}},
    "/v1/responses": {"model": NOVA, "input": "Hi", "user": "u", "metadata": {"a": "b"}},
    "/v1/messages": {"model": NOVA, "max_tokens": 9, "messages": HI, "metadata": {"user_id": "u"}},
    "/v1/embeddings": {"model": "titan-embed", "input": "Hi"},
    "/v1/invoke": {"model": NOVA, "input": TURN},
    f"/v1/models/{NOVA}/invoke": TURN,
    f"/model/{NOVA}/converse": {**TURN, "requestMetadata": {"a": "b"}},
    "/async-invoke": {"modelId": NOVA, "clientRequestToken": "t", "modelInput": TURN, "outputDataConfig": {}},
}
# Those that are read besides the key, and one that is not.
HEADERS = (
    "x-request-id",
    "idempotency-key",
    "x-forwarded-for",
    "x-bedrock-flask-unsupported",
    "x-amzn-bedrock-guardrailidentifier",
    "x-amzn-bedrock-service-tier",
    "x-amzn-bedrock-request-metadata",
    "openai-project",
    "anthropic-workspace-id",
    "anthropic-beta",
    "amz-sdk-request",
    "user-agent",
    "x-other",
)
SIGNED = "AWS4-HMAC-SHA256 Credential={}/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=aa"


@pytest.fixture(scope="module")
def callers(governed: Governed) -> dict[str, NamedKey]:
    """Keys whose calls are served, or refused each for another reason."""
    names = ("served", "without a budget", "without a rate", "without a model", "without a dialect", "elsewhere")
    keys = {name: governed.create_key() for name in names}
    for name, change, value in (
        ("without a budget", "set_budgets", ({"day": "0.000000001"},)),
        ("without a rate", "set_limits", ("", {"requests": 0})),
        ("without a model", "set_policy", ({"models": []},)),
        ("without a dialect", "set_policy", ({"dialects": []},)),
        ("elsewhere", "set_policy", ({"networks": ["192.0.2.0/24"]},)),
    ):
        governed.change(change, f"key:{keys[name].name}", *value)
    return keys


def ask(governed: Governed, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    """The status and the text of an answer, with headers as they are: no client corrects them."""
    place = urlsplit(governed.gateway.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=30)
    try:
        connection.request("POST", path, body, {"content-type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read().decode("latin-1")
    finally:
        connection.close()


def list_variants(body: Any, text: str) -> Iterator[Any]:
    """The body with the text in place of each string and of each name in it, one at a time."""
    if isinstance(body, str):
        yield text
    for at, value in enumerate(body) if isinstance(body, list) else ():
        for variant in list_variants(value, text):
            yield [*body[:at], variant, *body[at + 1 :]]
    for name, value in body.items() if isinstance(body, dict) else ():
        for variant in list_variants(value, text):
            yield {**body, name: variant}
        yield {(text if each == name else each): inner for each, inner in body.items()}


def check(governed: Governed, path: str, body: Any, headers: dict[str, str]) -> int:
    status, text = ask(governed, path, json.dumps(body).encode(), headers)
    assert status < 500, (path, body, headers, text)
    assert COMPUTED not in text, (path, body, headers)
    return status


def count_rows(governed: Governed) -> dict[str, int]:
    tables = ("teams", "keys", "secrets")
    counts = {table: governed.query(f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in tables}
    revoked = governed.query("SELECT count(*) AS n FROM keys WHERE revoked IS NOT NULL")[0]["n"]
    return {**counts, "revoked": revoked}


def test_texts_of_sql_and_templates_are_texts_in_every_header_and_field(
    governed: Governed, callers: dict[str, NamedKey]
) -> None:
    before = count_rows(governed)
    keys = itertools.cycle(callers.values())
    seen = set()
    for (path, body), text in itertools.product(REQUESTS.items(), TEXTS):
        for variant in list_variants(body, text):
            seen.add(check(governed, path, variant, {"x-api-key": next(keys).text}))
        for key in callers.values():
            seen.add(
                check(governed, path, body, {"authorization": f"Bearer {key.text}"} | dict.fromkeys(HEADERS, text))
            )
    # Each caller was refused in its own way, and one was served.
    assert seen >= {200, 400, 402, 403, 404, 429}
    assert count_rows(governed) == before
    assert governed.is_served(callers["served"].text)


def test_a_key_that_is_such_a_text_is_unknown_and_nothing_else(
    governed: Governed, callers: dict[str, NamedKey]
) -> None:
    before, path = count_rows(governed), f"/v1/models/{NOVA}/invoke"
    for text in (*TEXTS, *(f"bf_{text}_x_123456" for text in TEXTS)):
        for headers in ({"x-api-key": text}, {"authorization": f"Bearer {text}"}, {"authorization": text}):
            assert check(governed, path, TURN, headers) == 401
        assert check(governed, path, TURN, {"authorization": SIGNED.format(quote(text))}) in (400, 401, 403)
        assert check(governed, path, TURN, {"authorization": SIGNED.format(text)}) in (400, 401, 403)
    assert count_rows(governed) == before
    assert governed.is_served(callers["served"].text)


def test_such_a_text_in_an_address_names_no_model(governed: Governed, callers: dict[str, NamedKey]) -> None:
    key, before = callers["served"].text, count_rows(governed)
    for text in TEXTS:
        for path in (
            "/v1/models/{}/invoke",
            "/model/{}/converse",
            "/v1/models/{}/jobs",
            "/guardrail/g/version/{}/apply",
        ):
            status = check(governed, path.format(quote(text, safe="")), TURN, {"x-api-key": key})
            assert 400 <= status < 500
        assert check(governed, f"/v1/usage?since={quote(text)}", {}, {"x-api-key": key}) in (400, 405)
    assert count_rows(governed) == before


def test_no_secret_is_in_a_log_an_error_or_a_title_of_a_process(
    governed: Governed, callers: dict[str, NamedKey], emulator: Emulator
) -> None:
    wrong = "canary-wrong-key-0123456789"
    secrets = [wrong, PEPPER, STATIC, *(each for key in callers.values() for each in (key.text, key.aws_secret))]
    secrets += [key.text.split("_")[2] for key in callers.values()]
    address = urlsplit(governed.environ["BEDROCK_FLASK_DATABASE_URL"])
    secrets += [address.password] if address.password else []
    answers = ""
    for path, body in REQUESTS.items():
        data = json.dumps(body).encode()
        for presented in (wrong, STATIC, *(key.text for key in callers.values())):
            for headers in ({"x-api-key": presented}, {"authorization": f"Bearer {presented}"}):
                answers += ask(governed, path, data, headers)[1]
                answers += ask(governed, path, data[:-2], headers)[1]
    emulator.fault("throttle", 3)
    answers += ask(
        governed, f"/model/{NOVA}/converse", json.dumps(TURN).encode(), {"x-api-key": callers["served"].text}
    )[1]
    log = governed.gateway.log.read_text()
    assert "Traceback" not in log
    for place, text in (("answer", answers), ("log", log), ("title", read_titles(governed.gateway.process.pid))):
        assert text
        assert not [secret for secret in secrets if secret in text], place


def read_titles(pid: int) -> str:
    """The titles of a process and of its children, as everybody on the machine may read them."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return "\n".join(Path(f"/proc/{each}/cmdline").read_bytes().decode() for each in (str(pid), *children))
