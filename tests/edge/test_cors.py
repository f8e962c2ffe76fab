"""CORS: by exact origin, off by default; preflights before authentication, and nothing named to strangers."""

import socket
import subprocess
import sys
from typing import Any

import pytest

from bedrock_flask.config import origins
from bedrock_flask.config.settings import read_settings
from bedrock_flask.dialects import load_dialects
from bedrock_flask.edge import cors
from bedrock_flask.errors import SettingsError
from tests.doubles import Emulator, Gateway, StartGateway

EXPOSED = cors.exposed_headers(load_dialects())

BODY = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
SECRET = "a-long-secret-of-somebody"
APP, V6 = "https://app.example.com", "http://[2001:db8::1]:3000"
ALLOWED = "access-control-allow-origin"


@pytest.fixture(scope="module")
def shared(start_gateway: StartGateway) -> Gateway:
    """A gateway with a key that two origins may call."""
    return start_gateway(
        BEDROCK_FLASK_API_KEYS=f"page:{SECRET}",
        BEDROCK_FLASK_CORS_ORIGINS=f"{APP}, {V6}",
        BEDROCK_FLASK_READ_TIMEOUT="2",
    )


def preflight(server: Any, path: str, origin: str, headers: str = "authorization, content-type") -> Any:
    body = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": headers,
    }
    return server.ask("OPTIONS", path, headers=body)


def of_cors(response: Any) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name.lower().startswith("access-control-")}


@pytest.mark.parametrize("origin", [APP, V6])
def test_a_preflight_of_a_named_origin_is_answered_without_a_key(shared: Any, origin: str) -> None:
    response = preflight(shared, "/v1/models/nova/invoke", origin)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers[ALLOWED] == origin
    assert response.headers["access-control-allow-headers"] == "authorization, content-type"
    assert "POST" in response.headers["access-control-allow-methods"]
    assert int(response.headers["access-control-max-age"]) > 0


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "https://app.example.com.evil.example",
        "https://xapp.example.com",
        "https://appxexample.com",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com/",
        "https://APP.example.com",
        "http://2:3000",
        "http://:3000",
        "null",
        "",
    ],
)
def test_another_origin_gets_no_header_of_cors(shared: Any, emulator: Emulator, origin: str) -> None:
    assert of_cors(preflight(shared, "/v1/models/nova/invoke", origin)) == {}
    headers = {"origin": origin, "x-api-key": SECRET}
    assert of_cors(shared.post("/v1/models/nova/invoke", BODY, headers=headers)) == {}
    assert of_cors(shared.get("/v1/models", headers={"origin": origin})) == {}


@pytest.mark.parametrize("path", ["/v1/models/nova/invoke", "/v1/models/no-such/invoke", "/nope", "/livez"])
@pytest.mark.parametrize("origin", [APP, "https://evil.example"])
def test_a_preflight_names_nothing(shared: Any, path: str, origin: str) -> None:
    response, other = preflight(shared, path, origin), preflight(shared, "/v1/models/nova/invoke", origin)
    assert (response.status_code, response.content, of_cors(response)) == (204, b"", of_cors(other))
    assert "allow" not in response.headers


def test_only_the_headers_that_the_gateway_reads_may_be_sent(shared: Any) -> None:
    text = "authorization,cookie,content-type,x-amzn-bedrock-trace,x-api-key,x-evil,x-request-id,x-amzn-bedrock-é"
    response = preflight(shared, "/v1/invoke", APP, text.encode("latin-1").decode("latin-1"))
    lines = response.headers["access-control-allow-headers"].split(", ")
    assert lines == ["authorization", "content-type", "x-amzn-bedrock-trace", "x-api-key", "x-request-id"]


def test_the_answer_may_be_read_whole_and_streamed(shared: Any, emulator: Emulator) -> None:
    headers = {"origin": APP, "authorization": f"Bearer {SECRET}"}
    for action in ("invoke", "invoke-stream"):
        response = shared.post(f"/v1/models/nova/{action}", BODY, headers=headers)
        assert response.status_code == 200, response.text
        assert response.headers[ALLOWED] == APP
        assert "Origin" in response.headers["vary"]
        result = {name.lower() for name in response.headers if name.lower().startswith(("x-", "request-id"))}
        assert result - {"x-content-type-options", "x-accel-buffering"} <= set(EXPOSED)
        assert {name.strip() for name in response.headers["access-control-expose-headers"].split(",")} == set(EXPOSED)
        assert response.text


@pytest.mark.parametrize(
    ("path", "body", "fault", "status"),
    [
        ("/v1/models/nova/invoke", "{not json", None, 400),
        ("/v1/models/no-such/invoke", "{}", None, 404),
        ("/v1/models/nova/invoke", BODY, "ThrottlingException", 429),
        ("/v1/models/nova/invoke-stream", BODY, "AccessDeniedException", 403),
    ],
)
def test_errors_can_be_read_too(
    shared: Any, emulator: Emulator, path: str, body: Any, fault: str | None, status: int
) -> None:
    if fault:
        emulator.fault(fault, count=5)
    response = shared.post(path, body, headers={"origin": APP, "x-api-key": SECRET})
    assert (response.status_code, response.headers[ALLOWED]) == (status, APP)
    assert response.json()["code"]


def test_a_page_without_a_key_reads_that_it_needs_one(shared: Any) -> None:
    response = shared.post("/v1/models/nova/invoke", BODY, headers={"origin": APP})
    assert (response.status_code, response.headers[ALLOWED]) == (401, APP)


@pytest.mark.parametrize("headers", [{}, {"origin": "https://evil.example"}, {"origin": APP}])
def test_caches_are_told_that_the_answer_depends_on_the_origin(shared: Any, headers: dict[str, str]) -> None:
    assert "Origin" in shared.get("/livez", headers=headers).headers["vary"]


def test_neither_cookies_nor_the_list_of_origins_are_ever_told(shared: Any, emulator: Emulator) -> None:
    answers = [
        preflight(shared, "/v1/invoke", APP),
        shared.get("/livez"),
        shared.get("/livez", headers={"origin": APP}),
    ]
    for response in answers:
        assert "access-control-allow-credentials" not in response.headers
        assert V6 not in str(response.headers)
    assert of_cors(answers[1]) == {}


def test_a_preflight_over_the_bare_socket_keeps_the_connection(shared: Any) -> None:
    host, port = shared.url.removeprefix("http://").split(":")
    request = (
        f"OPTIONS /v1/invoke HTTP/1.1\r\nHost: {host}\r\nOrigin: {APP}\r\n"
        "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Private-Network: true\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=20) as client:
        for _ in range(2):
            client.sendall(request.encode())
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(65536)
                assert piece, "the connection was closed"
                head += piece
            assert head.startswith(b"HTTP/1.1 204")
            assert b"Access-Control-Allow-Private-Network: true" in head


def test_an_options_request_that_is_no_preflight_needs_a_key(shared: Any) -> None:
    assert shared.ask("OPTIONS", "/v1/invoke", headers={"origin": APP}).status_code == 401


def test_it_is_off_by_default(gateway: Gateway) -> None:
    origin = "http://localhost:3000"
    assert of_cors(preflight(gateway, "/v1/models/nova/invoke", origin)) == {}
    response = gateway.get("/v1/models", headers={"origin": origin})
    assert of_cors(response) == {}
    assert "vary" not in response.headers


def test_without_keys_a_named_origin_is_let_through_and_no_other(
    start_gateway: StartGateway, emulator: Emulator
) -> None:
    gateway = start_gateway(BEDROCK_FLASK_CORS_ORIGINS=APP)
    response = gateway.post("/v1/models/nova/invoke", BODY, headers={"origin": APP})
    assert (response.status_code, response.headers[ALLOWED]) == (200, APP)
    other = gateway.post("/v1/models/nova/invoke", BODY, headers={"origin": "https://evil.example"})
    assert (other.status_code, other.json()["code"]) == (403, "loopback_only")
    assert of_cors(other) == {}


@pytest.mark.parametrize(
    "expected",
    [
        ["https://app.example.com"],
        ["http://localhost:3000", "http://127.0.0.1:8080", "http://[::1]:5173"],
        ["chrome-extension://abcdefghijklmnop", "tauri://localhost"],
    ],
)
def test_origins_are_taken_as_a_browser_sends_them(expected: list[str]) -> None:
    assert origins.parse_origins(expected) == tuple(expected)


@pytest.mark.parametrize(
    ("expected", "fault"),
    [
        ("*", "wildcards are not supported"),
        ("https://*.example.com", "wildcards are not supported"),
        ("https://app.example.com/", "without a path"),
        ("https://app.example.com/app", "without a path"),
        ("https://user@app.example.com", "scheme://host"),
        ("https://app.example.com?x", "scheme://host"),
        ("^https://.+$", "scheme://host"),
        ("app.example.com", "scheme://host"),
        ("null", "scheme://host"),
        ("https://", "scheme://host"),
        ("https://App.example.com", "lower case"),
        ("https://app.example.com:443", "default port"),
        ("http://app.example.com:80", "default port"),
        ("http://app.example.com:99999", "the port is out of range"),
        ("http://app.example.com:\uff10", "scheme://host"),
        ("https://b\u00fccher.example", "scheme://host"),
        ("https://a.example\nhttps://b.example", "scheme://host"),
    ],
)
def test_what_no_browser_sends_is_refused_by_name(expected: str, fault: str) -> None:
    with pytest.raises(SettingsError, match=r"BEDROCK_FLASK_CORS_ORIGINS: .* is not an exact origin") as refused:
        read_settings({"BEDROCK_FLASK_CORS_ORIGINS": f"https://good.example,{expected}"})
    assert fault in str(refused.value)


def test_a_wildcard_stops_the_start_in_one_line(plain_environ: dict[str, str]) -> None:
    environ = plain_environ | {"BEDROCK_FLASK_CORS_ORIGINS": "*"}
    command = [sys.executable, "-m", "bedrock_flask", "serve"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "wildcards are not supported" in line
