"""The reader believes no transport: an end counts only behind all that was announced."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from bedrock_flask.call import Call
from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import UpstreamTruncated
from bedrock_flask.models import loading
from bedrock_flask.transport.pending import Head
from bedrock_flask.transport.reading import Reader
from bedrock_flask.transport.shutdown import Shutdown


class Quiet:
    """A response whose transport does not notice that its body is cut."""

    def __init__(self, sock: socket.socket, announced: int, *pieces: bytes) -> None:
        self.sock, self._announced, self._pieces = sock, announced, [*pieces, b""]

    def has_data(self, readable: bool) -> bool:
        return True

    def begin(self, seconds: float) -> Head:
        return Head(200, {"content-type": "application/json", "content-length": str(self._announced)})

    def read(self, seconds: float) -> bytes:
        return self._pieces.pop(0)

    def shutdown(self) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours


def read(pending: Any) -> bytes:
    call = Call(adapter=loading.load_registry().adapters["nova"], operation="InvokeModel", model="m", body=b"{}")
    return Reader(pending, call, Settings(), Shutdown(), as_stream=False).read_reply().body


def test_a_body_that_ends_early_in_silence_is_an_error(sock: socket.socket) -> None:
    assert read(Quiet(sock, 8, b'{"a":', b" 1}")) == b'{"a": 1}'
    with pytest.raises(UpstreamTruncated, match="after 5 of 8 bytes"):
        read(Quiet(sock, 8, b'{"a":'))
