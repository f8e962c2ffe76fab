"""What a call may take, estimated by the bytes of its body."""

import base64
import json
from typing import Any

import pytest

from bedrock_flask.call import Call
from bedrock_flask.models.loading import load_registry
from bedrock_flask.reservation import DEFAULT_ANSWER, FILE_TOKENS, estimate_input, estimate_tokens, find_most_tokens

REGISTRY = load_registry("")


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
        ({"messages": [{"content": '"max_tokens": 7'}]}, DEFAULT_ANSWER),
        ({"max_tokens": None}, DEFAULT_ANSWER),
        ({}, DEFAULT_ANSWER),
    ],
)
def test_the_most_tokens_of_an_answer_are_found_in_every_format(body: Any, most: int) -> None:
    assert find_most_tokens(make_call(body)) == most


def test_an_embedding_has_no_tokens_of_an_answer() -> None:
    assert find_most_tokens(make_call({"inputText": "Hi"}, "titan-embed")) == 0


def test_four_bytes_of_a_body_are_a_token() -> None:
    assert estimate_input(b"x" * 8) == 2
    assert estimate_input(b"x" * 9) == 3
    assert estimate_input(b" " * 4000) == 1000


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_a_file_counts_as_an_image(prefix: str) -> None:
    file = prefix + base64.b64encode(bytes(range(256)) * 4000).decode()
    body = json.dumps({"text": "x" * 100, "bytes": file}).encode()
    assert FILE_TOKENS <= estimate_input(body) <= FILE_TOKENS + 40
    assert estimate_input(json.dumps({"text": f"words {file}"}).encode()) > 100_000


def test_what_is_not_billed_takes_no_tokens() -> None:
    assert estimate_tokens(make_call({"max_tokens": 7}, billed_as="")) == 0
    assert estimate_tokens(make_call({"max_tokens": 7})) > 7
