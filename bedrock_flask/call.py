"""What is sent to Bedrock and what comes back: a call, and its reply, whole or as a stream."""

import socket
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.operations import OPERATIONS, STREAMING
from bedrock_flask.bedrock.surfaces import CALLED, Surface
from bedrock_flask.bedrock.usage import NOTHING, Usage
from bedrock_flask.errors import UpstreamProtocolError
from bedrock_flask.governance.limits import Level
from bedrock_flask.governance.policy import Terms
from bedrock_flask.governance.principal import NOBODY, Principal
from bedrock_flask.prices.billed import TOKENS_ALONE, Billed
from bedrock_flask.prices.cost import Cost
from bedrock_flask.protocol import json

# What became of a call that is billed: nobody knows whether it is, its answer is whole, or there is nothing to bill.
BEGUN, WHOLE, FREE = "begun", "whole", "free"


@dataclass
class CallRecord:
    """What is learned about one call while it runs: the transport and the guards write it, the log reads it once.

    model    the id by which the call is billed; empty where none is called
    outcome  BEGUN, WHOLE or FREE; empty before the call, and where none is billed
    tier     the service tier of the answer
    usage, billed   what the call is billed for
    cost     what it costs, once that was computed
    wanted   the numbers in its body that say how much is wanted, once they were read
    calls    the records of calls that are made side by side for one request
    levels   what is left of the limits of the caller
    guardrail_units  what AWS bills for the guardrail that the gateway has applied, by AWS's names; None if none was
    """

    attempts: int = 0
    region: str = ""
    surface: str = ""
    upstream_request_id: str = ""
    usage: Usage = NOTHING
    error: str = ""
    model: str = ""
    outcome: str = ""
    tier: str = ""
    billed: Billed = TOKENS_ALONE
    cost: Cost | None = None
    wanted: Mapping[str, int] | None = None
    calls: list["CallRecord"] = field(default_factory=list)
    levels: Sequence[Level] = ()
    guardrail_units: Mapping[str, int] | None = None


# Not frozen, because a frozen record of its fields takes three times as long to make.
@dataclass(slots=True, kw_only=True)
class Call:
    """One call of an operation or a surface, mostly on a model: the bytes to send, and on whose behalf.

    `labels` and `query` complete the address of an operation that is on no model; its `adapter` is the generic one, and
    `model` is empty. `deadline` is a time of `time.monotonic()`; `headers` are sent unchanged. `wire` names the format
    of body and answer where it is not the adapter's own. `stream` calls the streaming twin of the operation. `client`
    is the connection of the caller, which a stream watches: when the client disconnects, the call ends.
    `retries_itself` says that the caller tries again after an error, so the gateway does not. `billed_as` is the id
    that names its price, and is empty where AWS bills nothing. `principal` is the caller, and `dialect` the API that it
    called; `terms` are what policies go by. `guardrail` (`ID:VERSION`) is the one that policies prescribe and that the
    gateway has to apply itself; it is empty where none is prescribed, and where AWS applies it.
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
    billed_as: str = ""
    principal: Principal = NOBODY
    dialect: str = ""
    terms: Terms | None = None
    guardrail: str = ""
    record: CallRecord = field(default_factory=CallRecord)

    @property
    def surface(self) -> Surface | None:
        """The API beside bedrock-runtime's operations that is called; None for an operation."""
        return CALLED.get(self.operation)

    @property
    def operation_name(self) -> str:
        """The operation of bedrock-runtime that is called, or the surface."""
        return STREAMING.get(self.operation, self.operation) if self.stream else self.operation

    @property
    def method(self) -> str:
        """The method of HTTP that the operation takes."""
        return self.surface.method if self.surface else OPERATIONS[self.operation_name].method

    @property
    def target(self) -> str:
        """The path of the operation, and its query."""
        name, surface = self.operation_name, self.surface
        if surface:
            path = surface.path
        elif self.labels:
            path = OPERATIONS[name].build_path({"modelId": self.model, **self.labels})
        else:
            path = _build_model_path(name, self.model)
        return f"{path}?{self.query}" if self.query else path

    def remaining(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - time.monotonic()


@lru_cache(maxsize=512)
def _build_model_path(operation: str, model: str) -> str:
    return OPERATIONS[operation].build_path({"modelId": model})


def parse_object(data: bytes, read: Callable[[bytes], Any] = json.read) -> dict[str, Any]:
    """A JSON object that Bedrock sent; UpstreamProtocolError for anything else."""
    try:
        document = read(data)
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


# Not frozen, because a frozen record takes three times as long to make; nor is `Chunk`, one for each event of a stream.
@dataclass(slots=True)
class Reply:
    """A whole answer: the bytes that Bedrock sent, and its headers (names in lower case)."""

    headers: Mapping[str, str]
    body: bytes
    _document: dict[str, Any] | None = field(default=None, init=False, compare=False, repr=False)

    @property
    def document(self) -> dict[str, Any]:
        """The body as a JSON object, parsed once."""
        if self._document is None:
            self._document = parse_object(self.body)
        return self._document


@dataclass(slots=True)
class Chunk:
    """One event of a stream: Bedrock's event type, the model's own JSON as it came, and the frame that held it."""

    event: str
    data: bytes
    frame: bytes = field(default=b"", compare=False, repr=False)
    _sketch: dict[str, Any] | None = field(default=None, init=False, compare=False, repr=False)
    _is_exact: bool = field(default=False, init=False, compare=False, repr=False)

    @property
    def sketch(self) -> dict[str, Any]:
        """The data as a JSON object, for a look at it: integers of more than 64 bits may be floats."""
        if self._sketch is None:
            self._sketch = parse_object(self.data, json.sketch)
        return self._sketch

    @property
    def document(self) -> dict[str, Any]:
        """The data as a JSON object, parsed once."""
        if not self._is_exact:
            self._sketch = parse_object(self.data) if json.has_long_number(self.data) else self.sketch
            self._is_exact = True
        return self.sketch


# The chunks that arrived together, or none if Bedrock has been silent for a while: the client needs a sign of life.
Batch = Sequence[Chunk]
SILENCE: Batch = ()
# The event type of a whole answer that arrives as a stream, and that of the end of a stream which has a mark for it.
REPLY, END = "reply", "end"


def ignore_end() -> None:
    """What a stream does when it is complete, if that makes no difference."""


@dataclass(frozen=True)
class Stream:
    """An answer that is still being written; closing `batches` ends the call to Bedrock.

    Each batch is sent on before the next is read, so that a slow client slows the reading down. The answer of an
    operation that does not stream is one chunk of type REPLY; a chunk of type END has no data. `complete` says that the
    answer has all that it needs: from then on its end is awaited for a moment only, and nothing that happens meanwhile
    is an error.
    """

    headers: Mapping[str, str]
    batches: Generator[Batch]
    complete: Callable[[], None] = ignore_end


@dataclass(frozen=True)
class Handler:
    """Makes calls: `send` waits for the whole reply, `send_stream` returns as soon as the answer has begun.

    A stream yields SILENCE while Bedrock is silent, also before the first chunk, whichever operation is called.
    """

    send: Callable[[Call], Reply]
    send_stream: Callable[[Call], Stream]


Guard = Callable[[Handler], Handler]
