"""A response of the emulator before it is delivered: status, headers, body parts, and how to put them on the wire."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from bedrock_flask.closing import closing
from bedrock_flask.emulator.calls.errors import EmulatedError
from bedrock_flask.emulator.calls.protocol import AWS, Protocol

# How a response is put on the wire: by the server, or by hand to break it where HTTP would not.
NORMAL = "normal"
CUT = "cut"
CUT_IN_CHUNK = "cut in chunk"
CUT_IN_HEAD = "cut in head"
UNTIL_CLOSE = "until close"
RESET = "reset"


@dataclass(frozen=True, kw_only=True)
class EmulatorResponse:
    """Status, headers and body parts: a whole body is one part, a stream has one part for each frame.

    `protocol` is that of its API, by which faults know what a frame looks like.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: Iterable[bytes] = ()
    stream: bool = False
    delivery: str = NORMAL
    protocol: Protocol = AWS
    # Seconds before each byte of the status line and the headers; only `UNTIL_CLOSE` reads it.
    header_pace: float = 0


def make_response(
    body: bytes, headers: Mapping[str, str] | None = None, *, status: int = 200, protocol: Protocol = AWS
) -> EmulatorResponse:
    """Make a response with a whole body, which is JSON unless the headers say otherwise."""
    defaults = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return EmulatorResponse(status=status, headers={**defaults, **(headers or {})}, parts=(body,), protocol=protocol)


def make_stream_response(
    frames: Iterable[bytes], headers: Mapping[str, str] | None = None, *, protocol: Protocol = AWS
) -> EmulatorResponse:
    """Make a stream. The first frame is pulled here, so that an error before it keeps its own status."""
    return EmulatorResponse(
        headers={"Content-Type": protocol.media_type, **(headers or {})},
        parts=_await_first(iter(frames)),
        stream=True,
        protocol=protocol,
    )


def _await_first(frames: Iterator[bytes]) -> Iterator[bytes]:
    first = next(frames, None)

    def iterate() -> Iterator[bytes]:
        with closing(frames):
            if first is not None:
                yield first
                yield from frames

    return iterate()


def make_error_response(error: EmulatedError, protocol: Protocol = AWS) -> EmulatorResponse:
    """Make the response with which this API reports an error."""
    headers = dict(protocol.write_headers(error))
    if error.retry_after:
        headers["Retry-After"] = error.retry_after
    body = protocol.serialize(protocol.describe_error(error))
    return make_response(body, headers, status=error.status, protocol=protocol)


def with_header(response: EmulatorResponse, name: str, value: str) -> EmulatorResponse:
    """The response with one more header."""
    return replace(response, headers={**response.headers, name: value})
