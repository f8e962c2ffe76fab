"""The request log: what arrived, without secrets, and how it ended."""

import json
import time
from pathlib import Path
from typing import Any

from bedrock_flask.emulator.request_log import MAX_ENTRIES, RequestLog
from bedrock_flask.emulator.settings import EmulatorSettings
from tests.doubles import Emulator, StartEmulator

MAX_BODY_BYTES = EmulatorSettings.log_bodies
MODEL = "amazon.nova-lite-v1:0"
MESSAGES = [{"role": "user", "content": [{"text": "Hello"}]}]


def test_it_tells_what_arrived_and_that_it_was_sent(emulator: Emulator, bedrock: Any) -> None:
    response = bedrock.converse(modelId=MODEL, messages=MESSAGES)
    [entry] = emulator.calls()
    assert (entry["operation"], entry["model"], entry["ended"]) == ("Converse", MODEL, "sent")
    assert json.loads(entry["body"]) == {"messages": MESSAGES}
    assert entry["request_id"] == response["ResponseMetadata"]["RequestId"]
    assert entry["status"] == 200
    assert entry["headers"]["content-type"] == "application/json"
    assert "Credential=emulator/" in entry["headers"]["authorization"]
    assert entry["headers"]["authorization"].endswith("Signature=***")


def test_a_stream_that_is_read_to_its_end_was_sent(emulator: Emulator, bedrock: Any, await_end: Any) -> None:
    list(bedrock.converse_stream(modelId=MODEL, messages=MESSAGES)["stream"])
    assert await_end(emulator)["ended"] == "sent"


def test_a_client_that_leaves_within_a_stream_is_noticed(emulator: Emulator, leave: Any, await_end: Any) -> None:
    leave("ConverseStream", {"fault": "stall", "after": 3, "seconds": 0.5}, until=300)
    assert await_end(emulator)["ended"] == "client left"


def test_it_can_be_cleared(emulator: Emulator, bedrock: Any) -> None:
    bedrock.converse(modelId=MODEL, messages=MESSAGES)
    assert emulator.ask("DELETE", "/_emulator/requests").status_code == 204
    assert emulator.calls() == []


def test_it_is_bounded_in_entries_and_in_bodies() -> None:
    log = RequestLog()
    for number in range(MAX_ENTRIES + 5):
        log.begin("Converse", str(number), "id", [], b"x" * (MAX_BODY_BYTES + 1) if not number % 100 else b"")
    entries = log.list_entries()
    assert len(entries) == MAX_ENTRIES
    assert entries[-1]["model"] == str(MAX_ENTRIES + 4)
    assert max(len(entry["body"]) for entry in entries) == MAX_BODY_BYTES
    assert max(entry["bytes"] for entry in entries) == MAX_BODY_BYTES + 1


def test_the_size_of_bodies_can_be_chosen(start_emulator: StartEmulator) -> None:
    for size in (20, 300_000):
        emulator = start_emulator("--log-bodies", str(size))
        body = json.dumps({"messages": [{"role": "user", "content": [{"text": "x" * 200_000}]}]})
        assert emulator.post(f"/model/{MODEL}/converse", body).status_code == 200
        [entry] = emulator.calls()
        assert (entry["body"], entry["bytes"]) == (body[:size], len(body))


def test_no_secret_of_a_caller_is_kept() -> None:
    log = RequestLog()
    headers = [("Authorization", "Bearer canary"), ("X-Amz-Security-Token", "canary"), ("x-api-key", "canary")]
    log.begin("Converse", "m", "id", headers, b"")
    assert "canary" not in json.dumps(log.list_entries())


def read_lines(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def await_line(log: Path, event: str) -> dict[str, Any]:
    """The first line of that kind, as soon as it is there."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        for line in read_lines(log):
            if line["event"] == event:
                return line
        time.sleep(0.01)
    raise AssertionError(f"no such line: {read_lines(log)}")


def test_a_file_tells_when_a_call_arrived_and_how_it_ended(start_emulator: StartEmulator, tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    emulator = start_emulator("--log", str(log))
    response = emulator.client().converse(modelId=MODEL, messages=MESSAGES)
    await_line(log, "ended")
    arrived, ended = read_lines(log)
    assert (arrived["event"], ended["event"]) == ("arrived", "ended")
    assert arrived["request_id"] == ended["request_id"] == response["ResponseMetadata"]["RequestId"]
    assert json.loads(arrived["body"]) == {"messages": MESSAGES}
    assert arrived["headers"]["authorization"].endswith("Signature=***")
    assert (ended["operation"], ended["model"], ended["status"]) == ("Converse", MODEL, 200)
    assert (ended["ended"], ended["fault"]) == ("sent", None)
    assert arrived["at"] <= ended["at"]
    assert ended["seconds"] >= 0


def test_the_file_shows_a_call_that_is_under_way_and_a_caller_that_left(
    start_emulator: StartEmulator, tmp_path: Path
) -> None:
    log = tmp_path / "requests.jsonl"
    emulator = start_emulator("--log", str(log), "--fault", "stall")
    stream = emulator.client().converse_stream(modelId=MODEL, messages=MESSAGES)["stream"]
    assert await_line(log, "arrived")["operation"] == "ConverseStream"
    assert [line["event"] for line in read_lines(log)] == ["arrived"]
    stream.close()
    assert await_line(log, "ended")["ended"] == "client left"
    assert await_line(log, "ended")["fault"] == "stall"


def test_a_file_is_added_to_and_never_emptied(start_emulator: StartEmulator, tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    log.write_text('{"event": "earlier"}\n')
    start_emulator("--log", str(log)).client().converse(modelId=MODEL, messages=MESSAGES)
    await_line(log, "ended")
    assert [line["event"] for line in read_lines(log)] == ["earlier", "arrived", "ended"]
