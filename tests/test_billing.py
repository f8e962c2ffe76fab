"""What a call may take of limits, estimated by the bytes of its body."""

import base64
import json
from typing import Any

import pytest

from bedrock_flask.billing import estimate_tokens
from bedrock_flask.call import Call
from bedrock_flask.models.loading import load_registry

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
