"""The issuers file: strict, with every fault reported at once."""

from pathlib import Path

import pytest

from bedrock_flask.errors import IssuersFileError
from bedrock_flask.governance.workloads.issuers_file import Issuer, Rule, read_issuers

WHOLE = """
[issuers.cluster]
url = "https://kubernetes.default.svc.cluster.local"
audience = "gateway"
algorithms = ["RS256", "ES256", "EdDSA"]
max_age = 600
jwks_uri = "https://kubernetes.default.svc/openid/v1/jwks"
ca_file = "FILE"
token_file = "FILE"

[[issuers.cluster.rules]]
claims = { "kubernetes.io" = { namespace = ["ml", "batch-*"] } }
team = "research"
name = ["kubernetes.io", "serviceaccount", "name"]
tags = { namespace = ["kubernetes.io", "namespace"] }

[[issuers.cluster.rules]]
claims = { sub = "x", verified = true, level = 3 }
key = "research/nightly-job"
"""
PLAIN = """
[issuers.a]
url = "https://issuer.example.com"
audience = "gateway"

[[issuers.a.rules]]
claims = { sub = "x" }
team = "research"
"""


def write(folder: Path, text: str) -> str:
    (folder / "issuers.toml").write_text(text.replace("FILE", str(folder / "issuers.toml")))
    return str(folder / "issuers.toml")


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, WHOLE)
    [issuer] = read_issuers(path)
    assert issuer == Issuer(
        id="cluster",
        url="https://kubernetes.default.svc.cluster.local",
        audience=("gateway",),
        algorithms=["RS256", "ES256", "EdDSA"],
        max_age=600,
        jwks_uri="https://kubernetes.default.svc/openid/v1/jwks",
        ca_file=path,
        token_file=path,
        rules=[
            Rule(
                claims={"kubernetes.io": {"namespace": ["ml", "batch-*"]}},
                team="research",
                name=("kubernetes.io", "serviceaccount", "name"),
                tags={"namespace": ("kubernetes.io", "namespace")},
            ),
            Rule(claims={"sub": "x", "verified": True, "level": 3}, key="research/nightly-job"),
        ],
    )


def test_an_issuer_signs_asymmetrically_and_its_keys_serve_an_hour_by_default(tmp_path: Path) -> None:
    [issuer] = read_issuers(write(tmp_path, PLAIN))
    assert (tuple(issuer.algorithms), issuer.max_age, issuer.rules[0].name) == (("RS256", "ES256"), 3600, ("sub",))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('audience = "gateway"', "", "[issuers.a] audience: Missing data"),
        ('audience = "gateway"', "audience = []", "audience: is not a text"),
        ('audience = "gateway"', 'audience = ""', "audience: is not a text"),
        ("https://issuer", "http://issuer", "url: is not an https address"),
        ("https://issuer", "https://user:secret@issuer", "url: is not an https address"),
        ("https://issuer", "file:///issuer", "url: is not an https address"),
        ("[[", 'algorithms = ["HS256"]\n[[', "algorithms[0]: Must be one of"),
        ("[[", 'algorithms = ["none"]\n[[', "algorithms[0]: Must be one of"),
        ("[[", "algorithms = []\n[[", "algorithms: Shorter than minimum length"),
        ("[[", "max_age = 0\n[[", "max_age: Must be greater"),
        ("[[", 'token_file = "FILE"\n[[', "token_file: needs jwks_uri"),
        ("[[", 'ca_file = "/none"\n[[', "ca_file: /none is not a file"),
        ("[[", 'jwks_url = "https://x"\n[[', "jwks_url: Unknown field"),
        ('{ sub = "x" }', "{}", "rules[0].claims: is not a table of claims"),
        ('{ sub = "x" }', '{ sub = "" }', "rules[0].claims: is not a table of claims"),
        ('{ sub = "x" }', "{ sub = [] }", "rules[0].claims: is not a table of claims"),
        ('{ sub = "x" }', "{ sub = 2026-01-01 }", "rules[0].claims: is not a table of claims"),
        ('team = "research"', "", "rules[0]: has either a team or a key"),
        ('team = "research"', 'team = "a"\nkey = "a/b"', "rules[0]: has either a team or a key"),
        ('team = "research"', 'team = "a/b"', "rules[0].team: String does not match"),
        ('team = "research"', 'key = "a/b"\nname = "sub"', "rules[0].name: has a key, which has its own name"),
        ("[[issuers.a.rules]]", "[issuers.a.rules]", "rules: "),
        ("issuers.a", 'issuers."a b"', "a name has up to 32"),
        ("[issuers.a]", "other = 1\n[issuers.a]", "'other' is not known"),
        ("[issuers.a]", "[", "cannot be read"),
    ],
)
def test_a_fault_is_named(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in PLAIN
    with pytest.raises(IssuersFileError) as raised:
        read_issuers(write(tmp_path, PLAIN.replace(old, new)))
    assert fault in str(raised.value)
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_two_issuers_have_two_addresses(tmp_path: Path) -> None:
    with pytest.raises(IssuersFileError, match="two issuers have the same url"):
        read_issuers(write(tmp_path, PLAIN + PLAIN.replace("issuers.a", "issuers.b")))


def test_a_file_without_issuers_is_a_mistake(tmp_path: Path) -> None:
    for text in ("", "[issuers]"):
        with pytest.raises(IssuersFileError, match="has no issuers"):
            read_issuers(write(tmp_path, text))
