"""A whole answer whose client has left: it is read if it comes soon, and does not keep its place for long."""

import socket
import threading
from typing import Any

import pytest

from bedrock_flask.errors import ClientDisconnected
from bedrock_flask.transport import reading
from tests.doubles import SendWhole, Upstream


@pytest.fixture
def departed() -> Any:
    """The gateway's end of the connection of a client that has left."""
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        yield ours


def test_it_gives_its_place_back(
    upstream: Upstream, send: Any, departed: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_ABANDONED_SECONDS", 0.2)
    noticed = threading.Event()

    def say_nothing(client: socket.socket) -> None:
        client.recv(1)
        noticed.set()

    upstream.scripts.append(say_nothing)
    with pytest.raises(ClientDisconnected):
        send(client=departed, patient=True, seconds=30)
    assert noticed.wait(30)


def test_it_is_read_if_it_comes_soon(upstream: Upstream, send: Any, departed: socket.socket, whole: SendWhole) -> None:
    """Bedrock bills it: its usage is logged."""
    upstream.scripts.append(whole(b'{"a": 1}'))
    reply, _ = send(client=departed, patient=True)
    assert reply.body == b'{"a": 1}'
