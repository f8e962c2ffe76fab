"""What goes up and what comes down: a call, and its reply, whole or as a stream."""

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field

from bedrock_flask.adapter import STREAMING, Adapter
from bedrock_flask.usage import Usage


@dataclass
class Account:
    """What is learnt about one call while it runs; written by the transport and the guards, read once by the log."""

    attempts: int = 0
    upstream_request_id: str = ""
    usage: Usage = field(default_factory=Usage)
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of a Bedrock model: the bytes that go up, and on whose behalf.

    `deadline` is a time of `time.monotonic()`; `headers` are the `x-amzn-bedrock-*` headers that go along.
    """

    adapter: Adapter
    operation: str
    model: str
    body: bytes
    stream: bool = False
    region: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    request_id: str = ""
    caller: str = ""
    deadline: float = float("inf")
    account: Account = field(default_factory=Account)

    @property
    def operation_name(self) -> str:
        """The operation of bedrock-runtime that is called."""
        return STREAMING[self.operation] if self.stream else self.operation

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
    """One event of a stream: Bedrock's event type, and the model's own JSON as it came."""

    event: str
    data: bytes


@dataclass(frozen=True)
class Stream:
    """An answer that is being written; closing `chunks` ends the call upstream."""

    headers: Mapping[str, str]
    chunks: Generator[Chunk]


Handler = Callable[[Call], Reply | Stream]
Guard = Callable[[Handler], Handler]
