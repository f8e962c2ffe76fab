"""CountTokens in both forms: it counts what a call reports afterwards, and refuses other models."""

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.doubles import Emulator

CLAUDE = "anthropic.claude-opus-4-6-v1"
CLAUDE_ARN = f"arn:aws:bedrock:us-east-1::foundation-model/{CLAUDE}"
TOOLS = {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}]}
REQUEST = {
    "system": [{"text": "Be brief."}],
    "messages": [
        {"role": "user", "content": [{"text": "Hello there, you."}]},
        {"role": "assistant", "content": [{"text": "Yes?"}]},
        {"role": "user", "content": [{"text": "What is two and two?"}]},
    ],
    "toolConfig": TOOLS,
}
NATIVE = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 10,
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "What is two and two?"}],
}
NOT_COUNTED = ("ValidationException", "The provided model doesn't support counting tokens.")


@pytest.fixture
def counting(emulator: Emulator, strict_client: Any) -> Any:
    return strict_client(emulator.url)


def refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_a_conversation_counts_what_converse_then_reads(counting: Any) -> None:
    response = counting.count_tokens(modelId=CLAUDE, input={"converse": REQUEST})
    assert response["inputTokens"] == counting.converse(modelId=CLAUDE, **REQUEST)["usage"]["inputTokens"]
    fewer = counting.count_tokens(modelId=CLAUDE, input={"converse": REQUEST | {"system": []}})
    assert fewer["inputTokens"] == response["inputTokens"] - 3


@pytest.mark.parametrize("model", [CLAUDE, CLAUDE_ARN])
def test_a_native_body_counts_what_the_model_then_reads(counting: Any, model: str) -> None:
    response = counting.count_tokens(modelId=model, input={"invokeModel": {"body": json.dumps(NATIVE)}})
    headers = counting.invoke_model(modelId=model, body=json.dumps(NATIVE))["ResponseMetadata"]["HTTPHeaders"]
    assert str(response["inputTokens"]) == headers["x-amzn-bedrock-input-token-count"] == "9"


def test_what_is_cached_counts_too(counting: Any) -> None:
    cached = {"messages": [{"role": "user", "content": [{"text": "one two"}, {"cachePoint": {"type": "default"}}]}]}
    assert counting.count_tokens(modelId=CLAUDE, input={"converse": cached})["inputTokens"] == 2


@pytest.mark.parametrize(
    "model",
    [
        "anthropic.claude-3-7-sonnet-20250219-v1:0",
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "anthropic.claude-haiku-4-5-20251001-v1:0",
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
        "anthropic.claude-sonnet-4-6",
    ],
)
def test_a_model_is_counted_by_its_own_id_even_if_it_is_called_through_profiles(counting: Any, model: str) -> None:
    assert counting.count_tokens(modelId=model, input={"converse": REQUEST})["inputTokens"] > 0


@pytest.mark.parametrize(
    "model",
    [
        "amazon.nova-lite-v1:0",
        "amazon.titan-embed-text-v2:0",
        "newvendor.model-of-tomorrow",
        "anthropic.claude-3-haiku-20240307-v1:0",
        "anthropic.claude-opus-4-7",
        "anthropic.claude-opus-5-5",
        "anthropic.claude-sonnet-5",
        "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        f"us.{CLAUDE}",
        f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.{CLAUDE}",
    ],
)
def test_models_that_aws_does_not_count_for_are_refused_in_its_words(counting: Any, model: str) -> None:
    assert refusal(counting.count_tokens, modelId=model, input={"converse": REQUEST}) == NOT_COUNTED


def test_a_body_that_the_model_would_not_take_is_refused_with_the_path(counting: Any, emulator: Emulator) -> None:
    body = json.dumps({**NATIVE, "max_tokens": "ten"})
    code, message = refusal(counting.count_tokens, modelId=CLAUDE, input={"invokeModel": {"body": body}})
    assert (code, "max_tokens" in message) == ("ValidationException", True)
    for source, place in (
        ({"converse": {"messages": [{"role": "user"}]}}, "messages[0].content"),
        ({"converse": {"mesages": []}}, "mesages"),
        ({"invokeModel": {"body": "no base64!"}}, "base64"),
        ({"invokeModel": {"body": base64.b64encode(b"{").decode()}}, "Malformed"),
        ({}, "input"),
        ({"invokeModel": {"body": ""}, "converse": {}}, "exactly one of"),
    ):
        answer = emulator.post(f"/model/{CLAUDE}/count-tokens", {"input": source})
        assert (answer.status_code, place in answer.json()["message"]) == (400, True), answer.text
    answer = emulator.post(f"/model/{CLAUDE}{'x' * 256}/count-tokens", {"input": {"converse": REQUEST}})
    assert answer.status_code == 400


def test_it_obeys_faults_and_is_in_the_request_log(counting: Any, emulator: Emulator) -> None:
    emulator.fault("throttle")
    with pytest.raises(counting.exceptions.ThrottlingException):
        counting.count_tokens(modelId=CLAUDE, input={"converse": REQUEST})
    [entry] = emulator.calls()
    assert (entry["operation"], entry["model"], entry["status"], entry["fault"]) == (
        "CountTokens",
        CLAUDE,
        429,
        "throttle",
    )
