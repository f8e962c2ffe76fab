"""Summaries by a model on Amazon Bedrock."""

from collections.abc import Iterator

import boto3
from botocore.config import Config

MODEL = "amazon.nova-lite-v1:0"

client = boto3.client("bedrock-runtime", config=Config(retries={"mode": "standard", "total_max_attempts": 3}))


class CutShort(Exception):
    """The stream ended before the answer did."""


def summarise(text: str) -> str:
    """One sentence about the text."""
    reply = client.converse(**_request(text))
    return reply["output"]["message"]["content"][0]["text"]


def summarise_aloud(text: str) -> Iterator[str]:
    """The same, piece by piece."""
    ended = False
    for event in client.converse_stream(**_request(text))["stream"]:
        if "contentBlockDelta" in event:
            yield event["contentBlockDelta"]["delta"]["text"]
        ended = ended or "messageStop" in event
    if not ended:
        raise CutShort("the model's answer broke off")


def _request(text: str) -> dict:
    prompt = {"text": f"Summarise this in one sentence: {text}"}
    return {
        "modelId": MODEL,
        "messages": [{"role": "user", "content": [prompt]}],
        "inferenceConfig": {"maxTokens": 100},
    }
