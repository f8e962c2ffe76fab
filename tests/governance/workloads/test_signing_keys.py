"""The keys of an issuer: only those that can verify a signature by the algorithm that a token names."""

import json
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from bedrock_flask.governance.workloads.signing_keys import SigningKeys, parse_keys

RSA = RSAKey.generate_key(2048).as_dict(private=False)
P256 = ECKey.generate_key("P-256").as_dict(private=False)
ED25519 = OKPKey.generate_key("Ed25519").as_dict(private=False)


def parse(*rows: Any) -> SigningKeys:
    return parse_keys(json.dumps({"keys": rows}).encode())


def test_a_key_is_found_by_its_id_and_what_it_can_do() -> None:
    keys = parse(
        {**RSA, "kid": "a"}, {**P256, "kid": "a"}, {**ED25519, "kid": "b"}, {**RSA, "kid": "b", "alg": "PS256"}
    )
    found = {
        (kid, algorithm): [key.key_type for key in keys.find(kid, algorithm)]
        for kid in ("a", "b", "c", None)
        for algorithm in ("RS256", "PS256", "ES256", "ES384", "EdDSA")
    }
    assert {key: kinds for key, kinds in found.items() if kinds} == {
        ("a", "RS256"): ["RSA"],
        ("a", "PS256"): ["RSA"],
        ("a", "ES256"): ["EC"],
        ("b", "PS256"): ["RSA"],
        ("b", "EdDSA"): ["OKP"],
        (None, "RS256"): ["RSA"],
        (None, "ES256"): ["EC"],
        (None, "EdDSA"): ["OKP"],
    }


@pytest.mark.parametrize(
    "row",
    [
        {"kty": "oct", "k": "c2VjcmV0"},
        {**RSA, "use": "enc"},
        {**RSA, "n": RSA["n"][:200]},
        {**RSA, "n": str(RSA["n"]) * 5},
        {**RSA, "n": 7},
        {**P256, "x": "AA"},
        {**P256, "crv": "P-1"},
        {"kty": "RSA"},
        {},
        "text",
    ],
)
def test_a_key_that_cannot_verify_is_left_out(row: Any) -> None:
    assert len(parse(row, RSA).keys) == 1
    with pytest.raises(ValueError, match="has none that verify"):
        parse(row)


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b'{"keys": {}}', b"\xff", b"<html>"])
def test_a_document_of_something_else_is_an_error(document: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of the parser or of ours
        parse_keys(document)
