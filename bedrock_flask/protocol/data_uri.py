"""Media that stand in a request themselves: `data:` URIs (RFC 2397)."""

import base64
import binascii
from urllib.parse import unquote_to_bytes

# What a URI without a media type holds.
_PLAIN = "text/plain"


def read(uri: str) -> tuple[str, str]:
    """The media type, in lower case and without parameters, and the content as base64; ValueError says what is wrong.

    Its text continues a field's name: "messages[0].content[1].image_url.url: is an address; send it as a data: URI".
    """
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme.strip().lower() != "data":
        raise ValueError(f"{_strange(scheme, colon)}; send it as a data: URI (data:MEDIA/TYPE;base64,…)")
    head, comma, data = rest.partition(",")
    if not comma:
        raise ValueError("is a data: URI without a comma before its content")
    media_type, *parameters = (part.strip().lower() for part in head.split(";"))
    content = data if "base64" in parameters else base64.b64encode(unquote_to_bytes(data)).decode()
    return media_type or _PLAIN, checked(content)


def write(media_type: str, content: str) -> str:
    """The URI of a content that is given as base64."""
    return f"data:{media_type};base64,{content}"


def checked(data: str) -> str:
    """The base64 text without line breaks and percent signs, which a URI may have in it; ValueError if it is none."""
    text = b"".join((unquote_to_bytes(data) if "%" in data else data.encode()).split())
    if not text:
        raise ValueError("has no content")
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("has content that is not base64") from None
    return text.decode()


def _strange(scheme: str, colon: str) -> str:
    web = colon and scheme.strip().lower() in ("http", "https")
    return "is an address, which the gateway does not fetch" if web else "is no data: URI"
