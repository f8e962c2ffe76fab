"""A response that is still to come, of any transport: the request is sent, and nothing of the answer is read."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class MalformedResponse(ValueError):
    """What arrived is not HTTP, or has more than any answer of Bedrock's: too many interim responses or trailers."""


class Truncated(OSError):
    """The connection ended before the body did."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a response: its headers have names in lower case, and the values of a repeated one are joined."""

    status: int
    headers: Mapping[str, str]


class PendingResponse(Protocol):
    """One response: `begin` is called once, then `read` until the body's end, all by one thread.

    Both raise TimeoutError, MalformedResponse, Truncated, and any other OSError for a connection that is lost.
    """

    sock: socket.socket

    def has_data(self, readable: bool) -> bool:
        """Whether a read would return at once; `readable` says that the socket has data, or its end.

        True also at the end of the body, which needs no byte: of a 204, or behind the last byte that was announced.
        """

    def begin(self, seconds: float) -> Head:
        """The head, which must arrive within this many seconds a read; a few interim responses are skipped."""

    def read(self, seconds: float) -> bytes:
        """All of the body that can be had now; waits at most `seconds` for its next byte, and is empty at its end."""

    def shutdown(self) -> None:
        """End the wait of the thread that reads; another thread calls this, perhaps after the end of the body."""

    def close(self) -> None:
        """Discard the response; the connection of a body that was read to its end is in its pool already."""
