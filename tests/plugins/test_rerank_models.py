"""Models that rank texts, in their own bodies: by the native route, and by boto3."""

import json
from typing import Any

import pytest

from tests.doubles import Emulator, Gateway

Json = dict[str, Any]
COHERE, AMAZON = "cohere.rerank-v3-5:0", "amazon.rerank-v1:0"
QUERY = {
    "query": "What is the capital of the United States?",
    "documents": [
        "Carson City is the capital city of Nevada.",
        "Washington is the capital of the United States.",
        "Capital letters begin a sentence.",
    ],
}


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (COHERE, {**QUERY, "top_n": 2, "api_version": 2}),
        (COHERE, {**QUERY, "top_n": 2, "api_version": 2, "max_tokens_per_doc": 512}),
        (AMAZON, {**QUERY, "top_n": 2}),
    ],
)
def test_documents_are_ranked(gateway: Gateway, emulator: Emulator, model: str, body: Json) -> None:
    response = gateway.post(f"/v1/models/{model}/invoke", body)
    assert response.status_code == 200, response.text
    first, second = response.json()["results"]
    assert first["index"] == 1
    assert 1 >= first["relevance_score"] > second["relevance_score"] > 0
    by_boto3 = emulator.client().invoke_model(modelId=model, body=json.dumps(body))["body"].read()
    assert json.loads(by_boto3) == response.json()


@pytest.mark.parametrize(
    ("model", "body", "path"),
    [
        (COHERE, {**QUERY, "api_version": 1}, "api_version"),
        (COHERE, {**QUERY, "top_n": 0}, "top_n"),
        (COHERE, {**QUERY, "top_k": 2}, "top_k"),
        (COHERE, {**QUERY, "documents": []}, "documents"),
        (COHERE, {**QUERY, "documents": ["a", 5]}, "documents[1]"),
        (AMAZON, {**QUERY, "api_version": 2}, "api_version"),
        (AMAZON, {"documents": ["a"]}, "query"),
    ],
)
def test_an_altered_body_is_refused_by_its_path_before_any_call(
    gateway: Gateway, emulator: Emulator, model: str, body: Json, path: str
) -> None:
    response = gateway.post(f"/v1/models/{model}/invoke", body)
    assert response.status_code == 400
    assert path in [each["path"] for each in response.json()["errors"]]
    assert emulator.calls() == []
