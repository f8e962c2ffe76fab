"""The request log: what arrived, without secrets, and how it ended."""

import json
from typing import Any

from bedrock_flask.emulator.journal import MOST, MOST_BODY, Journal

MODEL = "amazon.nova-lite-v1:0"
MESSAGES = [{"role": "user", "content": [{"text": "Hello"}]}]


def test_it_tells_what_arrived_and_that_it_was_sent(emulator: Any, bedrock: Any) -> None:
    told = bedrock.converse(modelId=MODEL, messages=MESSAGES)
    [entry] = emulator.calls()
    assert (entry["operation"], entry["model"], entry["ended"]) == ("Converse", MODEL, "sent")
    assert json.loads(entry["body"]) == {"messages": MESSAGES}
    assert entry["request_id"] == told["ResponseMetadata"]["RequestId"]
    assert entry["status"] == 200
    assert entry["headers"]["content-type"] == "application/json"
    assert "Credential=emulator/" in entry["headers"]["authorization"]
    assert entry["headers"]["authorization"].endswith("Signature=***")


def test_a_stream_that_is_read_to_its_end_was_sent(emulator: Any, bedrock: Any, ended: Any) -> None:
    list(bedrock.converse_stream(modelId=MODEL, messages=MESSAGES)["stream"])
    assert ended(emulator)["ended"] == "sent"


def test_a_client_that_leaves_within_a_stream_is_noticed(emulator: Any, leave: Any, ended: Any) -> None:
    leave("ConverseStream", {"fault": "stall", "after": 3, "seconds": 0.5}, until=300)
    assert ended(emulator)["ended"] == "client left"


def test_it_can_be_cleared(emulator: Any, bedrock: Any) -> None:
    bedrock.converse(modelId=MODEL, messages=MESSAGES)
    assert emulator.ask("DELETE", "/_emulator/requests").status_code == 204
    assert emulator.calls() == []


def test_it_is_bounded_in_entries_and_in_bodies() -> None:
    journal = Journal()
    for number in range(MOST + 5):
        journal.begin("Converse", str(number), "id", [], b"x" * (MOST_BODY + 1) if not number % 100 else b"")
    entries = journal.listed()
    assert len(entries) == MOST
    assert entries[-1]["model"] == str(MOST + 4)
    assert max(len(entry["body"]) for entry in entries) == MOST_BODY
    assert max(entry["bytes"] for entry in entries) == MOST_BODY + 1


def test_no_secret_of_a_caller_is_kept() -> None:
    journal = Journal()
    headers = [("Authorization", "Bearer canary"), ("X-Amz-Security-Token", "canary"), ("x-api-key", "canary")]
    journal.begin("Converse", "m", "id", headers, b"")
    assert "canary" not in json.dumps(journal.listed())
