"""A response of the emulator before it is delivered: status, headers, body parts, and how to put them on the wire."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from bedrock_flask.closing import closing
from bedrock_flask.emulator.calls.errors import EmulatedError
from bedrock_flask.protocol import eventstream

# How a response is put on the wire: by the server, or by hand to break it where HTTP would not.
NORMAL = "normal"
CUT = "cut"
CUT_IN_CHUNK = "cut in chunk"
CUT_IN_HEAD = "cut in head"
UNTIL_CLOSE = "until close"
RESET = "reset"


@dataclass(frozen=True, kw_only=True)
class EmulatorResponse:
    """Status, headers and body parts: a whole body is one part, a stream has one part for each frame."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: Iterable[bytes] = ()
    stream: bool = False
    delivery: str = NORMAL
    # Seconds before each byte of the status line and the headers; only `UNTIL_CLOSE` reads it.
    header_pace: float = 0


def make_response(body: bytes, headers: Mapping[str, str] | None = None, *, status: int = 200) -> EmulatorResponse:
    """Make a response with a whole body, which is JSON unless the headers say otherwise."""
    defaults = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    return EmulatorResponse(status=status, headers={**defaults, **(headers or {})}, parts=(body,))


def make_stream_response(frames: Iterable[bytes], headers: Mapping[str, str] | None = None) -> EmulatorResponse:
    """Make an event stream. The first frame is pulled here, so that an error before it keeps its own status."""
    return EmulatorResponse(
        headers={"Content-Type": eventstream.MEDIA_TYPE, **(headers or {})},
        parts=_await_first(iter(frames)),
        stream=True,
    )


def _await_first(frames: Iterator[bytes]) -> Iterator[bytes]:
    first = next(frames, None)

    def iterate() -> Iterator[bytes]:
        with closing(frames):
            if first is not None:
                yield first
                yield from frames

    return iterate()


def make_error_response(error: EmulatedError) -> EmulatorResponse:
    """Make the response that Bedrock's front end gives for an error."""
    headers = {"x-amzn-ErrorType": f"{error.name}:http://internal.amazon.com/coral/com.amazon.bedrock/"}
    if error.retry_after:
        headers["Retry-After"] = error.retry_after
    return make_response(json.dumps(error.document).encode(), headers, status=error.status)


def with_header(response: EmulatorResponse, name: str, value: str) -> EmulatorResponse:
    """The response with one more header."""
    return replace(response, headers={**response.headers, name: value})
