"""The functions that damage a response, in the protocol of its API.

Each takes the fault, a function that makes the undamaged response, and the caller's presence. `after` counts frames.
For the faults that end or break something, a whole body is one frame, and those that act `after` 1 frame of a stream
act on that one; for `stall` it is two halves.
"""

import math
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice, repeat

from bedrock_flask.closing import closing
from bedrock_flask.emulator.calls.errors import EmulatedError
from bedrock_flask.emulator.calls.presence import Presence
from bedrock_flask.emulator.calls.response import (
    CUT,
    CUT_IN_HEAD,
    RESET,
    UNTIL_CLOSE,
    EmulatorResponse,
    make_response,
    make_stream_response,
)

_SILENCE_SECONDS = 5.0
_DRIP_SECONDS = 0.1
_MISSING_BYTES = 512
_BOMB_BYTES = 1 << 30
_GZIP_HEADER = b"\x1f\x8b\x08" + 6 * b"\0" + b"\xff"
_PIECE_BYTES, _LARGE_FRAME_BYTES = 1 << 20, 16 << 20
_HTML = b"<html><head><title>Sorry</title></head><body><h1>We'll be back soon</h1></body></html>"
_HALF_JSON = b'{"output":{"message":{"role":"assistant","content":[{"text":"He'

# Short names for errors that are ordered often.
ALIASES = {
    "throttle": "ThrottlingException",
    "not_ready": "ModelNotReadyException",
    "unavailable": "ServiceUnavailableException",
    "internal": "InternalServerException",
    "overloaded": "overloaded_error",
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault to inject into the next `count` calls, or those of one operation, by its name in the request log.

    `table.py` explains the other members and their defaults.
    """

    fault: str
    count: int = 1
    after: int | None = None
    seconds: float | None = None
    size: int | None = None
    message: str = ""
    retry_after: str = ""
    status: int | None = None
    error: str = ""
    operation: str = ""

    def find_position(self, response: EmulatorResponse, default: int = 1) -> int:
        """The number of frames before the fault: `after`, or else `default` in a stream and 0 in a whole body."""
        return self.after if self.after is not None else default * response.stream

    def make_error(self, name: str) -> EmulatedError:
        """The error of that name, with this fault's message, status and Retry-After."""
        return EmulatedError(name, self.message, status=self.status, retry_after=self.retry_after)


Respond = Callable[[], EmulatorResponse]
Inject = Callable[[Fault, Respond, Presence], EmulatorResponse]
ChangeParts = Callable[[Iterator[bytes]], Iterator[bytes]]


# --- errors -----------------------------------------------------------------------------------------------------------


def answer_with_error(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """Raise the error that the fault is named for, which is written as the API writes its errors."""
    raise fault.make_error(ALIASES.get(fault.fault, fault.fault))


def answer_as_load_balancer(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """Answer as a load balancer does: a status, no error name, no JSON."""
    headers = {"Content-Type": "text/html"} | ({"Retry-After": fault.retry_after} if fault.retry_after else {})
    return make_response(fault.message.encode() or _HTML, headers, status=fault.status or 502)


def end_with_exception_frame(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """End the stream as it ends when the model fails: with an exception frame, or the API's event of a failure."""
    response = respond()
    error = fault.make_error(fault.error or "modelStreamErrorException")
    return _end_with(fault, response, lambda: response.protocol.encode_exception(error))


def end_with_error_frame(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """End the stream with an error frame, or the API's event of an error."""
    response = respond()
    name, message = fault.error or "InternalFailure", fault.message or "An internal failure."
    return _end_with(fault, response, lambda: response.protocol.encode_error(name, message))


def _end_with(fault: Fault, response: EmulatorResponse, make_frame: Callable[[], bytes]) -> EmulatorResponse:
    def change(parts: Iterator[bytes]) -> Iterator[bytes]:
        yield from islice(parts, fault.find_position(response))
        # Made here: an event of a failure may tell how far the stream went.
        yield make_frame()

    return _replace_parts(response, change)


# --- time -------------------------------------------------------------------------------------------------------------


def delay_first_byte(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """Wait, then answer."""
    presence.wait(_SILENCE_SECONDS if fault.seconds is None else fault.seconds)
    return respond()


def stall(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """Stop sending for some time or for ever, then send the rest."""
    response = respond()
    seconds = math.inf if fault.seconds is None else fault.seconds

    def change(parts: Iterator[bytes]) -> Iterator[bytes]:
        if response.stream:
            # Sends the status line and the headers of a stream before its first frame.
            yield b""
        pieces = _split_pieces(response, parts)
        yield from islice(pieces, fault.find_position(response, 0))
        presence.wait(seconds)
        yield from pieces

    return replace(response, parts=_change_parts(response, change))


def drip(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """Send the body byte by byte."""
    response = respond()

    def change(parts: Iterator[bytes]) -> Iterator[bytes]:
        yield from islice(parts, fault.find_position(response, 0))
        for part in parts:
            for byte in part:
                presence.wait(_drip_seconds(fault))
                yield bytes((byte,))

    return replace(response, parts=_change_parts(response, change))


def drip_header(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """Send the status line and the headers byte by byte."""
    return replace(respond(), delivery=UNTIL_CLOSE, header_pace=_drip_seconds(fault))


def _drip_seconds(fault: Fault) -> float:
    return _DRIP_SECONDS if fault.seconds is None else fault.seconds


def _split_pieces(response: EmulatorResponse, parts: Iterator[bytes]) -> Iterator[bytes]:
    """The frames of a stream, the halves of a whole body."""
    return parts if response.stream else (half for part in parts for half in _split_half(part))


def _split_half(part: bytes) -> tuple[bytes, bytes]:
    return part[: len(part) // 2], part[len(part) // 2 :]


# --- bodies that are not what they should be --------------------------------------------------------------------------


def send_short_body(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """Send half of the body under a Content-Length that is larger than the whole."""
    body = b"".join(respond().parts)
    headers = {"Content-Length": str(len(body) + _MISSING_BYTES)}
    return replace(make_response(body[: len(body) // 2], headers), delivery=CUT)


def send_broken_json(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """Send JSON that is cut off."""
    return make_response(_HALF_JSON)


def send_html(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """Send an HTML page with status 200."""
    return make_response(_HTML, {"Content-Type": "text/html"})


def send_empty_object(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """Send an empty JSON object."""
    return make_response(b"{}")


def send_gzip_bomb(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """Send the response in gzip, with many spaces in it that take few bytes."""
    response = respond()
    size = _BOMB_BYTES if fault.size is None else fault.size

    def change(parts: Iterator[bytes]) -> Iterator[bytes]:
        if response.stream:
            enlarge = response.protocol.enlarge
            return _compress(_enlarge_frame(parts, fault.find_position(response), size, enlarge))
        length, times = _divide(size, _PIECE_BYTES)
        return _compress(chain(repeat(b" " * length, times), parts))

    bomb = _replace_parts(response, change)
    return replace(bomb, headers={**bomb.headers, "Content-Encoding": "gzip"})


def _enlarge_frame(
    parts: Iterator[bytes], position: int, size: int, enlarge: Callable[[bytes, int], bytes]
) -> Iterator[bytes]:
    """The frames; the one at the position gets spaces after its JSON and is repeated up to the size."""
    yield from islice(parts, position)
    for part in islice(parts, 1):
        length, times = _divide(size, _LARGE_FRAME_BYTES)
        yield from repeat(enlarge(part, length), times)
    yield from parts


def _divide(size: int, maximum: int) -> tuple[int, int]:
    """The length of a piece, and how many of them reach that size."""
    length = min(size, maximum)
    return length, -(-size // length)


def _compress(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The parts in gzip, each sent once it is compressed; a part that is repeated is compressed once."""
    deflate, crc, size = zlib.compressobj(9, wbits=-zlib.MAX_WBITS), 0, 0
    last = compressed = b""
    yield _GZIP_HEADER
    for part in parts:
        if part is not last:
            # After a full flush the compressed bytes do not refer to earlier ones, so they can be repeated.
            last, compressed = part, deflate.compress(part) + deflate.flush(zlib.Z_FULL_FLUSH)
        crc, size = zlib.crc32(part, crc), size + len(part)
        yield compressed
    yield deflate.flush() + struct.pack("<II", crc, size & 0xFFFFFFFF)


# --- streams that end or break ----------------------------------------------------------------------------------------


def reset(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """Reset the TCP connection."""
    response = respond()

    def change(parts: Iterator[bytes]) -> Iterator[bytes]:
        yield from islice(parts, fault.find_position(response, 0))

    return replace(response, parts=_change_parts(response, change), delivery=RESET)


def make_half_frame(delivery: str) -> Inject:
    """Make a fault that sends half a frame and then ends the response in the given way."""

    def send_half_frame(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
        response = respond()

        def change(parts: Iterator[bytes]) -> Iterator[bytes]:
            yield from islice(parts, fault.find_position(response))
            yield from (_split_half(part)[0] for part in islice(parts, 1))

        return replace(_replace_parts(response, change), delivery=delivery)

    return send_half_frame


def hang_up(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """Close the connection without a response."""
    return EmulatorResponse(delivery=CUT)


def cut_in_header(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """Close the connection within the headers."""
    return replace(respond(), delivery=CUT_IN_HEAD)


def cut_between_chunks(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """Close the connection after a whole HTTP chunk."""
    response = respond()

    def change(parts: Iterator[bytes]) -> Iterator[bytes]:
        yield from islice(_split_pieces(response, parts), 1 if fault.after is None else fault.after)

    return replace(_replace_parts(response, change), delivery=CUT)


def drop_terminal_event(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """End the stream cleanly before its last frame, or after `after` frames."""

    def change(parts: Iterator[bytes]) -> Iterator[bytes]:
        if fault.after is not None:
            yield from islice(parts, fault.after)
            return
        previous = next(parts, b"")
        for part in parts:
            yield previous
            previous = part

    return _replace_parts(respond(), change)


def send_empty_stream(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """Send a stream without frames."""
    response = respond()
    with closing(response.parts):
        return make_stream_response((), protocol=response.protocol)


def damage_frame(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """Send one frame that its reader must refuse: with a wrong checksum, or an event whose JSON is cut off."""
    response = respond()

    def change(parts: Iterator[bytes]) -> Iterator[bytes]:
        yield from islice(parts, fault.find_position(response))
        yield from map(response.protocol.damage, islice(parts, 1))
        yield from parts

    return _replace_parts(response, change)


def send_foreign_bytes(fault: Fault, respond: Respond, presence: Presence) -> EmulatorResponse:
    """Send bytes that belong to no frame: a prelude that announces 2 GiB, or a line that is not UTF-8."""
    response = respond()

    def change(parts: Iterator[bytes]) -> Iterator[bytes]:
        yield from islice(parts, fault.find_position(response))
        yield response.protocol.foreign
        yield from parts

    return _replace_parts(response, change)


def _replace_parts(response: EmulatorResponse, change: ChangeParts) -> EmulatorResponse:
    """The response with other parts and without its Content-Length, which would no longer be true."""
    headers = {name: value for name, value in response.headers.items() if name != "Content-Length"}
    return replace(response, headers=headers, parts=_change_parts(response, change))


def _change_parts(response: EmulatorResponse, change: ChangeParts) -> Iterator[bytes]:
    with closing(response.parts) as parts:
        yield from change(parts)
