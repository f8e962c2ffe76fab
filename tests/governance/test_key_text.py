"""The text of a key: it is random, a typing error shows, and only with the pepper it leads to its digest."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.config.server_secret import parse_server_secret
from bedrock_flask.governance import key_text

PEPPER, OTHER = parse_server_secret("p" * 32), parse_server_secret("q" * 32)


def test_a_key_has_the_form_that_scanners_of_secrets_look_for() -> None:
    new = key_text.draw_key()
    assert re.fullmatch(rf"bf_{new.id}_[0-9A-Za-z]{{43}}_[0-9A-Za-z]{{6}}", new.text)
    assert not key_text.is_mistyped(new.text)
    assert new.text not in repr(new)


def test_no_two_keys_are_alike() -> None:
    drawn = [key_text.draw_key() for _ in range(200)]
    assert len({new.id for new in drawn}) == len({new.text for new in drawn}) == 200


@given(st.integers(3, 64), st.sampled_from("0aZ"))
def test_a_changed_character_is_noticed(place: int, other: str) -> None:
    text = key_text.draw_key().text
    changed = text[:place] + other + text[place + 1 :]
    assert key_text.is_mistyped(changed) == (changed != text)


@pytest.mark.parametrize("text", ["sk-1234", "a-static-secret", "", "bearer"])
def test_keys_of_another_form_have_no_checksum(text: str) -> None:
    assert not key_text.is_mistyped(text)


def test_the_digest_depends_on_the_whole_key_and_on_the_pepper() -> None:
    text = key_text.draw_key().text
    digests = {
        key_text.compute_digest(PEPPER, text),
        key_text.compute_digest(OTHER, text),
        key_text.compute_digest(PEPPER, text[:-1]),
        key_text.compute_digest(PEPPER, f"{text} "),
        hashlib.sha256(text.encode()).digest(),
    }
    assert len(digests) == 5


def test_a_key_of_litellm_is_known_by_the_hash_that_it_stores() -> None:
    stored = hashlib.sha256(b"sk-litellm").hexdigest()
    assert key_text.pepper_hash(PEPPER, bytes.fromhex(stored)) == key_text.compute_digest(PEPPER, "sk-litellm")


def test_an_aws_secret_depends_on_id_digest_and_pepper() -> None:
    found = {
        key_text.derive_aws_secret(PEPPER, "a", b"1"),
        key_text.derive_aws_secret(PEPPER, "b", b"1"),
        key_text.derive_aws_secret(PEPPER, "a", b"2"),
        key_text.derive_aws_secret(OTHER, "a", b"1"),
    }
    assert len(found) == 4
    assert all(len(secret) == 43 for secret in found)
