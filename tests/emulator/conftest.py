"""Callers of the emulator: an unmodified boto3, and a bare socket that keeps what it reads."""

import contextlib
import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from tests.doubles import Emulator

PATHS = {
    "Converse": "/model/amazon.nova-lite-v1%3A0/converse",
    "ConverseStream": "/model/amazon.nova-lite-v1%3A0/converse-stream",
}
BODY = json.dumps({"messages": [{"role": "user", "content": [{"text": "Tell me something."}]}]}).encode()


@dataclass(frozen=True)
class Heard:
    """What came over a bare connection: the bytes, and whether it ended by FIN, by RST or not at all."""

    data: bytes
    end: str
    seconds: float

    @property
    def head(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[0].lower()

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def chunks(self) -> tuple[bytes, bool]:
        """The content of the HTTP chunks, and whether the final chunk came."""
        content, rest = b"", self.body
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size, 16)
            if not length:
                return content, True
            content, rest = content + rest[:length], rest[length + 2 :]
        return content, False


Hear = Callable[..., Heard]


@contextlib.contextmanager
def _connected(url: str) -> Iterator[socket.socket]:
    there = urlsplit(url)
    with socket.create_connection((there.hostname, there.port), timeout=10) as connection:
        yield connection


def _request(path: str, body: bytes, fault: Any = None) -> bytes:
    header = "" if fault is None else f"x-emulator-fault: {fault if isinstance(fault, str) else json.dumps(fault)}\r\n"
    head = f"POST {path} HTTP/1.1\r\nHost: emulator\r\nConnection: close\r\nContent-Length: {len(body)}\r\n{header}\r\n"
    return head.encode() + body


@pytest.fixture
def hear(emulator: Emulator) -> Hear:
    """Send one call over a bare socket and read to the end, at most for `patience` seconds of silence."""

    def hear(operation: str = "ConverseStream", fault: Any = None, body: bytes = BODY, patience: float = 10) -> Heard:
        data, end, began = b"", "silence", time.monotonic()
        with _connected(emulator.url) as connection:
            connection.settimeout(patience)
            connection.sendall(_request(PATHS.get(operation, operation), body, fault))
            try:
                while piece := connection.recv(65536):
                    data += piece
                end = "FIN"
            except ConnectionResetError:
                end = "RST"
            except TimeoutError:
                pass
        return Heard(data, end, time.monotonic() - began)

    return hear


@pytest.fixture
def leave(emulator: Emulator) -> Callable[..., None]:
    """Send one call, read at least `until` bytes, and leave, by FIN or by RST."""

    def leave(operation: str, fault: Any = None, until: int = 0, reset: bool = False, body: bytes = BODY) -> None:
        with _connected(emulator.url) as connection:
            connection.sendall(_request(PATHS.get(operation, operation), body, fault))
            read = 0
            while read < until:
                read += len(connection.recv(65536))
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return leave


@pytest.fixture(scope="session")
def await_end() -> Callable[..., dict[str, Any]]:
    """The log entry of the last call, as soon as it has ended."""

    def await_end(emulator: Emulator, patience: float = 10) -> dict[str, Any]:
        until = time.monotonic() + patience
        while time.monotonic() < until:
            calls = emulator.calls()
            if calls and calls[-1]["ended"]:
                return dict(calls[-1])
            time.sleep(0.01)
        raise AssertionError(f"the call has not ended: {emulator.calls()}")

    return await_end


@pytest.fixture
def bedrock(emulator: Emulator) -> Any:
    """An unmodified boto3 client of the emulator."""
    return emulator.client()


def _check(value: Any, shape: Any, path: str) -> None:
    """Fail on what botocore would drop or miss without an error."""
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        strange = value.keys() - shape.members.keys()
        assert not strange, f"{path}: botocore does not know {strange}"
        lacking = set(shape.required_members) - value.keys()
        assert not lacking, f"{path}: {lacking} is missing"
        for name, inner in value.items():
            _check(inner, shape.members[name], f"{path}.{name}")
    elif shape.type_name == "list":
        for inner in value:
            _check(inner, shape.member, f"{path}[]")
    elif shape.type_name == "map":
        for inner in value.values():
            _check(inner, shape.value, f"{path}{{}}")


@pytest.fixture(scope="session")
def strict_client() -> Callable[..., Any]:
    """An unmodified boto3 client that also checks each response against botocore's service model."""

    def check(http_response: Any, model: Any, **_: Any) -> None:
        if http_response.status_code == 200 and not model.has_streaming_output and not model.has_event_stream_output:
            _check(json.loads(http_response.content), model.output_shape, model.name)

    def make(url: str, service: str = "bedrock-runtime") -> Any:
        client = boto3.client(
            service,
            endpoint_url=url,
            region_name="us-west-2",
            aws_access_key_id="emulator",
            aws_secret_access_key="emulator",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=20),
        )
        client.meta.events.register("after-call", check)
        return client

    return make
