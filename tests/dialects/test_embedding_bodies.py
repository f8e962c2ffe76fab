"""Embedding models by their own bodies, natively and on Bedrock's route: as AWS publishes them, and altered ones."""

import json
from typing import Any

import pytest

from tests.doubles import Emulator, Gateway
from tests.plugins.test_embedding_families import FITTING, UNFIT

Json = dict[str, Any]
# Larger ones are refused by their size alone.
_LARGEST = 1_000_000
AT_ONCE = [(name, body) for name, surface, body in FITTING if surface == "invoke"]
ALTERED = [
    (name, body, path) for name, surface, body, path in UNFIT if surface == "invoke" and len(str(body)) < _LARGEST
]


@pytest.mark.parametrize(("name", "body"), AT_ONCE)
def test_a_body_as_aws_publishes_it_is_sent_unchanged_and_answered(
    gateway: Gateway, emulator: Emulator, name: str, body: Json
) -> None:

    answers = [gateway.post(path, body) for path in (f"/v1/models/{name}/invoke", f"/model/{name}/invoke")]
    assert [answer.status_code for answer in answers] == [200, 200], [answer.text for answer in answers]
    assert answers[0].content == answers[1].content
    assert [json.loads(call["body"]) for call in emulator.calls()] == [body, body]


@pytest.mark.parametrize(("name", "body", "path"), ALTERED)
def test_an_altered_one_is_refused_by_its_path_before_any_call(
    gateway: Gateway, emulator: Emulator, name: str, body: Json, path: str
) -> None:
    native = gateway.post(f"/v1/models/{name}/invoke", body)
    assert native.status_code == 400, native.text
    assert path in [fault["path"] for fault in native.json()["errors"]]
    assert emulator.calls() == []
    by_bedrock = gateway.post(f"/model/{name}/invoke", body)
    assert (by_bedrock.status_code, path in by_bedrock.json()["message"]) == (400, True), by_bedrock.text
    # Bedrock's own routes leave it to Bedrock which members exist.
    assert emulator.calls() == [] or "is not a known field" in by_bedrock.text
