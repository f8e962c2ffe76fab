"""The keys of an issuer over HTTP: from where it says, without redirects, and within bounds."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from bedrock_flask.governance.workloads.fetching import read_keys
from bedrock_flask.governance.workloads.issuers_file import Issuer
from tests.doubles import Script, Upstream, run_upstream, send_whole

KEYS = json.dumps({"keys": [RSAKey.generate_key(2048, {"kid": "one"}).as_dict(private=False)]}).encode()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with run_upstream() as running:
        yield running


def describe(upstream: Upstream, **members: Any) -> Script:
    """A discovery document."""
    own = {"issuer": upstream.url, "jwks_uri": f"{upstream.url}/jwks"}
    return send_whole(json.dumps({**own, **members}).encode())


def read(url: str, *scripts: Script, upstream: Upstream, **options: Any) -> Any:
    upstream.scripts = list(scripts)
    return read_keys(Issuer(id="own", url=url, audience=("a",), **options))


def test_keys_are_discovered(upstream: Upstream) -> None:
    found = read(upstream.url, describe(upstream), send_whole(KEYS), upstream=upstream)
    assert [key.kid for key in found.keys] == ["one"]
    assert [request.split()[1] for request in upstream.requests] == [b"/.well-known/openid-configuration", b"/jwks"]


def test_an_issuer_with_a_path_and_a_slash_is_itself(upstream: Upstream) -> None:
    url = f"{upstream.url}/tenant/"
    read(url, describe(upstream, issuer=url), send_whole(KEYS), upstream=upstream)
    assert upstream.requests[0].split()[1] == b"/tenant/.well-known/openid-configuration"


@pytest.mark.parametrize(
    "members",
    [
        {"issuer": "http://127.0.0.1:1"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": "http://issuer.example.com/jwks"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "data:application/json,{}"},
    ],
)
def test_a_discovery_document_of_another_issuer_or_with_an_unsafe_address_is_refused(
    upstream: Upstream, members: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="its discovery document"):
        read(upstream.url, describe(upstream, **members), send_whole(KEYS), upstream=upstream)
    assert len(upstream.requests) == 1


def test_a_redirect_is_not_followed(upstream: Upstream) -> None:
    redirect = send_whole(b"", "302 Found", location=f"{upstream.url}/other")
    with pytest.raises(OSError, match="302"):
        read(upstream.url, redirect, send_whole(KEYS), upstream=upstream)
    assert len(upstream.requests) == 1


def test_a_document_that_is_too_large_is_not_read(upstream: Upstream) -> None:
    with pytest.raises(ValueError, match="larger than"):
        read(upstream.url, describe(upstream), send_whole(b" " * 600_000 + KEYS), upstream=upstream)


def test_the_operators_token_goes_only_to_the_address_beside_it(upstream: Upstream, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("canary-token\n")
    options = {"jwks_uri": f"{upstream.url}/openid/v1/jwks", "token_file": str(tmp_path / "token")}
    read("https://kubernetes.default.svc", send_whole(KEYS), upstream=upstream, **options)
    [request] = upstream.requests
    assert request.startswith(b"GET /openid/v1/jwks ")
    assert b"canary-token\r\n" in request
    read(upstream.url, describe(upstream), send_whole(KEYS), upstream=upstream, token_file=options["token_file"])
    assert not any(b"canary" in request for request in upstream.requests[1:])


@pytest.mark.parametrize("text", ["canary-token\nanother", "canary token", ""])
def test_a_token_that_no_header_can_have_is_in_no_error(upstream: Upstream, tmp_path: Path, text: str) -> None:
    (tmp_path / "token").write_text(text)
    with pytest.raises(ValueError, match="token_file") as raised:
        read(upstream.url, upstream=upstream, jwks_uri=f"{upstream.url}/jwks", token_file=str(tmp_path / "token"))
    assert "canary" not in str(raised.value)
    assert not upstream.requests
