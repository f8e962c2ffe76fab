"""Plain images: a file of one colour, the same for the same text, so that a program gets a real image to open.

Sources: PNG (W3C, third edition), JPEG (ITU T.81), WebP lossless bitstream (RFC 9649).
"""

import base64
import hashlib
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

Colour = tuple[int, int, int]

# Sides beyond it are not drawn: WebP has 14 bits for each.
_LONGEST_SIDE = 16_383


def draw_image(text: str, width: int, height: int, form: str = "png", *, transparent: bool = False) -> str:
    """A file of this size in base64, its colour chosen by the text; `form` is `png`, `jpeg` or `webp`.

    A transparent PNG has an alpha channel, and is clear everywhere.
    """
    width, height = (max(1, min(side, _LONGEST_SIDE)) for side in (width, height))
    red, green, blue = hashlib.sha256(text.encode("utf-8", "replace")).digest()[:3]
    colour = (red, green, blue)
    data = _draw_clear_png(width, height) if transparent and form == "png" else _DRAWERS[form](width, height, colour)
    return base64.b64encode(data).decode()


# --- PNG --------------------------------------------------------------------------------------------------------------


def _draw_png(width: int, height: int, colour: Colour) -> bytes:
    return _write_png(width, height, 2, bytes(colour))


def _draw_clear_png(width: int, height: int) -> bytes:
    return _write_png(width, height, 6, bytes(4))


def _write_png(width: int, height: int, colour_type: int, pixel: bytes) -> bytes:
    """A PNG of 8 bits a sample, all of whose pixels are the same."""
    return write_png(width, height, colour_type, [b"\0" + pixel * width] * height)


def write_png(width: int, height: int, colour_type: int, rows: Iterable[bytes]) -> bytes:
    """A PNG of 8 bits a sample; each row begins with the number of its filter."""
    packer = zlib.compressobj()
    packed = b"".join([*map(packer.compress, rows), packer.flush()])
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_write_chunk(kind, data) for kind, data in chunks)


def _write_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


# --- JPEG -------------------------------------------------------------------------------------------------------------

# Codes for the sizes of a block's first coefficient: nine of four bits, from 0 to 8. And the only code of the others:
# the end of the block.
_DC_TABLE = bytes((0x00, *(0, 0, 0, 9), *(0,) * 12, *range(9)))
_AC_TABLE = bytes((0x10, 1, *(0,) * 15, 0x00))


def _draw_jpeg(width: int, height: int, colour: Colour) -> bytes:
    """A baseline JPEG in grey: the first block has its brightness, and no other differs from it."""
    red, green, blue = colour
    brightness = round(0.299 * red + 0.587 * green + 0.114 * blue)
    # With a quantiser of 8 a step is one level of brightness.
    bits = _encode_level(brightness - 128)
    blocks = -(-width // 8) * -(-height // 8)
    bits += "00000" * (blocks - 1)
    bits += "1" * (-len(bits) % 8)
    scan = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
    parts = (
        (0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"),
        (0xDB, b"\0" + bytes((8, *(1,) * 63))),
        (0xC0, struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0)),
        (0xC4, _DC_TABLE),
        (0xC4, _AC_TABLE),
        (0xDA, b"\1\1\0\0\x3f\0"),
    )
    segments = b"".join(struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data for marker, data in parts)
    return b"\xff\xd8" + segments + scan + b"\xff\xd9"


def _encode_level(level: int) -> str:
    """The bits of a block: the code of its level's size, the level, and the end of the block."""
    size = abs(level).bit_length()
    value = level if level >= 0 else level + (1 << size) - 1
    return f"{size:04b}" + (f"{value:0{size}b}" if size else "") + "0"


# --- WebP -------------------------------------------------------------------------------------------------------------


def _draw_webp(width: int, height: int, colour: Colour) -> bytes:
    """A lossless WebP whose prefix codes have one symbol each, so that its pixels need no bits."""
    red, green, blue = colour
    symbols = (green, red, blue, 255)
    fields = [(0x2F, 8), (width - 1, 14), (height - 1, 14), (0, 1), (0, 3), (0, 1), (0, 1), (0, 1)]
    for symbol in symbols:
        fields += [(1, 1), (0, 1), (1, 1), (symbol, 8)]
    fields += [(1, 1), (0, 1), (0, 1), (0, 1)]
    number = place = 0
    for value, size in fields:
        number |= value << place
        place += size
    data = number.to_bytes(-(-place // 8), "little")
    chunk = b"VP8L" + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


_DRAWERS: Mapping[str, Callable[[int, int, Colour], bytes]] = MappingProxyType(
    {"png": _draw_png, "jpeg": _draw_jpeg, "webp": _draw_webp}
)
