"""The emulator bounds what it is given: no order, body or caller of a test stops the others, or makes it fail."""

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from bedrock_flask.emulator.app import MAX_CALLS
from bedrock_flask.emulator.faults.queue import InvalidFault, parse_faults
from bedrock_flask.emulator.replies import pattern
from tests.doubles import Emulator, StartEmulator

PATH = "/model/amazon.nova-lite-v1:0/converse"
PROMPT = {"messages": [{"role": "user", "content": [{"text": "Hello."}]}]}
CATASTROPHE = {"matches": "(a+)+$", "text": "found"}


@pytest.fixture(scope="module")
def server(start_emulator: StartEmulator) -> Emulator:
    return start_emulator()


def connect(server: Emulator) -> socket.socket:
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname, address.port), timeout=30)


def send(server: Emulator, data: bytes) -> bytes:
    with connect(server) as connection:
        connection.sendall(data)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                answer += piece
        return answer


def prompt(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"text": text}]}]}


@pytest.mark.parametrize(
    "order",
    [
        '{"fault": "gzip_bomb", "size": 1e18}',
        '{"fault": "gzip_bomb", "size": 99999999999999999999999}',
        '{"fault": "stall", "after": 1e9}',
        '{"fault": "stall", "seconds": 1e300}',
        '{"fault": "throttle", "count": 1e12}',
        '{"fault": "throttle", "retry_after": "1\\nx-y: z"}',
    ],
)
def test_a_fault_beyond_its_bounds_is_refused_by_name(server: Emulator, order: str) -> None:
    with pytest.raises(InvalidFault):
        parse_faults(order.encode())
    assert server.post("/_emulator/faults", json.loads(order)).status_code == 400
    answer = server.post(PATH, PROMPT, headers={"x-emulator-fault": order.replace("\\n", "\\u000a")})
    assert answer.status_code == 400
    assert "x-emulator-fault" in answer.json()["message"]


def test_an_integer_with_a_fraction_of_zero_is_one(server: Emulator) -> None:
    [fault] = parse_faults(b'{"fault": "stall", "after": 1.0, "count": 2.0}')
    assert (type(fault.after), type(fault.count)) == (int, int)
    order = '{"fault": "no_terminal_event", "after": 1.0}'
    assert server.post(f"{PATH}-stream", PROMPT, headers={"x-emulator-fault": order}).ok


@pytest.mark.parametrize("path", [PATH, f"{PATH}-stream"])
def test_an_error_after_more_pieces_than_there_can_be_is_refused(server: Emulator, path: str) -> None:
    answer = server.post(path, prompt("[[error modelStreamErrorException after 99999999999999999999]]"))
    assert answer.status_code == 400
    assert "digits" in answer.json()["message"]
    assert server.post(f"{PATH}-stream", prompt("[[error modelStreamErrorException after 999999999]]")).ok


@pytest.mark.parametrize("path", [PATH, "/_emulator/faults", "/_emulator/replies", "/no/such/path"])
@pytest.mark.parametrize("chunks", [b"zz\r\nx\r\n0\r\n\r\n", b"-1\r\n\r\n", b"1\r\nab\r\n0\r\n\r\n"])
def test_chunks_that_are_not_http_are_the_clients_fault(server: Emulator, path: str, chunks: bytes) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert send(server, head.encode() + chunks).startswith(b"HTTP/1.1 400")


def test_no_fault_of_a_client_is_a_traceback(server: Emulator) -> None:
    for data in (b"\0\xff\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/1.1\r\nA\0: b\r\n\r\n"):
        send(server, data)
    assert server.get("/_emulator/health").ok
    assert "Traceback" not in server.log.read_text()


def test_a_pattern_that_takes_too_long_costs_its_own_call(server: Emulator) -> None:
    assert server.post("/_emulator/replies", CATASTROPHE).ok
    answer = server.post(PATH, prompt("a" * 60 + "!"))
    server.ask("DELETE", "/_emulator/replies")
    assert answer.status_code == 400
    assert "(a+)+$" in answer.json()["message"]


def test_a_pattern_is_searched_under_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pattern.search("^a+$", "aaa")
    assert not pattern.search("^a+$", "aab")
    assert pattern.search("b\n", "a\u2028b\n")
    monkeypatch.setattr(pattern, "SECONDS", 0.05)
    with pytest.raises(pattern.PatternTimeout):
        pattern.search("(a+)+$", "a" * 60 + "!")
    assert pattern.search("a$", "a")


def test_a_search_whose_process_has_ended_starts_another() -> None:
    searcher = pattern._Searcher()
    assert searcher.search("a", "a")
    ended = searcher._process
    assert ended is not None
    ended.kill()
    ended.wait()
    assert searcher.search("a", "a")
    assert searcher._process is not ended


@pytest.fixture
def stalled(server: Emulator) -> Iterator[list[socket.socket]]:
    """As many callers as the emulator answers at a time, each waiting for ever; all have their headers."""
    body = json.dumps(PROMPT)
    head = f"POST {PATH}-stream HTTP/1.1\r\nHost: x\r\nx-emulator-fault: stall\r\nContent-Length: {len(body)}\r\n\r\n"
    with contextlib.ExitStack() as closed:
        callers = [closed.enter_context(connect(server)) for _ in range(MAX_CALLS)]
        for caller in callers:
            caller.sendall((head + body).encode())
        for caller in callers:
            assert caller.recv(100).startswith(b"HTTP/1.1 200")
        yield callers


def test_callers_that_wait_for_ever_silence_no_test(server: Emulator, stalled: list[socket.socket]) -> None:
    assert server.get("/_emulator/health").ok
    refused = server.post(PATH, PROMPT)
    assert (refused.status_code, str(MAX_CALLS) in refused.json()["message"]) == (503, True)
    assert server.ask("DELETE", "/_emulator/requests").ok


@pytest.mark.parametrize("path", ["/_emulator/health", "/_emulator/requests"])
@pytest.mark.parametrize(
    "headers",
    [{"host": "evil.example"}, {"host": "[x"}, {"origin": "https://evil.example"}, {"origin": "null"}],
)
def test_a_page_of_another_site_may_not_read(server: Emulator, path: str, headers: dict[str, str]) -> None:
    assert server.get(path, headers=headers).status_code == 403


def test_a_page_of_another_site_may_not_order(server: Emulator) -> None:
    headers = {"origin": "https://evil.example", "content-type": "text/plain"}
    assert server.ask("POST", "/_emulator/faults", data=b'{"fault": "throttle"}', headers=headers).status_code == 403
    assert server.post(PATH, PROMPT).ok


def test_a_page_of_this_machine_may(server: Emulator) -> None:
    assert server.get("/_emulator/health", headers={"origin": "http://localhost:3000"}).ok
    assert server.get("/_emulator/health", headers={"host": "[::1]:8001"}).ok
