"""`data:` URIs, which hold their media themselves (RFC 2397)."""

import base64
import binascii
import string
from urllib.parse import unquote_to_bytes

# Characters that are looked at together.
_PIECE = 65_536
_ALPHABET = f"{string.ascii_letters}{string.digits}+/".encode()


def read(uri: str) -> tuple[str, str]:
    """The media type, in lower case and without parameters, and the content as base64; ValueError says what is wrong.

    The media type is empty if the URI names none; by RFC 2397 it is then text/plain, but clients do not mean it.

    Its message continues the name of a field: "messages[0].content[1].image_url.url: is not base64".
    """
    # The content may be large: it is copied once.
    colon = uri.find(":")
    comma = uri.find(",", colon)
    if colon < 0 or uri[:colon].strip().lower() != "data":
        raise ValueError(f"{_describe_scheme(uri[: max(colon, 0)])}; send it as a data: URI (data:MEDIA/TYPE;base64,…)")
    if comma < 0:
        raise ValueError("is a data: URI without a comma before its content")
    media_type, *parameters = (part.strip().lower() for part in uri[colon + 1 : comma].split(";"))
    data = uri[comma + 1 :]
    content = data if "base64" in parameters else base64.b64encode(unquote_to_bytes(data)).decode()
    return media_type, normalize_base64(content)


def write(media_type: str, content: str) -> str:
    """Write the URI of a base64 content."""
    return f"data:{media_type};base64,{content}"


def normalize_base64(data: str) -> str:
    """Normalize base64: no line breaks and percent signs, which a URI may have; ValueError if it is not base64."""
    if data.isascii() and data and _is_plain_base64(data):
        # Most content is normal already, and may be large.
        return data
    text = b"".join((unquote_to_bytes(data) if "%" in data else data.encode()).split())
    if not text:
        raise ValueError("has no content")
    if not is_base64(text):
        raise ValueError("has content that is not base64")
    return text.decode()


def _is_plain_base64(text: str) -> bool:
    """Whether an ASCII text is base64; it is read in pieces, because a copy of a large text is dear."""
    end = max(0, (len(text) - _PIECE) // 4 * 4)
    pieces = (text[start : min(start + _PIECE, end)] for start in range(0, end, _PIECE))
    return not any(piece.encode().translate(None, _ALPHABET) for piece in pieces) and is_base64(text[end:].encode())


def is_base64(text: bytes) -> bool:
    """Whether `base64.b64decode` takes the text, strictly; only its end is decoded, because a file may be large."""
    sign = text.find(b"=")
    digits = len(text) if sign < 0 else sign
    if text.translate(None, _ALPHABET) != text[digits:]:
        return False
    try:
        base64.b64decode(text[max(0, digits // 4 * 4 - 4) :], validate=True)
    except binascii.Error:
        return False
    return True


def _describe_scheme(scheme: str) -> str:
    web = scheme.strip().lower() in ("http", "https")
    return "is a URL, which the gateway does not fetch" if web else "is not a data: URI"
