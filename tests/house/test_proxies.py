"""docs/how-to/proxies-and-private-cas.md: the way to Bedrock by a proxy, and to an endpoint with a CA of one's own."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.doubles import StartEmulator, StartGateway, accept_each, pour, run_accepting

NOVA = {"messages": [{"role": "user", "content": [{"text": "Name three colours."}]}]}


@dataclass
class Proxy:
    """A proxy for CONNECT; it keeps whom it was asked for."""

    port: int
    asked: list[str] = field(default_factory=list)

    def serve(self, listener: socket.socket) -> None:
        for client in accept_each(listener):
            threading.Thread(target=self._tunnel, args=(client,), daemon=True).start()

    def _tunnel(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(65536)
            host = head.split()[1].decode()
            self.asked.append(host)
            with socket.create_connection(("127.0.0.1", int(host.rpartition(":")[2]))) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=pour, args=(server, client), daemon=True)
                back.start()
                pour(client, server)
                back.join()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with run_accepting(Proxy) as made:
        yield made


@pytest.fixture(scope="module")
def endpoint(start_nginx: Any, emulator_port: int) -> Any:
    """The emulator behind TLS, with a certificate that no public CA has signed."""
    return start_nginx(emulator_port)


@pytest.fixture(scope="module")
def emulator_port(start_emulator: StartEmulator) -> int:
    return int(start_emulator().url.rpartition(":")[2])


def settings(endpoint: Any, **more: str) -> dict[str, str]:
    return {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": endpoint.url, "BEDROCK_FLASK_MAX_ATTEMPTS": "1", **more}


def test_a_call_goes_by_the_proxy_and_trusts_the_bundle(
    start_gateway: StartGateway, endpoint: Any, proxy: Proxy
) -> None:
    gateway = start_gateway(
        **settings(endpoint, AWS_CA_BUNDLE=str(endpoint.certificate), HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}")
    )
    assert gateway.post("/v1/models/nova/invoke", NOVA).status_code == 200
    assert "event: usage" in gateway.post("/v1/models/nova/invoke-stream", NOVA).text
    assert set(proxy.asked) == {f"localhost:{endpoint.port}"}


def test_whom_no_proxy_names_is_called_directly(start_gateway: StartGateway, endpoint: Any, proxy: Proxy) -> None:
    gateway = start_gateway(
        **settings(
            endpoint,
            AWS_CA_BUNDLE=str(endpoint.certificate),
            HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}",
            NO_PROXY="169.254.169.254,localhost",
        )
    )
    assert gateway.post("/v1/models/nova/invoke", NOVA).status_code == 200
    assert proxy.asked == []


def test_a_certificate_of_an_unknown_ca_is_not_trusted(start_gateway: StartGateway, endpoint: Any) -> None:
    gateway = start_gateway(**settings(endpoint, SSL_CERT_FILE=str(endpoint.certificate)))
    answer = gateway.post("/v1/models/nova/invoke", NOVA)
    assert (answer.status_code, answer.json()["code"]) == (502, "upstream_unreachable")
    assert answer.json()["detail"] == "The TLS connection to Bedrock failed or is not trusted."


def test_a_proxy_that_is_down_is_told(start_gateway: StartGateway, endpoint: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    gateway = start_gateway(
        **settings(endpoint, AWS_CA_BUNDLE=str(endpoint.certificate), HTTPS_PROXY=f"http://127.0.0.1:{port}")
    )
    answer = gateway.post("/v1/models/nova/invoke", NOVA)
    assert (answer.status_code, answer.json()["code"]) == (502, "upstream_unreachable")
