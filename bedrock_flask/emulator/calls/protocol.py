"""How an API of AWS writes its errors and the frames of its streams; what faults do to a frame depends on it too."""

import json
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bedrock_flask.emulator.calls.errors import EmulatedError
from bedrock_flask.protocol import eventstream

_ERROR_URI = "http://internal.amazon.com/coral/com.amazon.bedrock/"
# The prelude of a frame of 2 GiB.
_LENGTHS = struct.pack(">II", 1 << 31, 0)


def write_error_type(error: EmulatedError) -> dict[str, str]:
    """The header with AWS's name of an error."""
    return {"x-amzn-ErrorType": f"{error.name}:{_ERROR_URI}"}


def _write_json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """The functions of one API's protocol.

    media_type        the media type of a stream
    describe_error    the body of a response that reports an error
    write_headers     the headers of that response, beside those of every response
    encode_exception  the frame with which a stream ends when the model fails
    encode_error      the frame with which it ends for any other reason, given a name and a message
    enlarge           a frame with that many more spaces, which change nothing that it means
    damage            a frame that its reader must refuse
    foreign           bytes that belong to no frame
    serialize         the bytes of a described error
    """

    media_type: str
    describe_error: Callable[[EmulatedError], Mapping[str, Any]]
    write_headers: Callable[[EmulatedError], Mapping[str, str]]
    encode_exception: Callable[[EmulatedError], bytes]
    encode_error: Callable[[str, str], bytes]
    enlarge: Callable[[bytes, int], bytes]
    damage: Callable[[bytes], bytes]
    foreign: bytes
    serialize: Callable[[Mapping[str, Any]], bytes] = _write_json


def _encode_exception(error: EmulatedError) -> bytes:
    payload = json.dumps(error.document).encode()
    return eventstream.encode(eventstream.exception(error.shape.stream_name, payload))


def _encode_error(name: str, message: str) -> bytes:
    return eventstream.encode(eventstream.error(name, message))


def _enlarge(frame: bytes, length: int) -> bytes:
    [decoded] = eventstream.Decoder().feed(frame)
    return eventstream.encode(replace(decoded, payload=decoded.payload + b" " * length))


def _break_checksum(frame: bytes) -> bytes:
    return frame[:-1] + bytes([frame[-1] ^ 0xFF])


# That of InvokeModel, Converse and the control plane.
AWS = Protocol(
    media_type=eventstream.MEDIA_TYPE,
    describe_error=lambda error: error.document,
    write_headers=write_error_type,
    encode_exception=_encode_exception,
    encode_error=_encode_error,
    enlarge=_enlarge,
    damage=_break_checksum,
    foreign=_LENGTHS + struct.pack(">I", zlib.crc32(_LENGTHS)),
)
