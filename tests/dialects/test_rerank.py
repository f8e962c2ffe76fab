"""Cohere's Rerank for every model that ranks texts."""

import json
from typing import Any

import pytest

from tests.doubles import Emulator, Gateway

Json = dict[str, Any]
V1, V2 = "/v1/rerank", "/v2/rerank"
DOCUMENTS = ["Rain is likely.", "The roads meet at the door.", "Roads."]
BODY = {"model": "cohere-rerank", "query": "Where do the roads meet?", "documents": DOCUMENTS}


def sent(emulator: Emulator) -> Json:
    return dict(json.loads(emulator.calls()[-1]["body"]))


@pytest.mark.parametrize("path", [V1, V2])
@pytest.mark.parametrize("model", ["cohere-rerank", "amazon-rerank", "cohere.rerank-v3-5:0", "rerank-v3.5"])
def test_documents_are_ranked(gateway: Gateway, emulator: Emulator, path: str, model: str) -> None:
    response = gateway.post(path, {**BODY, "model": model, "top_n": 2})
    assert response.status_code == 200, response.text
    answer = response.json()
    assert [each["index"] for each in answer["results"]] == [1, 2]
    assert answer["results"][0].keys() == {"index", "relevance_score"}
    assert answer["id"]
    assert answer["meta"]["api_version"] == {"version": path[2]}
    assert answer["meta"]["tokens"]["input_tokens"] > 0
    assert "billed_units" not in answer["meta"]
    body = sent(emulator)
    assert (body["query"], body["documents"], body["top_n"]) == (BODY["query"], DOCUMENTS, 2)
    assert body.get("api_version") == (None if model.startswith("amazon") else 2)


def test_a_whole_number_may_be_written_with_a_fraction(gateway: Gateway, emulator: Emulator) -> None:
    response = gateway.post(V2, {**BODY, "top_n": 2.0})
    assert [each["index"] for each in response.json()["results"]] == [1, 2]
    assert sent(emulator)["top_n"] == 2.0


def test_documents_may_be_objects_and_come_back_on_request(gateway: Gateway, emulator: Emulator) -> None:
    documents: list[Any] = [{"text": DOCUMENTS[0], "page": 7}, DOCUMENTS[1]]
    body = {**BODY, "documents": documents, "return_documents": True, "rank_fields": ["text"]}
    answer = gateway.post(V1, body).json()
    assert [each["document"] for each in answer["results"]] == [{"text": DOCUMENTS[1]}, documents[0]]
    assert sent(emulator)["documents"] == DOCUMENTS[:2]


def test_the_limit_of_tokens_goes_to_the_model_that_has_one(gateway: Gateway, emulator: Emulator) -> None:
    assert gateway.post(V2, {**BODY, "max_tokens_per_doc": 512}).status_code == 200
    assert sent(emulator)["max_tokens_per_doc"] == 512
    response = gateway.post(V2, {**BODY, "model": "amazon-rerank", "max_tokens_per_doc": 512})
    assert response.status_code == 400
    assert response.json()["errors"][0]["path"] == "max_tokens_per_doc"


@pytest.mark.parametrize(
    ("path", "members", "fault"),
    [
        (V2, {"query": ""}, "query"),
        (V2, {"documents": []}, "documents"),
        (V2, {"documents": ["a", {"title": "b"}]}, "documents[1].text"),
        (V2, {"documents": ["a", 5]}, "documents[1]"),
        (V2, {"top_n": 0}, "top_n"),
        (V2, {"top_n": "2"}, "top_n"),
        (V2, {"priority": 5}, "priority"),
        (V2, {"max_chunks_per_doc": 5}, "max_chunks_per_doc"),
        (V1, {"max_chunks_per_doc": 5}, "max_chunks_per_doc"),
        (V1, {"rank_fields": ["title"]}, "rank_fields"),
    ],
)
def test_a_fault_is_refused_by_its_path_in_coheres_words(
    gateway: Gateway, emulator: Emulator, path: str, members: Json, fault: str
) -> None:
    response = gateway.post(path, {**BODY, **members})
    assert response.status_code == 400, response.text
    document = response.json()
    assert document["errors"][0]["path"] == fault
    assert fault.partition("[")[0] in document["message"]
    assert document["id"] == response.headers["x-request-id"]
    assert emulator.calls() == []


def test_a_model_that_nobody_knows_is_not_found_in_coheres_words(gateway: Gateway, emulator: Emulator) -> None:
    response = gateway.post(V2, {**BODY, "model": "rerank-v9"})
    assert response.status_code == 404
    assert "rerank-v9" in response.json()["message"]


@pytest.mark.parametrize(
    "results",
    [
        [],
        [{"index": 3, "relevance_score": 0.5}],
        [{"index": -1, "relevance_score": 0.5}],
        [{"index": "0"}],
        [{"index": True, "relevance_score": 0.5}],
        [{"index": "arn:aws:iam::123456789012:role/r", "relevance_score": 0.5}],
        [{"index": 0, "relevance_score": "high"}],
    ],
)
def test_a_ranking_of_other_documents_is_no_answer(gateway: Gateway, emulator: Emulator, results: list[Any]) -> None:
    assert emulator.post("/_emulator/replies", {"times": 1, "body": {"results": results}}).ok
    response = gateway.post(V2, BODY)
    assert response.status_code == 502, response.text
    assert "123456789012" not in response.text
