"""Each fault does on the wire what its name says, for the calls it was ordered for and no other."""

import gzip
import json
import re
import struct
import threading
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from botocore.eventstream import ChecksumMismatch, InvalidPayloadLength
from botocore.exceptions import ClientError, EventStreamError

from bedrock_flask.bedrock import errors as bedrock_errors
from bedrock_flask.emulator.faults.queue import InvalidFault, parse_faults
from bedrock_flask.emulator.faults.table import FAULTS
from bedrock_flask.errors import BEDROCK_ERRORS
from bedrock_flask.protocol.eventstream import Decoder
from bedrock_flask.protocol.eventstream import EventStreamError as Faulty
from tests.doubles import Emulator

MODEL = "newvendor.model-of-tomorrow"
MESSAGES = [{"role": "user", "content": [{"text": "Tell me something."}]}]


def frames(data: bytes) -> list[dict[str, Any]]:
    return [{**dict(frame.headers), "payload": frame.payload} for frame in Decoder().feed(data)]


def types(data: bytes) -> list[Any]:
    return [frame.get(":event-type") for frame in frames(data)]


def test_every_error_of_the_table_can_be_ordered() -> None:
    assert set(BEDROCK_ERRORS) <= set(bedrock_errors.ERRORS) <= set(FAULTS)


def test_every_error_arrives_by_its_name_with_its_status_and_what_was_ordered(emulator: Emulator, bedrock: Any) -> None:
    seen = {}
    for name in bedrock_errors.ERRORS:
        emulator.fault(name, message="as ordered", retry_after="7")
        with pytest.raises(ClientError) as caught:
            bedrock.converse(modelId=MODEL, messages=MESSAGES)
        error, metadata = caught.value.response["Error"], caught.value.response["ResponseMetadata"]
        seen[error["Code"]] = (error["Message"], metadata["HTTPStatusCode"], metadata["HTTPHeaders"]["retry-after"])
        assert bedrock.converse(modelId=MODEL, messages=MESSAGES)["stopReason"] == "end_turn"
    assert seen == {name: ("as ordered", error.status, "7") for name, error in bedrock_errors.ERRORS.items()}


def test_an_unnamed_error_has_a_status_and_no_name(hear: Any) -> None:
    heard = hear("Converse", {"fault": "unnamed", "status": 503, "retry_after": "2"})
    assert heard.head.startswith(b"http/1.1 503")
    assert b"errortype" not in heard.head
    assert b"retry-after: 2" in heard.head
    assert hear("Converse", "unnamed").head.startswith(b"http/1.1 502")
    assert hear("Converse", "overloaded").head.startswith(b"http/1.1 529")


def test_faults_last_for_their_calls_come_in_order_and_can_be_cleared(emulator: Emulator, hear: Any) -> None:
    orders = [{"fault": "throttle", "count": 2}, {"fault": "empty_object"}]
    assert emulator.post("/_emulator/faults", orders).json()["waiting"][0]["count"] == 2
    got = [hear("Converse").head.split()[1] for _ in range(3)]
    assert got == [b"429", b"429", b"200"]
    assert emulator.get("/_emulator/faults").json()["waiting"] == []
    emulator.fault("throttle", count=5)
    emulator.ask("DELETE", "/_emulator/faults")
    assert hear("Converse").head.startswith(b"http/1.1 200")
    assert [call["fault"] for call in emulator.calls()] == ["throttle", "throttle", "empty_object", None]


def test_a_fault_by_header_is_for_one_call_and_leaves_the_others_waiting(emulator: Emulator, hear: Any) -> None:
    emulator.fault("throttle")
    assert hear("Converse", "overloaded").head.startswith(b"http/1.1 529")
    assert hear("Converse").head.startswith(b"http/1.1 429")


def test_an_order_that_does_not_fit_is_refused_with_its_fault(emulator: Emulator) -> None:
    cases = [
        ({"fault": "nonsense"}, "fault"),
        ({"fault": "stall", "secnds": 3}, "seconds"),
        ({"fault": "stall", "count": 0}, "count"),
        ({"count": 1}, "fault"),
        ([{"fault": "stall"}, 3], "object"),
        ({"fault": "throttle", "retry_after": "1\r\nx: y"}, "retry_after"),
        (b"{", "ends too early"),
    ]
    seen = []
    for order, wrong in cases:
        answer = emulator.post("/_emulator/faults", order)
        pending = emulator.get("/_emulator/faults").json()["waiting"]
        if answer.status_code != 400 or wrong not in answer.json()["message"] or pending:
            seen.append((order, answer.status_code, answer.text, pending))
    assert seen == []


def test_an_unknown_fault_by_header_is_refused(hear: Any) -> None:
    heard = hear("Converse", "nonsense")
    assert heard.head.startswith(b"http/1.1 400")
    assert b"x-emulator-fault" in heard.body


# --- time ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["Converse", "ConverseStream"])
def test_a_slow_first_byte_is_slow_and_then_all_comes(hear: Any, operation: str) -> None:
    heard = hear(operation, {"fault": "slow_first_byte", "seconds": 0.5})
    assert heard.seconds >= 0.5
    assert heard.head.startswith(b"http/1.1 200")
    assert heard.body


def test_a_stalled_whole_answer_says_nothing_or_half(hear: Any) -> None:
    assert hear("Converse", "stall", patience=0.5).data == b""
    half = hear("Converse", {"fault": "stall", "after": 1}, patience=0.5)
    assert half.end == "silence"
    assert b"content-length" in half.head
    assert half.body.startswith(b'{"output"')
    assert not half.body.endswith(b"}")


def test_a_stalled_stream_gives_its_headers_and_so_many_frames(hear: Any) -> None:
    for after in (0, 2):
        heard = hear("ConverseStream", {"fault": "stall", "after": after}, patience=0.5)
        assert heard.end == "silence"
        assert heard.head.startswith(b"http/1.1 200")
        content, clean = heard.chunks
        assert not clean
        assert len(frames(content)) == after


def test_a_stall_can_end_and_then_all_comes(hear: Any) -> None:
    heard = hear("ConverseStream", {"fault": "stall", "after": 2, "seconds": 0.3})
    content, clean = heard.chunks
    assert heard.seconds >= 0.3
    assert clean
    assert types(content)[-1] == "metadata"


@pytest.mark.parametrize("operation", ["Converse", "ConverseStream"])
@pytest.mark.parametrize("reset", [False, True])
def test_a_stall_ends_when_the_client_leaves(
    emulator: Emulator, leave: Any, await_end: Any, operation: str, reset: bool
) -> None:
    leave(operation, "stall", until=0 if operation == "Converse" else 50, reset=reset)
    entry = await_end(emulator)
    assert entry["ended"] == "client left"
    assert entry["seconds"] < 5


# --- bodies that are not what they should be -----------------------------------------------------------------------


def test_a_short_body_announces_more_than_it_sends(hear: Any) -> None:
    heard = hear("Converse", "short_body")
    announced = int(heard.head.partition(b"content-length: ")[2].split()[0])
    assert heard.end == "FIN"
    assert 0 < len(heard.body) < announced - 500


@pytest.mark.parametrize("operation", ["Converse", "ConverseStream"])
@pytest.mark.parametrize(
    ("fault", "kind", "begins"),
    [
        ("broken_json", b"application/json", b'{"output"'),
        ("html", b"text/html", b"<html>"),
        ("empty_object", b"json", b"{}"),
    ],
)
def test_junk_comes_whole_with_status_200(hear: Any, operation: str, fault: str, kind: bytes, begins: bytes) -> None:
    heard = hear(operation, fault)
    assert heard.head.startswith(b"http/1.1 200")
    assert kind in heard.head
    assert heard.body.startswith(begins)
    assert len(heard.body) == int(heard.head.partition(b"content-length: ")[2].split()[0])
    if fault == "broken_json":
        with pytest.raises(json.JSONDecodeError):
            json.loads(heard.body)


@pytest.mark.parametrize("operation", ["Converse", "ConverseStream"])
def test_a_dripping_answer_comes_byte_by_byte_and_is_whole(hear: Any, operation: str) -> None:
    heard = hear(operation, {"fault": "drip", "seconds": 0.0005})
    if operation == "Converse":
        assert json.loads(heard.body)["stopReason"] == "end_turn"
        assert heard.seconds >= 0.0005 * len(heard.body)
    else:
        assert b"\r\n1\r\n" in heard.body
        content, clean = heard.chunks
        assert clean
        assert types(content)[-1] == "metadata"
        assert heard.seconds >= 0.0005 * len(content)


def test_a_drip_may_begin_behind_some_frames(hear: Any) -> None:
    heard = hear("ConverseStream", {"fault": "drip", "after": 2, "seconds": 60}, patience=0.5)
    assert heard.end == "silence"
    assert types(heard.chunks[0]) == ["messageStart", "contentBlockDelta"]


@pytest.mark.parametrize("operation", ["Converse", "ConverseStream"])
def test_a_dripping_header_holds_the_whole_answer_back(hear: Any, operation: str) -> None:
    heard = hear(operation, {"fault": "drip_header", "seconds": 0.001})
    assert heard.head.startswith(b"http/1.1 200")
    assert heard.seconds >= 0.001 * len(heard.head)
    if operation == "Converse":
        assert json.loads(heard.body)["stopReason"] == "end_turn"
    else:
        assert types(heard.body)[-1] == "metadata"
    began = hear(operation, {"fault": "drip_header", "seconds": 60}, patience=0.5)
    assert (began.data, began.end) == (b"", "silence")


def test_a_caller_that_leaves_a_drip_is_noticed(emulator: Emulator, leave: Any, await_end: Any) -> None:
    leave("ConverseStream", {"fault": "drip", "seconds": 0.05}, until=200)
    assert await_end(emulator)["ended"] == "client left"


def test_a_gzip_bomb_of_a_whole_reply_is_the_reply_behind_spaces(hear: Any) -> None:
    heard = hear("Converse", {"fault": "gzip_bomb", "size": 64_000_000})
    assert b"content-encoding: gzip" in heard.head
    content, clean = heard.chunks
    assert clean
    assert len(content) < 100_000
    unpacked = gzip.decompress(content)
    assert 64_000_000 < len(unpacked) < 66_000_000
    assert json.loads(unpacked)["stopReason"] == "end_turn"


def test_a_gzip_bomb_in_a_stream_is_large_frames_that_are_whole(hear: Any) -> None:
    heard = hear("ConverseStream", {"fault": "gzip_bomb", "size": 64_000_000})
    content, clean = heard.chunks
    assert clean
    assert len(content) < 100_000
    enlarged = frames(gzip.decompress(content))
    assert [frame[":event-type"] for frame in enlarged[:3]] == [
        "messageStart",
        "contentBlockDelta",
        "contentBlockDelta",
    ]
    assert enlarged[-1][":event-type"] == "metadata"
    assert sum(len(frame["payload"]) for frame in enlarged) > 64_000_000
    assert {type(json.loads(frame["payload"])) for frame in enlarged} == {dict}


def test_a_gzip_bomb_is_a_gibibyte_by_itself(hear: Any) -> None:
    content, _ = hear("Converse", "gzip_bomb").chunks
    assert len(content) < 2_000_000
    unpack, size = zlib.decompressobj(wbits=31), 0
    for at in range(0, len(content), 4096):
        size += len(unpack.decompress(content[at : at + 4096]))
    assert size > 1 << 30
    assert unpack.eof


# --- streams that end or break -------------------------------------------------------------------------------------


def test_a_reset_is_a_reset(hear: Any) -> None:
    assert (heard := hear("Converse", "reset")).end == "RST"
    assert heard.data == b""
    heard = hear("ConverseStream", {"fault": "reset", "after": 2})
    assert heard.end == "RST"
    assert len(frames(heard.chunks[0])) <= 2


def test_after_a_reset_the_server_goes_on(emulator: Emulator, hear: Any) -> None:
    emulator.fault("reset", count=40)
    assert {hear("Converse").end for _ in range(40)} == {"RST"}
    assert hear("Converse").head.startswith(b"http/1.1 200")


def test_a_stream_cut_inside_a_chunk_ends_before_the_size_that_was_announced(hear: Any) -> None:
    heard = hear("ConverseStream", {"fault": "cut_in_chunk", "after": 2})
    assert heard.end == "FIN"
    assert b"transfer-encoding: chunked" in heard.head
    rest, sizes = heard.body, []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        sizes.append((int(size, 16), len(rest)))
        rest = rest[int(size, 16) + 2 :]
    assert len(sizes) == 3
    assert 0 < sizes[-1][1] < sizes[-1][0]


@pytest.mark.parametrize("operation", ["Converse", "ConverseStream"])
def test_hanging_up_is_the_end_without_a_byte(hear: Any, operation: str) -> None:
    heard = hear(operation, "hang_up")
    assert (heard.data, heard.end) == (b"", "FIN")


@pytest.mark.parametrize("operation", ["Converse", "ConverseStream"])
def test_an_end_within_the_header_leaves_half_of_it(hear: Any, operation: str) -> None:
    heard = hear(operation, "cut_in_header")
    assert heard.end == "FIN"
    assert heard.data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\n\r\n" not in heard.data


def test_an_end_between_chunks_leaves_whole_chunks_without_the_final_one(hear: Any) -> None:
    heard = hear("ConverseStream", {"fault": "cut_between_chunks", "after": 3})
    assert heard.end == "FIN"
    content, clean = heard.chunks
    assert not clean
    assert types(content) == ["messageStart", "contentBlockDelta", "contentBlockDelta"]
    content, clean = hear("Converse", "cut_between_chunks").chunks
    assert not clean
    assert content.startswith(b'{"output"')


def test_half_a_frame_with_a_clean_end(hear: Any) -> None:
    content, clean = hear("ConverseStream", "half_frame").chunks
    assert clean
    decoder = Decoder()
    assert len(decoder.feed(content)) == 1
    with pytest.raises(Faulty):
        decoder.close()


def test_half_a_frame_in_a_body_that_only_the_connection_delimits(hear: Any) -> None:
    heard = hear("ConverseStream", {"fault": "half_frame_until_close", "after": 3})
    assert heard.end == "FIN"
    assert b"connection: close" in heard.head
    assert b"transfer-encoding" not in heard.head
    assert b"content-length" not in heard.head
    decoder = Decoder()
    assert len(decoder.feed(heard.body)) == 3
    with pytest.raises(Faulty):
        decoder.close()


def test_half_a_whole_reply_ends_cleanly_within_a_chunk_or_with_the_connection(hear: Any) -> None:
    whole = hear("Converse").body
    content, clean = hear("Converse", "half_frame").chunks
    assert clean
    assert content[:10] == whole[:10]
    assert 0 < len(content) < len(whole)
    assert hear("Converse", "half_frame_until_close").body[:10] == whole[:10]
    heard = hear("Converse", "cut_in_chunk")
    assert int(heard.body.partition(b"\r\n")[0], 16) > len(heard.body)


def test_a_missing_terminal_event_leaves_a_clean_end(hear: Any) -> None:
    content, clean = hear("ConverseStream", "no_terminal_event").chunks
    assert clean
    assert types(content)[-1] == "messageStop"
    content, clean = hear("ConverseStream", {"fault": "no_terminal_event", "after": 3}).chunks
    assert clean
    assert types(content) == ["messageStart", "contentBlockDelta", "contentBlockDelta"]


def test_an_empty_stream_is_a_stream_without_a_frame(hear: Any, bedrock: Any, emulator: Emulator) -> None:
    heard = hear("ConverseStream", "empty_stream")
    assert b"application/vnd.amazon.eventstream" in heard.head
    assert heard.chunks == (b"", True)
    emulator.fault("empty_stream")
    assert list(bedrock.converse_stream(modelId=MODEL, messages=MESSAGES)["stream"]) == []


@pytest.mark.parametrize(("fault", "raised"), [("bad_crc", ChecksumMismatch), ("huge_prelude", InvalidPayloadLength)])
def test_a_frame_that_cannot_be_is_one_for_boto_too(
    emulator: Emulator, bedrock: Any, fault: str, raised: type[Exception]
) -> None:
    emulator.fault(fault, after=2)
    seen: list[Any] = []
    with pytest.raises(raised):
        seen.extend(bedrock.converse_stream(modelId=MODEL, messages=MESSAGES)["stream"])
    assert len(seen) == 2


def test_a_huge_prelude_says_two_gibibytes_with_a_true_checksum(hear: Any) -> None:
    content, _ = hear("ConverseStream", {"fault": "huge_prelude", "after": 0}).chunks
    assert struct.unpack(">I", content[:4]) == (2**31,)
    with pytest.raises(Faulty, match="payload"):
        Decoder().feed(content)


@pytest.mark.parametrize(
    ("order", "code", "message"),
    [
        ({"fault": "exception_frame"}, "modelStreamErrorException", ""),
        (
            {"fault": "exception_frame", "error": "ThrottlingException", "message": "slow"},
            "throttlingException",
            "slow",
        ),
        ({"fault": "error_frame"}, "InternalFailure", ""),
        ({"fault": "error_frame", "error": "Oddity", "message": "odd"}, "Oddity", "odd"),
    ],
)
@pytest.mark.parametrize("after", [0, 1, 4, 20])
def test_an_error_frame_comes_at_its_position(
    emulator: Emulator, bedrock: Any, order: dict[str, Any], code: str, message: str, after: int
) -> None:
    emulator.post("/_emulator/faults", {**order, "after": after})
    seen: list[Any] = []
    with pytest.raises(EventStreamError) as caught:
        seen.extend(bedrock.converse_stream(modelId=MODEL, messages=MESSAGES)["stream"])
    assert len(seen) == after
    assert caught.value.response["Error"]["Code"] == code
    assert message in caught.value.response["Error"]["Message"]


def test_an_error_frame_may_come_behind_all_others(emulator: Emulator, hear: Any) -> None:
    content, clean = hear("ConverseStream", {"fault": "exception_frame", "after": 10_000}).chunks
    assert clean
    assert [frame.get(":event-type") or frame[":exception-type"] for frame in frames(content)][-2:] == [
        "metadata",
        "modelStreamErrorException",
    ]


def test_many_stalled_calls_leave_room_for_others(emulator: Emulator, leave: Any, hear: Any) -> None:
    emulator.fault("stall", count=20)
    callers = [threading.Thread(target=leave, args=("ConverseStream",), kwargs={"until": 50}) for _ in range(20)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    began = time.monotonic()
    assert hear("Converse").head.startswith(b"http/1.1 200")
    assert time.monotonic() - began < 5


# --- what can be ordered ---------------------------------------------------------------------------------------------


def test_an_order_that_does_not_fit_is_refused_with_what_would() -> None:
    cases = [
        ({"fault": "throtle"}, "fault: there is no fault 'throtle'; did you mean 'throttle'?"),
        ({"fault": "ThrotlingException"}, "did you mean 'ThrottlingException'?"),
        ({"fault": "nothing like it"}, "there is no fault 'nothing like it'; the faults are AccessDeniedException, "),
        (
            {"fault": "throttle", "seconds": 3},
            "seconds: 'throttle' does not take it; it takes count, operation, message, retry_after, status",
        ),
        (
            {"fault": "stall", "size": 3, "error": "x"},
            "size: 'stall' does not take it; it takes count, operation, after, seconds",
        ),
        ({"fault": "html", "after": 1}, "after: 'html' does not take it; it takes count, operation"),
        ({"fault": "stall", "secnds": 3}, "secnds: is not a known field; did you mean 'seconds'?"),
        ({"fault": 3}, "fault: must be a string"),
    ]
    seen = []
    for order, wrong in cases:
        with pytest.raises(InvalidFault) as caught:
            parse_faults(json.dumps(order).encode())
        if wrong not in str(caught.value) or "\n" in str(caught.value):
            seen.append((order, str(caught.value)))
    assert seen == []


def test_the_page_tells_the_members_of_each_fault(repository: Path) -> None:
    page = (repository / "docs/reference/emulator.md").read_text().partition("## Faults on request")[2]
    rows = re.findall(r"^\| (.*?) \| (.*) \|$", page.partition("\n## ")[0], re.MULTILINE)
    found = {name: set(re.findall(r"`(\w+)`", text)) for names, text in rows for name in re.findall(r"`(\w+)`", names)}
    assert {name: found[name] for name in FAULTS if name in found} == {
        name: set(FAULTS[name].members) for name in FAULTS if name in found
    }
    assert set(FAULTS) - set(found) <= set(bedrock_errors.ERRORS)
