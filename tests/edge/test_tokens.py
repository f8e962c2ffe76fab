"""Tokens of trusted issuers instead of keys: proven, mapped to a team or a key, and refused everything else."""

import base64
import hmac
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

from bedrock_flask.config.server_secret import parse_server_secret
from bedrock_flask.governance.workloads.issuers_file import read_issuers
from tests.databases import PEPPER
from tests.governed import NOVA, PATIENCE, Governed, StartGoverned, create_tables
from tests.identity_provider import AUDIENCE, Provider, run_provider

CHAT = {"model": "nova", "messages": [{"role": "user", "content": "Hi"}]}
MESSAGES = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
DIALECTS = {
    "/v1/models/nova/invoke": NOVA,
    "/v1/chat/completions": CHAT,
    "/v1/messages": MESSAGES,
    "/model/amazon.nova-lite-v1:0/converse": NOVA,
}
ISSUERS = """
[issuers.own]
url = "{own}"
audience = ["https://elsewhere.example.com", "{audience}"]

[[issuers.own.rules]]
claims = {{ repository = "acme/app", ref = ["refs/heads/main", "refs/tags/v*"] }}
team = "research"
name = "repository"
tags = {{ branch = "ref", namespace = ["kubernetes.io", "namespace"], absent = "absent" }}

[[issuers.own.rules]]
claims = {{ sub = "job" }}
key = "research/nightly-job"

[[issuers.own.rules]]
claims = {{ sub = "ghost" }}
key = "research/ghost"

[[issuers.own.rules]]
claims = {{ "kubernetes.io" = {{ namespace = "ml-*" }} }}
team = "leavers"

[issuers.short]
url = "{short}"
audience = "{audience}"
max_age = 2

[[issuers.short.rules]]
claims = {{ sub = "*" }}
team = "research"
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with run_provider() as running:
        yield running


@pytest.fixture(scope="module")
def short() -> Iterator[Provider]:
    """A provider whose keys serve only a few seconds after it is away."""
    with run_provider() as running:
        yield running


@pytest.fixture(scope="module")
def governed(
    start_with_database: StartGoverned, tmp_path_factory: pytest.TempPathFactory, provider: Provider, short: Provider
) -> Governed:
    file = tmp_path_factory.mktemp("tokens") / "issuers.toml"
    file.write_text(ISSUERS.format(own=provider.url, short=short.url, audience=AUDIENCE))
    governed = start_with_database(BEDROCK_FLASK_ISSUERS_FILE=str(file))
    governed.change("create_team", "leavers", "research")
    governed.change("set_policy", "team:leavers", {"dialects": ["native"]})
    governed.change("create_key", parse_server_secret(PEPPER), "research", "nightly-job", None, {"centre": "7"})
    governed.change("set_policy", "key:research/nightly-job", {"dialects": ["native"]})
    governed.change("set_budgets", "team:acme", {"month": "100"})
    return governed


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def ask(governed: Governed, token: str, **options: Any) -> Any:
    return governed.send(bearer(token), **options)


def await_status(governed: Governed, token: str, status: int) -> float:
    """The seconds until every worker answers a token so."""
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        while {each.status_code for each in pool.map(governed.send, [bearer(token)] * 16)} != {status}:
            assert time.monotonic() - began < PATIENCE
    return time.monotonic() - began


def test_a_token_is_a_caller_of_its_team_with_a_row_in_the_ledger(governed: Governed, provider: Provider) -> None:
    claims = {"repository": "acme/app", "ref": "refs/tags/v1", "kubernetes.io": {"namespace": "ml"}}
    token = provider.issue("ci", **claims)
    for headers in (bearer(token), {"x-api-key": token}):
        response = governed.send(headers)
        assert response.status_code == 200, response.text
        line = governed.gateway.line(response.headers["x-request-id"])
        assert (line["key"], line["team"]) == ("research/own:acme/app", "research")
    request_id = response.headers["x-request-id"]
    [row] = governed.query(f"SELECT * FROM ledger WHERE request_id = '{request_id}'")
    assert (row["key"], row["team"], row["secret"]) == ("research/own:acme/app", "research", "issuer:own")
    assert json.loads(row["tags"]) == {"branch": "refs/tags/v1", "namespace": "ml"}
    assert [charge[0] for charge in json.loads(row["charges"])] == ["team:acme/month"]


def test_a_token_is_a_key_of_the_database_with_its_rules(governed: Governed, provider: Provider) -> None:
    token = provider.issue("job")
    response = ask(governed, token)
    assert response.status_code == 200, response.text
    request_id = response.headers["x-request-id"]
    [row] = governed.query(f"SELECT key, tags FROM ledger WHERE request_id = '{request_id}'")
    assert (row["key"], json.loads(row["tags"])) == ("research/nightly-job", {"centre": "7"})
    refused = ask(governed, token, path="/v1/chat/completions", body=CHAT)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "policy_refused")
    # A key that does not exist, or not any more, is nobody.
    assert ask(governed, provider.issue("ghost")).status_code == 401


def test_the_policy_of_a_team_rules_its_tokens(governed: Governed, provider: Provider) -> None:
    token = provider.issue("pod", **{"kubernetes.io": {"namespace": "ml-batch"}})
    assert ask(governed, token).status_code == 200
    assert ask(governed, token, path="/v1/chat/completions", body=CHAT).status_code == 403


def sign_of(own: dict[str, Any], /, **header: Any) -> Callable[[Provider], str]:
    """A token whose claims and header differ from a valid one in this."""
    return lambda provider: provider.sign({"repository": "acme/app", "ref": "refs/heads/main", **own}, **header)


def encode(document: Any) -> str:
    return encode_bytes(json.dumps(document).encode())


def encode_bytes(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def replace_header(**header: Any) -> Callable[[Provider], str]:
    """A valid token whose header has been written anew, with its old signature."""

    def make(provider: Provider) -> str:
        _, claims, signature = sign_of({})(provider).split(".")
        own = {"alg": "RS256", "kid": provider.keys[-1].kid, "typ": "JWT", **header}
        return f"{encode(own)}.{claims}.{signature if own['alg'] != 'none' else ''}"

    return make


def sign_with_public_key(provider: Provider) -> str:
    """HMAC with the text of the public key, which a verifier that trusts `alg` takes for a secret."""
    head, claims = encode({"alg": "HS256", "kid": provider.keys[-1].kid}), sign_of({})(provider).split(".")[1]
    signature = hmac.digest(provider.keys[-1].as_pem(private=False), f"{head}.{claims}".encode(), "sha256")
    return f"{head}.{claims}.{encode_bytes(signature)}"


def sign_with_own_key(provider: Provider) -> str:
    """A key of the attacker's, which the token brings along."""
    own = RSAKey.generate_key(2048)
    return sign_of({}, jwk=own.as_dict(private=False), jku="http://127.0.0.1:1/jwks")(
        Provider(provider.port, keys=[own])
    )


def sign_with_crit(provider: Provider) -> str:
    """A header that this gateway must understand, and does not, with a valid signature."""
    head = encode({"alg": "RS256", "kid": provider.keys[-1].kid, "crit": ["x"], "x": 1})
    claims = sign_of({})(provider).split(".")[1]
    signature = JWSRegistry.algorithms["RS256"].sign(f"{head}.{claims}".encode(), provider.keys[-1])
    return f"{head}.{claims}.{encode_bytes(signature)}"


def replace_claims(provider: Provider) -> str:
    """A valid signature over other claims."""
    head, claims, signature = sign_of({})(provider).split(".")
    own = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return f"{head}.{encode({**own, 'exp': own['exp'] + 1})}.{signature}"


NOW = int(time.time())
REFUSED: dict[str, Callable[[Provider], str]] = {
    "expired": sign_of({"exp": NOW - 31}),
    "never expires": sign_of({"exp": None}),
    "expires as a text": sign_of({"exp": "9999999999"}),
    "expires never, as a number": sign_of({"exp": float("inf")}),
    "not valid yet": sign_of({"nbf": NOW + 3600}),
    "issued in the future": sign_of({"iat": NOW + 3600}),
    "another audience": sign_of({"aud": "https://another.example.com"}),
    "audience as a part": sign_of({"aud": AUDIENCE[:-1]}),
    "no audience": sign_of({"aud": None}),
    "an empty audience": sign_of({"aud": []}),
    "another issuer": sign_of({"iss": "https://issuer.example.com"}),
    "no issuer": sign_of({"iss": None}),
    "an issuer as a list": lambda provider: sign_of({"iss": [provider.url]})(provider),
    "no rule": sign_of({"repository": "acme/other"}),
    "another case": sign_of({"repository": "Acme/App"}),
    "a branch that is not listed": sign_of({"ref": "refs/heads/attack"}),
    "a claim of another type": sign_of({"repository": {"acme/app": "acme/app"}}),
    "a name with spaces": sign_of({"repository": ["acme/app"]}),
    "no signature": replace_header(alg="none"),
    "another algorithm": replace_header(alg="PS256"),
    "an algorithm as a number": replace_header(alg=1),
    "a key that is a path": replace_header(kid="../../../../dev/null"),
    "a key that is a query": replace_header(kid="x' UNION SELECT 'secret"),
    "a key that is a list": replace_header(kid=[1]),
    "what must be understood": sign_with_crit,
    "the public key as a secret": sign_with_public_key,
    "a key of one's own": sign_with_own_key,
    "other claims": replace_claims,
    "claims that are a list": lambda provider: f"{encode({'alg': 'RS256'})}.{encode([1])}.x",
    "claims that are deep": lambda provider: f"{encode({'alg': 'RS256'})}.{'W1tb' * 1900}.x",
    "no token": lambda provider: "eyJhbGciOiJSUzI1NiJ9.e30.",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_token_that_is_not_valid_is_refused_and_repeated_nowhere(
    governed: Governed, provider: Provider, name: str
) -> None:
    token = REFUSED[name](provider)
    response = ask(governed, token)
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated"), response.text
    assert response.headers["www-authenticate"] == "Bearer"
    assert token.split(".")[1] not in response.text
    assert ask(governed, token, path="/v1/models/nova/schema", body=None).status_code == 401


def test_the_clocks_may_differ_a_little(governed: Governed, provider: Provider) -> None:
    now = int(time.time())
    for claims in ({"exp": now - 10}, {"nbf": now + 20, "iat": now + 20}):
        assert ask(governed, sign_of(claims)(provider)).status_code == 200


def test_a_token_without_a_key_id_is_served_where_the_issuer_has_one_key(governed: Governed, short: Provider) -> None:
    assert ask(governed, short.sign({}, kid=None)).status_code == 200


def test_a_token_of_one_issuer_is_none_of_another(governed: Governed, provider: Provider, short: Provider) -> None:
    """The key of each verifies only what says that it is from there."""
    claims = {"repository": "acme/app", "ref": "refs/heads/main"}
    forged = short.sign({**claims, "iss": provider.url}, kid=provider.keys[-1].kid)
    assert ask(governed, forged).status_code == 401


def test_keys_are_rotated(governed: Governed, provider: Provider) -> None:
    old = provider.issue("ci", repository="acme/app", ref="refs/heads/main")
    await_status(governed, old, 200)
    provider.rotate()
    new = provider.issue("ci", repository="acme/app", ref="refs/heads/main")
    await_status(governed, new, 200)
    assert ask(governed, old).status_code == 200
    provider.rotate(keep=False)
    await_status(governed, provider.issue("ci", repository="acme/app", ref="refs/heads/main"), 200)
    # What the issuer has withdrawn is not served from the cache of tokens.
    assert ask(governed, old).status_code == 401
    assert ask(governed, new).status_code == 401


def test_a_revoked_team_or_key_refuses_its_tokens_within_five_seconds(governed: Governed, provider: Provider) -> None:
    tokens = [provider.issue("pod", **{"kubernetes.io": {"namespace": "ml-batch"}}), provider.issue("job")]
    for token in tokens:
        await_status(governed, token, 200)
    governed.change("revoke_team", "leavers")
    governed.change("revoke_key", "research/nightly-job")
    assert sum(await_status(governed, token, 401) for token in tokens) < 5


def test_while_an_issuer_is_away_its_keys_serve_for_a_while_and_then_nobody_is_unknown(
    governed: Governed, provider: Provider, short: Provider
) -> None:
    token, other = short.issue("pod"), provider.issue("ci", repository="acme/app", ref="refs/heads/main")
    await_status(governed, token, 200)
    await_status(governed, other, 200)
    with short.out_of_service():
        assert ask(governed, token).status_code == 200
        # The age of the keys.
        assert await_status(governed, token, 503) < 2.5
        for path, body in DIALECTS.items():
            response = ask(governed, token, path=path, body=body)
            assert response.status_code == 503, response.text
            assert int(response.headers["retry-after"]) > 0
        response = ask(governed, token)
        assert response.json()["code"] == "issuer_unavailable"
        assert governed.query(f"SELECT 1 FROM ledger WHERE request_id = '{response.headers['x-request-id']}'") == []
        # All others are served.
        assert ask(governed, other).status_code == 200
        assert governed.gateway.ask("GET", "/readyz").status_code == 200
    assert await_status(governed, token, 200) < 5


def test_strangers_cannot_have_the_keys_read_without_limit(governed: Governed, provider: Provider) -> None:
    before = provider.keys_read
    strangers = [replace_header(kid=f"stranger-{number}")(provider) for number in range(200)]
    with ThreadPoolExecutor(16) as pool:
        statuses = {each.status_code for each in pool.map(governed.send, map(bearer, strangers))}
    assert statuses <= {401, 503}
    # Six for each of two workers, and one that may be due by the clock.
    assert provider.keys_read - before <= 14


def test_an_issuer_that_does_not_answer_holds_up_nobody_else(governed: Governed, provider: Provider) -> None:
    token = provider.issue("ci", repository="acme/app", ref="refs/heads/main")
    await_status(governed, token, 200)
    strangers = [replace_header(kid=f"other-{number}")(provider) for number in range(32)]
    with provider.held(), ThreadPoolExecutor(32) as pool:
        waiting = [pool.submit(ask, governed, stranger) for stranger in strangers]
        slowest = 0.0
        while not all(each.done() for each in waiting):
            began = time.monotonic()
            assert governed.gateway.ask("GET", "/livez").status_code == 200
            assert ask(governed, token).status_code == 200
            slowest = max(slowest, time.monotonic() - began)
        assert {each.result().status_code for each in waiting} <= {401, 503}
        assert slowest < 1


def test_no_token_is_in_the_log(governed: Governed, provider: Provider) -> None:
    token = provider.issue("ci", repository="acme/app", ref="refs/heads/main")
    ask(governed, token)
    ask(governed, REFUSED["expired"](provider))
    assert "eyJ" not in governed.gateway.log.read_text()


def test_the_page_holds(governed: Governed, provider: Provider, tmp_path: Path, capsys: Any, repository: Path) -> None:
    page = (repository / "docs/how-to/workload-identity.md").read_text()
    files = re.findall(r"```toml\n(.*?)```", page, re.S)
    (tmp_path / "issuers.toml").write_text("\n".join(files))
    assert [issuer.id for issuer in read_issuers(f"{tmp_path}/issuers.toml")] == ["github", "cluster"]
    (tmp_path / "token").write_text(provider.issue("ci", repository="acme/app", ref="refs/heads/main"))
    [program] = re.findall(r"```py\n(.*?)```", page, re.S)
    for old, new in (
        ("http://127.0.0.1:8000", governed.gateway.url),
        ("/var/run/secrets/gateway", str(tmp_path)),
    ):
        assert old in program
        program = program.replace(old, new)
    exec(compile(program, "workload-identity.md", "exec"), {})
    assert capsys.readouterr().out.strip()


def start(environ: dict[str, str], code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def test_without_its_package_the_gateway_says_what_is_missing(plain_environ: dict[str, str], tmp_path: Path) -> None:
    away = ISSUERS.format(own="http://127.0.0.1:1", short="http://127.0.0.1:2", audience=AUDIENCE)
    (tmp_path / "issuers.toml").write_text(away)
    environ = plain_environ | create_tables(f"sqlite:///{tmp_path}/gateway.db")
    environ |= {"BEDROCK_FLASK_ISSUERS_FILE": f"{tmp_path}/issuers.toml"}
    done = start(
        environ, "import sys; sys.modules['joserfc'] = None\nfrom bedrock_flask.app import wsgi_app; wsgi_app()"
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (3, 1)
    assert "pip install 'bedrock-flask[oidc]'" in done.stderr
    # With it, it starts while its issuers are away.
    done = start(environ, "from bedrock_flask.app import wsgi_app; wsgi_app()")
    assert done.returncode == 0, done.stderr


def test_without_issuers_no_library_of_tokens_is_imported(plain_environ: dict[str, str], tmp_path: Path) -> None:
    environ = plain_environ | create_tables(f"sqlite:///{tmp_path}/gateway.db")
    done = start(
        environ,
        "import sys; from bedrock_flask.app import create_app; create_app()\n"
        "print([name for name in ('joserfc', 'cryptography') if name in sys.modules])",
    )
    assert done.stdout == "[]\n", done.stderr
