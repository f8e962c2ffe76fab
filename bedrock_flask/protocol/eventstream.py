"""AWS event streams (application/vnd.amazon.eventstream), both ways.

A frame is `total u32 | headers u32 | prelude crc u32 | headers | payload | message crc u32`, big-endian; see
https://smithy.io/2.0/aws/amazon-eventstream.html. The limits are those of the AWS SDKs.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from struct import Struct
from struct import error as StructError
from types import MappingProxyType
from typing import Any
from uuid import UUID
from zlib import crc32

from bedrock_flask.protocol.json import MalformedJSON, parse

MEDIA_TYPE = "application/vnd.amazon.eventstream"
MAX_HEADERS = 128 * 1024
MAX_PAYLOAD = 24 * 1024 * 1024
ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

_PRELUDE = Struct(">III")
_LENGTHS = Struct(">II")
_CRC = Struct(">I")
_OVERHEAD = _PRELUDE.size + _CRC.size
_unpack_crc = _CRC.unpack_from


class EventStreamError(ValueError):
    """The bytes are not an event stream; `frames` are the complete frames of the same feed before the fault."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.frames: tuple[Frame, ...] = ()


@dataclass(frozen=True, slots=True)
class Byte:
    """A header of type 2: an integer of 8 bits."""

    value: int


@dataclass(frozen=True, slots=True)
class Short:
    """A header of type 3: an integer of 16 bits."""

    value: int


@dataclass(frozen=True, slots=True)
class Long:
    """A header of type 5: an integer of 64 bits; a plain `int` is type 4, of 32 bits."""

    value: int


@dataclass(frozen=True, slots=True)
class Timestamp:
    """A header of type 8: milliseconds since 1970; a `datetime` could not hold all of them."""

    value: int


HeaderValue = bool | int | str | bytes | UUID | Byte | Short | Long | Timestamp


# Not frozen, because a stream makes one for each event, and a frozen record takes three times as long to make.
@dataclass(slots=True)
class Frame:
    """One message of the stream.

    `raw` holds the bytes of one that was read, and `event` the type of its event. It is empty for any other message,
    and for an event whose type is not a name.
    """

    headers: Mapping[str, HeaderValue] = field(default_factory=dict)
    payload: bytes = b""
    raw: bytes = field(default=b"", compare=False, repr=False)
    event: str = field(default="", compare=False, repr=False)


def encode(frame: Frame) -> bytes:
    """Encode one frame; raises EventStreamError for what the format cannot hold."""
    headers = b"".join(_write_header(name, value) for name, value in frame.headers.items())
    total = len(headers) + len(frame.payload) + _OVERHEAD
    _check_lengths(total, len(headers))
    lengths = _LENGTHS.pack(total, len(headers))
    message = b"".join((lengths, _CRC.pack(crc32(lengths)), headers, frame.payload))
    return message + _CRC.pack(crc32(message))


class Decoder:
    """Frames from bytes that come in pieces of any size."""

    def __init__(self) -> None:
        # The beginning of a frame, and how much of it must be there before another look at it makes sense.
        self._buffer = bytearray()
        self._needed = _PRELUDE.size

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that these bytes complete; raises EventStreamError at the first fault of the stream."""
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._needed:
                return []
            data = bytes(self._buffer)
        frames: list[Frame] = []
        fault = None
        try:
            start, self._needed = _read_frames(data, frames)
        except EventStreamError as error:
            fault = error
            fault.frames = tuple(frames)
            # A faulty frame stays, so that a later feed or `close` raises again.
            start, self._needed = sum(len(frame.raw) for frame in frames), 0
        self._buffer[:] = data[start:]
        if fault is not None:
            raise fault
        return frames

    def close(self) -> None:
        """End the stream; raises EventStreamError if it ends inside a frame."""
        if self._buffer:
            raise EventStreamError(f"The stream ended inside a frame, {len(self._buffer)} bytes after its start")


def _read_frames(data: bytes, frames: list[Frame]) -> tuple[int, int]:
    """Append the frames that begin the data; where the first incomplete one starts, and its length as far as known."""
    view, size, start = memoryview(data), len(data), 0
    while size - start >= 12:
        prelude = data[start : start + 12]
        total, size_of_headers, crc = _KNOWN_PRELUDES.get(prelude) or _read_prelude(prelude)
        end = start + total
        if end > size:
            return start, total
        body, payload = end - 4, start + 12 + size_of_headers
        # The checksum of the message goes on from that of its lengths.
        if _unpack_crc(data, body)[0] != crc32(view[start + 8 : body], crc):
            raise EventStreamError("The checksum of a frame is wrong")
        block = data[start + 12 : payload]
        headers, event = _KNOWN_HEADERS.get(block) or _parse_headers(block)
        frames.append(Frame(headers, data[payload:body], data[start:end], event))
        start = end
    return start, 12


# The preludes of a stream's frames are those of a few lengths, and the headers those of its few types of events.
_KNOWN_PRELUDES: dict[bytes, tuple[int, int, int]] = {}
_KNOWN_HEADERS: dict[bytes, tuple[Mapping[str, HeaderValue], str]] = {}
_MOST_KNOWN, _LONGEST_KNOWN = 1024, 256


def _read_prelude(data: bytes) -> tuple[int, int, int]:
    """The length of a frame, that of its headers, and the checksum of both."""
    total, headers, crc = _PRELUDE.unpack(data)
    if crc != crc32(data[: _LENGTHS.size]):
        raise EventStreamError("The checksum of a frame's prelude is wrong")
    _check_lengths(total, headers)
    if len(_KNOWN_PRELUDES) < _MOST_KNOWN:
        _KNOWN_PRELUDES[data] = total, headers, crc
    return total, headers, crc


def _parse_headers(data: bytes) -> tuple[Mapping[str, HeaderValue], str]:
    """The headers of a frame, and the type of its event."""
    headers = MappingProxyType(_read_headers(data))
    event = headers.get(":event-type") if headers.get(":message-type") == "event" else None
    known = headers, event if isinstance(event, str) and event.isidentifier() else ""
    if len(data) <= _LONGEST_KNOWN and len(_KNOWN_HEADERS) < _MOST_KNOWN:
        _KNOWN_HEADERS[data] = known
    return known


def event(event_type: str, payload: bytes, content_type: str = "application/json") -> Frame:
    """A frame that carries one event of the operation, such as `chunk` or `contentBlockDelta`."""
    return Frame({":event-type": event_type, ":content-type": content_type, ":message-type": "event"}, payload)


def exception(exception_type: str, payload: bytes) -> Frame:
    """A frame that ends the stream with a modelled exception, such as `throttlingException`."""
    headers = {":exception-type": exception_type, ":content-type": "application/json", ":message-type": "exception"}
    return Frame(headers, payload)


def error(code: str, message: str) -> Frame:
    """A frame that ends the stream with an error outside the operation's model."""
    return Frame({":error-code": code, ":error-message": message, ":message-type": "error"})


def chunk(model_json: bytes, padding: str = "") -> Frame:
    """The frame of InvokeModelWithResponseStream: the model's own JSON in base64, and padding that hides its length."""
    payload = {"bytes": base64.b64encode(model_json).decode(), "p": padding}
    return event("chunk", json.dumps(payload, separators=(",", ":")).encode())


def chunk_bytes(frame: Frame) -> bytes:
    """The model's own JSON from a frame of `chunk`; raises EventStreamError for any other payload."""
    data = frame.payload
    end = data.find(b'"', len(_CHUNK_START))
    # What Bedrock writes has no escape in it, and needs no parser.
    if data.startswith(_CHUNK_START) and _CHUNK_END.fullmatch(data, end):
        return _decode_base64(data[len(_CHUNK_START) : end])
    try:
        payload = parse(frame.payload)
    except MalformedJSON as fault:
        raise EventStreamError(f"The payload of a chunk is not JSON: {fault}") from None
    encoded = payload.get("bytes") if isinstance(payload, dict) else None
    if not isinstance(encoded, str):
        raise EventStreamError("The payload of a chunk has no text in `bytes`")
    return _decode_base64(encoded)


_CHUNK_START, _CHUNK_END = b'{"bytes":"', re.compile(rb'"(?:,"p":"[A-Za-z0-9]*")?\}')


def _decode_base64(encoded: str | bytes) -> bytes:
    try:
        return binascii.a2b_base64(encoded, strict_mode=True)
    except (binascii.Error, ValueError):
        raise EventStreamError("The payload of a chunk is not base64") from None


def padding(seed: int) -> str:
    """One to 62 letters, always the same for a seed, as Bedrock pads its events: the start of the alphabet."""
    return ALPHABET[: 1 + crc32(b"%d" % seed) % len(ALPHABET)]


def _check_lengths(total: int, headers: int) -> None:
    payload = total - headers - _OVERHEAD
    if payload < 0:
        raise EventStreamError(f"A frame of {total} bytes cannot hold {headers} bytes of headers")
    if headers > MAX_HEADERS:
        raise EventStreamError(f"The headers of a frame take {headers} bytes, more than {MAX_HEADERS}")
    if payload > MAX_PAYLOAD:
        raise EventStreamError(f"The payload of a frame takes {payload} bytes, more than {MAX_PAYLOAD}")


def _read_headers(data: bytes) -> dict[str, HeaderValue]:
    headers: dict[str, HeaderValue] = {}
    position = 0
    while position < len(data):
        name, position = _read_sized(data, position, _NAME_LENGTH)
        kind, position = _read_fixed(data, position, _KIND)
        if not name or kind not in _READERS:
            raise EventStreamError(f"A header has no name or a type that is unknown ({kind})")
        text = _decode_text(name)
        if text in headers:
            raise EventStreamError(f"The header {text[:100]!r} is given twice")
        headers[text], position = _READERS[kind](data, position)
    return headers


def _read_fixed(data: bytes, position: int, form: Struct) -> tuple[Any, int]:
    end = position + form.size
    if end > len(data):
        raise EventStreamError("The headers of a frame end inside a header")
    return form.unpack_from(data, position)[0], end


def _read_sized(data: bytes, position: int, length: Struct) -> tuple[bytes, int]:
    size, start = _read_fixed(data, position, length)
    end = start + size
    if end > len(data):
        raise EventStreamError("The headers of a frame end inside a header")
    return data[start:end], end


def _decode_text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise EventStreamError("A header is not UTF-8") from None


_NAME_LENGTH = Struct(">B")
_KIND = Struct(">B")
_VALUE_LENGTH = Struct(">H")

_Reader = Callable[[bytes, int], tuple[HeaderValue, int]]
_Writer = Callable[[Any], bytes]


def _make_constant_reader(value: bool) -> _Reader:
    return lambda data, position: (value, position)


def _make_fixed_reader(form: str, make: Callable[[Any], HeaderValue]) -> _Reader:
    struct = Struct(form)

    def read(data: bytes, position: int) -> tuple[HeaderValue, int]:
        raw, end = _read_fixed(data, position, struct)
        return make(raw), end

    return read


def _make_sized_reader(make: Callable[[bytes], HeaderValue]) -> _Reader:
    def read(data: bytes, position: int) -> tuple[HeaderValue, int]:
        raw, end = _read_sized(data, position, _VALUE_LENGTH)
        return make(raw), end

    return read


def _write_sized(kind: int, data: bytes) -> bytes:
    return _KIND.pack(kind) + _VALUE_LENGTH.pack(len(data)) + data


def _make_integer_writer(kind: int, form: str) -> _Writer:
    struct = Struct(">B" + form)
    return lambda number: struct.pack(kind, number if isinstance(number, int) else number.value)


_READERS: Mapping[int, _Reader] = {
    0: _make_constant_reader(True),
    1: _make_constant_reader(False),
    2: _make_fixed_reader(">b", Byte),
    3: _make_fixed_reader(">h", Short),
    4: _make_fixed_reader(">i", int),
    5: _make_fixed_reader(">q", Long),
    6: _make_sized_reader(bytes),
    7: _make_sized_reader(_decode_text),
    8: _make_fixed_reader(">q", Timestamp),
    9: _make_fixed_reader("16s", lambda raw: UUID(bytes=raw)),
}

_WRITERS: Mapping[type, _Writer] = {
    bool: lambda value: _KIND.pack(0 if value else 1),
    Byte: _make_integer_writer(2, "b"),
    Short: _make_integer_writer(3, "h"),
    int: _make_integer_writer(4, "i"),
    Long: _make_integer_writer(5, "q"),
    bytes: lambda value: _write_sized(6, value),
    str: lambda value: _write_sized(7, value.encode()),
    Timestamp: _make_integer_writer(8, "q"),
    UUID: lambda value: _KIND.pack(9) + value.bytes,
}


def _write_header(name: str, value: HeaderValue) -> bytes:
    if not name or type(value) not in _WRITERS:
        raise EventStreamError(f"A header has no name or a value that is a {type(value).__name__}")
    try:
        encoded = name.encode()
        return _NAME_LENGTH.pack(len(encoded)) + encoded + _WRITERS[type(value)](value)
    except (StructError, UnicodeEncodeError):
        raise EventStreamError(f"The header {name[:100]!r} cannot be written: too large, or not Unicode") from None
