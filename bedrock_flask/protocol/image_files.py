"""Image files: which format their first bytes name, and their width and height.

Sources: PNG (W3C, third edition), JPEG (ITU T.81, annex B), GIF89a, WebP container (RFC 9649).
"""

import base64
import binascii
import re
import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType

Size = tuple[int, int]

# Base64 in lines or in one, with the URL-safe alphabet: an example of AWS's own is `example-base64-image`.
_BASE64 = re.compile(r"[\w+/\r\n-]+(={1,2}[\r\n]*)?", re.ASCII)
# Bytes of a file that are enough for its format, and for the size of all but a JPEG.
_HEAD = 64
# The markers of a JPEG frame, which hold its size; the others of this range define tables.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# A byte that may come any number of times before a marker.
_FILL = 0xFF
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xDA)})


def find_format(data: bytes) -> str:
    """`png`, `jpeg`, `gif` or `webp` by the first bytes of a file; empty for anything else."""
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "webp"
    return next((name for start, name in _STARTS.items() if data.startswith(start)), "")


_STARTS: Mapping[bytes, str] = MappingProxyType(
    {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"GIF87a": "gif", b"GIF89a": "gif"}
)


def find_base64_format(text: str) -> str:
    """The format of a file that is given as base64; empty if it is none of these."""
    return find_format(_decode_start(text, _HEAD))


def find_size(data: bytes) -> Size | None:
    """The width and height of an image in pixels; None if its header cannot be read."""
    try:
        return _READERS[find_format(data)](data)
    except (KeyError, struct.error, IndexError):
        return None


def find_base64_size(text: str) -> Size | None:
    """The width and height of an image that is given as base64."""
    start = _decode_start(text, _HEAD)
    if find_format(start) != "jpeg":
        return find_size(start)
    return find_size(_decode_start(text, len(text)))


def is_base64(text: str) -> bool:
    """Whether a text has the characters of base64 in either alphabet, in lines or in one."""
    return bool(_BASE64.fullmatch(text))


def measure_base64(text: str) -> int:
    """The number of bytes that are given as base64, without decoding them."""
    return len(text) * 3 // 4 - text[-2:].count("=")


def _decode_start(text: str, size: int) -> bytes:
    """The first bytes of a base64 text; empty if it is not base64."""
    digits = text if size >= len(text) else text[: (size + 2) // 3 * 4]
    try:
        return base64.b64decode(digits)
    except (binascii.Error, ValueError):
        return b""


def _read_png(data: bytes) -> Size:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _read_gif(data: bytes) -> Size:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _read_jpeg(data: bytes) -> Size | None:
    place = 2
    while data[place] == 0xFF:
        marker = data[place + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, place + 5)
            return width, height
        if marker == _FILL:
            place += 1
        else:
            place += 2 if marker in _WITHOUT_LENGTH else 2 + struct.unpack_from(">H", data, place + 2)[0]
    return None


def _read_webp(data: bytes) -> Size | None:
    kind = data[12:16]
    if kind == b"VP8L":
        [bits] = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


_READERS: Mapping[str, Callable[[bytes], Size | None]] = MappingProxyType(
    {"png": _read_png, "gif": _read_gif, "jpeg": _read_jpeg, "webp": _read_webp}
)
