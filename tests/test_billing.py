"""What a call may take of limits, estimated by the bytes of its body."""

import base64
import json
from decimal import Decimal
from typing import Any

import pytest

from bedrock_flask.billing import estimate_cost, estimate_tokens
from bedrock_flask.call import Call
from bedrock_flask.models.loading import load_registry
from bedrock_flask.prices.pricer import Pricer

REGISTRY = load_registry("")
# What an answer is assumed to have.
USUAL = 4096


def make_call(body: Any, adapter: str = "nova", *, billed_as: str = "x") -> Call:
    found = REGISTRY.adapters[adapter]
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Call(adapter=found, operation="Converse", model="x", body=data, billed_as=billed_as)


@pytest.mark.parametrize(
    ("body", "most"),
    [
        ({"inferenceConfig": {"maxTokens": 7}}, 7),
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 7}, 7),
        ({"max_output_tokens": 7}, 7),
        ({"textGenerationConfig": {"maxTokenCount": 7}}, 7),
        ({"max_gen_len": 7}, 7),
        ({"max_tokens": 7, "messages": [{"content": {"max_tokens": 9}}]}, 9),
        ({"max_tokens": 9, "messages": [{"content": {"max_tokens": 7}}]}, 9),
        (b'{"max_tokens"\n:\t7}', 7),
        (rb'{"max\u005ftokens": 7}', 7),
        (rb'{"\u006DaxT\u006fkens": 9000}', 9000),
        (rb'{"text": "\u0022max_tokens\u0022: 7"}', USUAL),
        ({"messages": [{"content": '"max_tokens": 7'}]}, USUAL),
        ({"max_tokens": None}, USUAL),
        ({}, USUAL),
    ],
)
def test_the_most_tokens_of_an_answer_are_found_in_every_format(body: Any, most: int) -> None:
    call = make_call(body)
    assert estimate_tokens(call) == len(call.body) // 3 + most


def test_an_embedding_has_no_tokens_of_an_answer() -> None:
    assert estimate_tokens(make_call({"inputText": "Hi"}, "titan-embed")) == len(b'{"inputText": "Hi"}') // 3


def test_a_file_counts_less_than_its_bytes_and_a_text_does_not() -> None:
    file = base64.b64encode(bytes(range(256)) * 4000).decode()
    assert 5_000 < estimate_tokens(make_call({"bytes": file, "max_tokens": 7})) < 5_100
    assert estimate_tokens(make_call({"text": f"words {file}"})) > 400_000


def test_what_is_not_billed_takes_no_tokens() -> None:
    assert estimate_tokens(make_call({"max_tokens": 7}, billed_as="")) == 0
    assert estimate_tokens(make_call({"max_tokens": 7})) > 7


@pytest.mark.parametrize(
    ("body", "answers"),
    [
        ({"n": 3}, 3),
        ({"n": 3.0}, 3),
        (rb'{"max_tokens": 7, "\u006e" : 3}', 3),
        ({"num_generations": 5}, 5),
        ({"n": 10**40}, 1000),
        ({"n": 0}, 1),
        ({"n": None}, 1),
        ({"messages": [{"toolUse": {"input": {"n": 100}}}]}, 1),
        (b'{"n": 3', 1),
        (b'["n", {"n": 3}]', 1),
    ],
)
def test_each_answer_that_is_wanted_may_have_as_many_tokens(body: Any, answers: int) -> None:
    call = make_call({"max_tokens": 7, **body} if isinstance(body, dict) else body)
    most = 7 if b"max_tokens" in call.body else USUAL
    assert estimate_tokens(call) == len(call.body) // 3 + most * answers


@pytest.mark.parametrize(
    ("documents", "queries"), [(["a"] * 100, 1), (["a"] * 101, 2), (["a"] * 301, 4), (["word " * 30_000], 2)]
)
def test_a_ranking_reserves_a_query_for_each_hundred_documents(documents: list[str], queries: int) -> None:
    call = make_call({"query": "q", "documents": documents}, "cohere-rerank", billed_as="cohere.rerank-v3-5:0")
    assert estimate_cost(Pricer(), call) == queries * Decimal("0.002")


def test_a_reservation_is_for_all_answers() -> None:
    bodies = ({"n": 3, "max_tokens": 1000}, {"n": 1, "max_tokens": 3000})
    costs = [estimate_cost(Pricer(), make_call(body, billed_as="amazon.nova-lite-v1:0")) for body in bodies]
    assert costs[0] == costs[1]
