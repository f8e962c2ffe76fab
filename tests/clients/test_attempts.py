"""Calls upstream for one call that fails for ever: no SDK's attempts are multiplied by the gateway's, or nearly none.

Each SDK has its own defaults. docs/explanation/errors.md has the same numbers as a table.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import boto3
import openai
import pytest
from botocore.config import Config

from tests.doubles import Emulator, Gateway

PAGE = Path(__file__).parents[2] / "docs/explanation/errors.md"
NOVA = "amazon.nova-lite-v1:0"
USER: Any = [{"role": "user", "content": "Hi"}]
FAULTS = {"429": "throttle", "503": "unavailable", "500": "internal", "408": "ModelTimeoutException"}

Ask = Callable[[str], object]


def ask_with_boto3(mode: str) -> Ask:
    def ask(url: str) -> object:
        client = boto3.client(
            "bedrock-runtime",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="emulator",
            aws_secret_access_key="emulator",
            config=Config(retries={"mode": mode}),  # type: ignore[typeddict-item]
        )
        return client.converse(modelId=NOVA, messages=[{"role": "user", "content": [{"text": "Hi"}]}])

    return ask


def ask_with_openai(url: str) -> object:
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="any")
    return client.chat.completions.create(model=NOVA, messages=USER)


def ask_responses(url: str) -> object:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="any").responses.create(model=NOVA, input="Hi")


def ask_with_anthropic(url: str) -> object:
    return anthropic.Anthropic(base_url=url, api_key="any").messages.create(model=NOVA, max_tokens=9, messages=USER)


CLIENTS: dict[str, Ask] = {
    "boto3, `legacy`": ask_with_boto3("legacy"),
    "boto3, `standard`": ask_with_boto3("standard"),
    "boto3, `adaptive`": ask_with_boto3("adaptive"),
    "openai for Python, chat": ask_with_openai,
    "openai for Python, responses": ask_responses,
    "anthropic for Python": ask_with_anthropic,
}


def read_table() -> dict[str, dict[str, str]]:
    """The calls upstream by client and status, as the page has them."""
    lines = re.findall(r"^\| (.+) \|$", PAGE.read_text(), re.M)
    head = next(line for line in lines if line.startswith("client |"))
    statuses = head.split(" | ")[1:]
    rows = [line.split(" | ") for line in lines[lines.index(head) + 2 :]]
    return {name: dict(zip(statuses, counts, strict=True)) for name, *counts in rows if len(counts) == len(statuses)}


def count_calls(ask: Ask, url: str, emulator: Emulator, fault: str) -> int:
    emulator.ask("DELETE", "/_emulator/requests")
    emulator.fault(fault, count=30, retry_after="0")
    with pytest.raises(Exception, match=r".") as raised:
        ask(url)
    emulator.ask("DELETE", "/_emulator/faults")
    assert "connect" not in str(raised.value).lower(), raised.value
    return len(emulator.calls())


@pytest.mark.parametrize("status", FAULTS)
@pytest.mark.parametrize("name", CLIENTS)
def test_one_failing_call_makes_as_many_calls_as_the_page_says(
    gateway: Gateway, emulator: Emulator, name: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A model of its own: the gateway has a budget of retries for each, and no call of this page succeeds.
    number = list(CLIENTS).index(name) * len(FAULTS) + list(FAULTS).index(status)
    monkeypatch.setattr(sys.modules[__name__], "NOVA", f"newvendor.model-{number}")
    calls = count_calls(CLIENTS[name], gateway.url, emulator, FAULTS[status])
    assert read_table()[name][status] == str(calls)
    # An SDK's own attempts, or the gateway's three with one for each further one of the SDK.
    assert calls <= 5
    # Elsewhere the waits would only be waited for twice.
    if name.startswith("boto3") and status == "500":
        assert calls == count_calls(CLIENTS[name], emulator.url, emulator, FAULTS[status])
