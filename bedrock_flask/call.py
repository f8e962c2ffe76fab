"""What is sent to Bedrock and what comes back: a call, and its reply, whole or as a stream."""

import json
import socket
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.operations import OPERATIONS, STREAMING
from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.errors import UpstreamProtocolError


@dataclass
class CallRecord:
    """What is learned about one call while it runs: the transport and the guards write it, the log reads it once."""

    attempts: int = 0
    region: str = ""
    upstream_request_id: str = ""
    usage: Usage = field(default_factory=Usage)
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of an operation, mostly on a model: the bytes to send, and on whose behalf.

    `labels` and `query` complete the address of an operation that is on no model; its `adapter` is the generic one, and
    `model` is empty. `deadline` is a time of `time.monotonic()`; `headers` are sent unchanged. `wire` names the format
    of body and answer where it is not the adapter's own. `stream` calls the streaming twin of the operation. `client`
    is the connection of the caller, which a stream watches: when the client disconnects, the call ends.
    `retries_itself` says that the caller tries again after an error, so the gateway does not.
    """

    adapter: Adapter
    operation: str
    model: str
    body: bytes
    labels: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    wire: str = ""
    stream: bool = False
    client: socket.socket | None = None
    region: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    request_id: str = ""
    deadline: float = float("inf")
    retries_itself: bool = False
    record: CallRecord = field(default_factory=CallRecord)

    @property
    def operation_name(self) -> str:
        """The operation of bedrock-runtime that is called."""
        return STREAMING.get(self.operation, self.operation) if self.stream else self.operation

    @property
    def method(self) -> str:
        """The method of HTTP that the operation takes."""
        return OPERATIONS[self.operation_name].method

    @property
    def target(self) -> str:
        """The path of the operation, and its query."""
        path = OPERATIONS[self.operation_name].build_path({"modelId": self.model, **self.labels})
        return f"{path}?{self.query}" if self.query else path

    def remaining(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - time.monotonic()


def parse_object(data: bytes) -> dict[str, Any]:
    """A JSON object that Bedrock sent; UpstreamProtocolError for anything else."""
    try:
        document = json.loads(data.decode("utf-8"), parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise UpstreamProtocolError("Bedrock's answer is not JSON.") from None
    if not isinstance(document, dict):
        raise UpstreamProtocolError("Bedrock's answer is not a JSON object.")
    return document


def find_object(data: bytes) -> dict[str, Any] | None:
    """The JSON object that Bedrock sent, or None for text, an image or another value of JSON."""
    try:
        return parse_object(data) if data.lstrip()[:1] == b"{" else None
    except UpstreamProtocolError:
        return None


def _reject_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


@dataclass(frozen=True)
class Reply:
    """A whole answer: the bytes that Bedrock sent, and its headers (names in lower case)."""

    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def document(self) -> dict[str, Any]:
        """The body as a JSON object, parsed once."""
        return parse_object(self.body)


@dataclass(frozen=True)
class Chunk:
    """One event of a stream: Bedrock's event type, the model's own JSON as it came, and the frame that held it."""

    event: str
    data: bytes
    frame: bytes = field(default=b"", compare=False, repr=False)

    @cached_property
    def document(self) -> dict[str, Any]:
        """The data as a JSON object, parsed once."""
        return parse_object(self.data)


class Idle(Enum):
    """Bedrock has been silent for a while: the client needs a sign of life, or may have disconnected."""

    IDLE = "idle"


IDLE = Idle.IDLE
# The event type of a whole answer that arrives as a stream.
REPLY = "reply"


@dataclass(frozen=True)
class Stream:
    """An answer that is still being written; closing `chunks` ends the call to Bedrock.

    The answer of an operation that does not stream is one chunk of type REPLY.
    """

    headers: Mapping[str, str]
    chunks: Generator[Chunk | Idle]


@dataclass(frozen=True)
class Handler:
    """Makes calls: `send` waits for the whole reply, `send_stream` returns as soon as the answer has begun.

    A stream yields IDLE while Bedrock is silent, also before the first chunk, whichever operation is called.
    """

    send: Callable[[Call], Reply]
    send_stream: Callable[[Call], Stream]


Guard = Callable[[Handler], Handler]
