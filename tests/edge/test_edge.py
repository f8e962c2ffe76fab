"""The edge: keys before anything else, loopback without keys, sizes, request ids, and one log line a request."""

import concurrent.futures
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask.server.ports import find_free_port
from tests.doubles import Emulator, Gateway, StartGateway, StartGunicorn

BODY = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
SECRET = "canary-0123456789abcdef"


@pytest.fixture(scope="module")
def keyed(start_gateway: StartGateway) -> Gateway:
    """A gateway with one key, and canaries in its environment."""
    return start_gateway(BEDROCK_FLASK_API_KEYS=f"alice:{SECRET}", AWS_SECRET_ACCESS_KEY="canary-aws-secret")


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {SECRET}"},
        {"authorization": f"bearer {SECRET}"},
        {"x-api-key": SECRET},
    ],
)
def test_a_key_opens_by_either_header(keyed: Any, emulator: Emulator, headers: dict[str, str]) -> None:
    response = keyed.post("/v1/models/nova/invoke", BODY, headers=headers)
    assert response.status_code == 200, response.text
    assert keyed.line(response.headers["x-request-id"])["key"] == "alice"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {SECRET}"},
        {"authorization": f"Bearer {SECRET}x"},
        {"authorization": f"Bearer {SECRET[:-1]}"},
        {"x-api-key": SECRET.upper()},
        {"x-api-key": "alice"},
        {"x-api-key": "\u00ff"},
    ],
)
@pytest.mark.parametrize("path", ["/v1/models/nova/invoke", "/v1/models/no-such/invoke", "/v1/invoke", "/nope"])
def test_without_a_known_key_nothing_is_named(
    keyed: Any, emulator: Emulator, path: str, headers: dict[str, str]
) -> None:
    response = keyed.post(path, "{not json", headers=headers)
    assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
    assert response.headers["www-authenticate"] == "Bearer"
    assert "no-such" not in response.text
    assert emulator.calls() == []


@pytest.mark.parametrize("path", ["/v1/models", "/openapi.json", "/v1/models/nova/schema"])
def test_lists_and_documents_need_a_key_too(keyed: Any, path: str) -> None:
    assert keyed.get(path).status_code == 401
    assert keyed.get(path, headers={"x-api-key": SECRET}).status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz", "/docs", "/static/docs.js"])
def test_health_and_the_docs_page_need_no_key_and_call_no_model(keyed: Any, emulator: Emulator, path: str) -> None:
    assert keyed.get(path).status_code == 200
    assert emulator.calls() == []


def peak_memory(server: Any) -> int:
    """The most memory that the server's worker has held, in bytes."""
    [worker] = server.list_workers()
    status = Path(f"/proc/{worker}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def test_fifty_large_bodies_with_a_wrong_key_cost_nothing(keyed: Any, emulator: Emulator) -> None:
    body = b'{"messages": "' + b"x" * 24_000_000 + b'"}'
    before = peak_memory(keyed)

    def ask(_: int) -> int:
        return int(keyed.post("/v1/models/nova/invoke", body, headers={"x-api-key": "wrong"}).status_code)

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        assert set(pool.map(ask, range(50))) == {401}
    # One body that was read would be 24 MB, fifty 1.2 GB.
    assert peak_memory(keyed) - before < 40_000_000
    assert keyed.get("/livez").ok


def test_a_client_that_sends_all_before_it_reads_gets_its_answer(keyed: Any) -> None:
    host, port = keyed.url.removeprefix("http://").split(":")
    head = b"POST /v1/invoke HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000000\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(head + b"x" * 20_000_000)
        assert client.recv(100).startswith(b"HTTP/1.1 401")


def test_a_secret_stands_in_no_log(keyed: Any, emulator: Emulator) -> None:
    for headers in ({"x-api-key": SECRET}, {"authorization": f"Bearer {SECRET}x"}, {"x-api-key": "canary-wrong"}):
        keyed.post("/v1/models/nova/invoke?q=canary-query", '{"messages": "canary-body"}', headers=headers)
    assert "canary" not in keyed.log.read_text()


def test_every_request_gets_one_json_line(gateway: Gateway, emulator: Emulator) -> None:
    response = gateway.post("/v1/models/nova/invoke", BODY)
    line = gateway.line(response.headers["x-request-id"])
    assert line["status"] == 200
    assert line["route"] == "/v1/models/<path:name>/invoke"
    assert (line["model"], line["adapter"]) == ("nova", "nova")
    assert line["attempts"] == 1
    assert line["output_tokens"] > 0
    assert line["bedrock_request_id"] == response.headers["x-bedrock-request-id"]
    assert isinstance(line["seconds"], float)
    assert len([each for each in gateway.lines() if each.get("request_id") == line["request_id"]]) == 1


def test_the_request_id_is_the_callers_in_all_three_headers(gateway: Gateway) -> None:
    response = gateway.get("/livez", headers={"x-request-id": "a.b_c-1"})
    for name in ("x-request-id", "request-id", "x-amzn-requestid"):
        assert response.headers[name] == "a.b_c-1"


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "a;b", "\u00e9"])
def test_a_request_id_that_does_not_hold_is_replaced(gateway: Gateway, sent: str) -> None:
    assert gateway.get("/livez", headers={"x-request-id": sent.encode("latin-1")}).headers["x-request-id"] != sent


def test_a_body_over_the_limit_is_a_413(gateway: Gateway, emulator: Emulator) -> None:
    body = json.dumps(BODY | {"pad": "x" * 2_100_000})
    response = gateway.post("/v1/models/nova/invoke", body)
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    parts = iter([body[:1000].encode(), body[1000:].encode()])
    chunked = gateway.ask("POST", "/v1/models/nova/invoke", data=parts)
    assert (chunked.status_code, chunked.json()["code"]) == (413, "body_too_large")
    assert emulator.calls() == []
    assert gateway.get("/livez").ok


def test_a_body_that_is_announced_over_the_limit_is_refused_before_it_is_read(gateway: Gateway) -> None:
    head = b"POST /v1/models/nova/invoke HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2100000\r\n\r\n"
    assert half_a_request(gateway, head).startswith(b"HTTP/1.1 413 ")


def test_a_compressed_body_is_refused_by_name(gateway: Gateway) -> None:
    response = gateway.post("/v1/models/nova/invoke", b"\x1f\x8b", headers={"content-encoding": "gzip"})
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


def test_other_routes_and_methods_are_problem_documents(gateway: Gateway) -> None:
    assert gateway.get("/nope").json()["code"] == "not_found"
    response = gateway.get("/v1/invoke")
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert "POST" in response.headers["allow"]


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("/v1/model/nova/converse", "/model/nova/converse does"),
        ("/v1/v1/messages", "/v1/messages does"),
        ("/chat/completions", "/v1/chat/completions does"),
        ("/v1/messages/", "/v1/messages does"),
        ("/v1/nope", "/openapi.json lists every address"),
    ],
)
def test_an_address_that_is_nearly_right_is_answered_with_the_right_one(
    gateway: Gateway, address: str, near: str
) -> None:
    answer = gateway.post(address, json={})
    assert answer.status_code == 404
    assert near in answer.text


def test_without_keys_a_page_of_another_site_is_refused(gateway: Gateway, emulator: Emulator) -> None:
    response = gateway.post("/v1/models/nova/invoke", BODY, headers={"origin": "https://evil.example"})
    assert (response.status_code, response.json()["code"]) == (403, "loopback_only")
    assert gateway.post("/v1/models/nova/invoke", BODY, headers={"origin": "http://[::1"}).status_code == 403
    assert gateway.post("/v1/models/nova/invoke", BODY, headers={"origin": "http://localhost:8000"}).ok


def own_address() -> str:
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


def test_serve_refuses_another_address_without_keys(plain_environ: dict[str, str]) -> None:
    command = [sys.executable, "-m", "bedrock_flask", "serve", "--host", "0.0.0.0", "--port", str(find_free_port())]
    done = subprocess.run(command, env=plain_environ, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "BEDROCK_FLASK_API_KEYS" in line


def test_the_shipped_configuration_refuses_it_even_past_serve(plain_environ: dict[str, str]) -> None:
    command = [sys.executable, "-m", "gunicorn", "-c", "python:bedrock_flask.gunicorn_conf", "-b", "0.0.0.0:0"]
    command.append("bedrock_flask.app:wsgi_app()")
    done = subprocess.run(command, env=plain_environ, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0
    assert "BEDROCK_FLASK_API_KEYS" in done.stderr


@pytest.mark.parametrize(
    "name",
    [
        *("forwarded", "via", "x-forwarded-for", "x-real-ip", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-x"),
        *("cf-connecting-ip", "true-client-ip", "x-envoy-external-address"),
    ],
)
def test_without_keys_a_proxy_on_this_machine_opens_nothing(gateway: Gateway, name: str) -> None:
    response = gateway.get("/v1/models", headers={name: "127.0.0.1"})
    assert (response.status_code, response.json()["code"]) == (403, "loopback_only")
    assert gateway.get("/livez", headers={name: "127.0.0.1"}).ok


def test_bare_gunicorn_answers_strangers_with_the_remedy(bare_gunicorn: StartGunicorn) -> None:
    server = bare_gunicorn("0.0.0.0")
    assert server.get("/v1/models").ok
    stranger = type(server)(server.url.replace("127.0.0.1", own_address()), server.log, server.process)
    # By each name: also without its address in `Host` a stranger is one.
    for headers in ({}, {"host": "localhost"}):
        response = stranger.get("/v1/models", headers=headers)
        assert (response.status_code, response.json()["code"]) == (403, "loopback_only")
        assert "BEDROCK_FLASK_API_KEYS" in response.json()["detail"]
    assert stranger.get("/v1/models", headers={"host": "localhost", "x-forwarded-for": "127.0.0.1"}).status_code == 403


def test_bare_gunicorn_tells_a_bad_setting_in_one_line(plain_environ: dict[str, str], repository: Path) -> None:
    command = [sys.executable, "-m", "gunicorn", "-b", "127.0.0.1:0", "wsgi:app"]
    environ = plain_environ | {"BEDROCK_FLASK_THREADS": "many"}
    done = subprocess.run(
        command, env=environ, cwd=repository, capture_output=True, text=True, timeout=30, check=False
    )  # fmt: skip
    assert done.returncode == 3
    assert "bedrock-flask: BEDROCK_FLASK_THREADS: Not a valid integer." in done.stderr.splitlines()
    assert "Traceback" not in done.stderr


def test_a_dotenv_file_is_read_and_the_environment_wins(start_gateway: StartGateway, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text(f"BEDROCK_FLASK_API_KEYS=alice:{SECRET}\nBEDROCK_FLASK_PORT=1\n")
    gateway = start_gateway(by_command=True, BEDROCK_FLASK_ENV_FILE=str(file))
    assert gateway.get("/v1/models").status_code == 401
    assert os.environ.get("BEDROCK_FLASK_API_KEYS") is None


def half_a_request(server: Any, text: bytes) -> bytes:
    """What the server answers to a client that falls silent."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as client:
        client.sendall(text)
        answer = b""
        while piece := client.recv(65536):
            answer += piece
        return answer


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"POST /v1/invoke HTTP/1.1\r\nHost: localhost\r\n", b""),
        (b'POST /v1/invoke HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"model"', b"HTTP/1.1 408"),
        (
            b'POST /v1/invoke HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"model"',
            b"HTTP/1.1 408",
        ),
        (b"POST /v1/invoke HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}", b"HTTP/1.1 400"),
    ],
)
def test_silent_and_broken_clients_hold_no_thread(start_gateway: StartGateway, sent: bytes, answer: bytes) -> None:
    gateway = start_gateway(BEDROCK_FLASK_CLIENT_TIMEOUT="1", BEDROCK_FLASK_THREADS="2", BEDROCK_FLASK_MAX_CALLS="4")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: half_a_request(gateway, sent), range(4)))
    assert all(each.startswith(answer) for each in answers)
    assert gateway.get("/livez").ok


def test_a_body_of_very_many_faults_is_told_the_first_hundred(gateway: Gateway) -> None:
    body = BODY | {f"x{number}": 1 for number in range(50_000)}
    response = gateway.post("/v1/models/nova/invoke", body)
    assert response.status_code == 400
    assert len(response.json()["errors"]) == 100
    assert "(and 49990 more)" in response.json()["detail"]


def test_a_very_long_model_name_is_refused_and_not_repeated(gateway: Gateway) -> None:
    response = gateway.post("/v1/invoke", {"model": "acme." + "x" * 100_000, "input": {}})
    assert response.status_code == 400
    assert len(response.text) < 2000


def test_a_body_shorter_than_announced_is_no_body(gateway: Gateway, emulator: Emulator) -> None:
    body = b'{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}'
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 20) as client:
        head = f"POST /v1/models/nova/invoke HTTP/1.1\r\nHost: {host}\r\nContent-Length: 50000\r\n\r\n"
        client.sendall(head.encode() + body)
        client.shutdown(socket.SHUT_WR)
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert emulator.calls() == []


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1:8000"])
def test_without_keys_a_page_that_leads_its_own_name_to_this_machine_reads_nothing(gateway: Gateway, host: str) -> None:
    for path in ("/v1/models", "/openapi.json"):
        response = gateway.get(path, headers={"host": host})
        assert (response.status_code, response.json()["code"]) == (403, "loopback_only"), path
    assert gateway.post("/v1/models/nova/invoke", BODY, headers={"host": host}).status_code == 403
    assert gateway.get("/livez", headers={"host": host}).ok


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:80", "localhost.", "127.0.0.1", "127.9.9.9:1", "[::1]:80", ""]
)
def test_without_keys_every_name_of_this_machine_is_served(gateway: Gateway, host: str) -> None:
    assert gateway.get("/v1/models", headers={"host": host}).ok


def test_with_keys_every_name_is_served(keyed: Any) -> None:
    assert keyed.get("/v1/models", headers={"host": "gateway.example", "x-api-key": SECRET}).ok


@pytest.mark.parametrize(
    ("first", "headers", "status"),
    [
        (b"GET /livez HTTP/1.1", b"", 400),
        (b"GET /livez HTTP/1.0", b"", 200),
        (b"GET /livez HTTP/1.1", b"Host: x y/@\r\n", 400),
        (b"GET /livez HTTP/1.1", b"Host: a/b\r\n", 400),
        (b"GET /livez HTTP/1.1", b"Host:\r\n", 200),
        (b"GET /livez HTTP/1.1", b"Host: gateway_1.internal:8000\r\n", 200),
    ],
)
def test_http_1_1_has_a_host(gateway: Gateway, first: bytes, headers: bytes, status: int) -> None:
    answer = half_a_request(gateway, first + b"\r\n" + headers + b"Connection: close\r\n\r\n")
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()) or answer.startswith(f"HTTP/1.0 {status} ".encode())
    assert (b"unreadable_request" in answer) == (status == 400)


def test_the_docs_page_may_not_be_framed(gateway: Gateway) -> None:
    policy = gateway.get("/docs").headers["content-security-policy"]
    for rule in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"):
        assert rule in policy


def test_an_arn_that_climbs_is_no_model(gateway: Gateway, emulator: Emulator) -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/../../x"
    response = gateway.post("/v1/invoke", {"model": arn, "input": BODY})
    assert (response.status_code, response.json()["code"]) == (404, "unknown_model")
    assert emulator.calls() == []
