"""What goes up and what comes down: a call, and its reply, whole or as a stream."""

import socket
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.operations import STREAMING
from bedrock_flask.bedrock.usage import Usage


@dataclass
class CallRecord:
    """What is learnt about one call while it runs; written by the transport and the guards, read once by the log."""

    attempts: int = 0
    upstream_request_id: str = ""
    usage: Usage = field(default_factory=Usage)
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a Bedrock model: the bytes that go up, and on whose behalf.

    `deadline` is a time of `time.monotonic()`; `headers` go along as they are. `wire` names the format of body and
    answer, where it is not the adapter's own. With `client`, the connection of whoever asked, the answer comes as a
    stream, a whole one too, which says IDLE while the model is silent and ends when the client leaves.
    """

    adapter: Adapter
    operation: str
    model: str
    body: bytes
    wire: str = ""
    stream: bool = False
    client: socket.socket | None = None
    region: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    request_id: str = ""
    caller: str = ""
    deadline: float = float("inf")
    account: CallRecord = field(default_factory=CallRecord)

    @property
    def operation_name(self) -> str:
        """The operation of bedrock-runtime that is called."""
        return STREAMING.get(self.operation, self.operation) if self.stream else self.operation

    def remaining(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - time.monotonic()


@dataclass(frozen=True)
class Reply:
    """A whole answer: the bytes that Bedrock sent, and its headers (names in lower case)."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Chunk:
    """One event of a stream: Bedrock's event type, the model's own JSON as it came, and the frame that held it."""

    event: str
    data: bytes
    frame: bytes = field(default=b"", compare=False, repr=False)


class Idle(Enum):
    """Nothing has come for a while: the client must hear something, or be found to have left."""

    IDLE = "idle"


IDLE = Idle.IDLE
# The event of a whole answer that comes as a stream.
REPLY = "reply"


@dataclass(frozen=True)
class Stream:
    """An answer that is being written; closing `chunks` ends the call upstream."""

    headers: Mapping[str, str]
    chunks: Generator[Chunk | Idle]


Handler = Callable[[Call], Reply | Stream]
Guard = Callable[[Handler], Handler]
