"""`data:` URIs, which hold their media themselves (RFC 2397)."""

import base64
import binascii
import string
from urllib.parse import unquote_to_bytes

_ALPHABET = f"{string.ascii_letters}{string.digits}+/".encode()


def read(uri: str) -> tuple[str, str]:
    """The media type, in lower case and without parameters, and the content as base64; ValueError says what is wrong.

    The media type is empty if the URI names none; by RFC 2397 it is then text/plain, but clients do not mean it.

    Its message continues the name of a field: "messages[0].content[1].image_url.url: is not base64".
    """
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme.strip().lower() != "data":
        raise ValueError(f"{_describe_scheme(scheme, colon)}; send it as a data: URI (data:MEDIA/TYPE;base64,…)")
    head, comma, data = rest.partition(",")
    if not comma:
        raise ValueError("is a data: URI without a comma before its content")
    media_type, *parameters = (part.strip().lower() for part in head.split(";"))
    content = data if "base64" in parameters else base64.b64encode(unquote_to_bytes(data)).decode()
    return media_type, normalize_base64(content)


def write(media_type: str, content: str) -> str:
    """Write the URI of a base64 content."""
    return f"data:{media_type};base64,{content}"


def normalize_base64(data: str) -> str:
    """Normalize base64: no line breaks and percent signs, which a URI may have; ValueError if it is not base64."""
    if data.isascii() and data and is_base64(data.encode()):
        # Most content is normal already, and may be large.
        return data
    text = b"".join((unquote_to_bytes(data) if "%" in data else data.encode()).split())
    if not text:
        raise ValueError("has no content")
    if not is_base64(text):
        raise ValueError("has content that is not base64")
    return text.decode()


def is_base64(text: bytes) -> bool:
    """Whether `base64.b64decode` takes the text, strictly; only its end is decoded, because a file may be large."""
    digits = len(text.rstrip(b"="))
    if text.translate(None, _ALPHABET) != text[digits:]:
        return False
    try:
        base64.b64decode(text[max(0, digits // 4 * 4 - 4) :], validate=True)
    except binascii.Error:
        return False
    return True


def _describe_scheme(scheme: str, colon: str) -> str:
    web = colon and scheme.strip().lower() in ("http", "https")
    return "is a URL, which the gateway does not fetch" if web else "is not a data: URI"
