"""Write server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2)."""

import json
import re
from typing import Any

import orjson

MEDIA_TYPE = "text/event-stream"

_LINE_END = re.compile(r"\r\n|\r|\n")
# A search for a number is far faster than one for bytes.
_LINE_FEED, _CARRIAGE_RETURN = b"\n\r"
# Halves of characters, which UTF-8 cannot express, and line ends of Unicode, at which some clients split lines.
# Both in UTF-8, where the bytes of no other character can be taken for them.
_ESCAPED = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]|\xc2\x85|\xe2\x80[\xa8\xa9]")


def write_json(document: Any) -> bytes:
    """The JSON text of a document that the gateway has made, which is one line to every reader of events.

    What orjson refuses (integers of more than 64 bits, halves of characters) is written by `json`. A number that is too
    large for a float becomes null: JSON has no infinity.
    """
    try:
        text = orjson.dumps(document)
    except (TypeError, ValueError, RecursionError):
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return text if text.isascii() else _escape(text)


def encode_json(document: Any, event: str | None = None) -> bytes:
    """Encode one event whose data is this JSON."""
    return encode_line(write_json(document), event)


def encode_json_text(text: bytes, event: str | None = None) -> bytes:
    """Encode one event whose data is a JSON text of others; UnicodeDecodeError if it is not UTF-8.

    Line ends of Unicode are escaped in it; those between its values make several lines of it.
    """
    if text.isascii() and _LINE_FEED not in text and _CARRIAGE_RETURN not in text:
        return encode_line(text, event)
    text.decode()
    return encode(_escape(text).decode(), event)


def encode_bytes(data: bytes, event: str | None = None) -> bytes:
    """Encode one event whose data is a text in UTF-8; UnicodeDecodeError for any other."""
    return encode(data.decode(), event)


def encode_line(data: bytes, event: str | None = None) -> bytes:
    """Encode one event whose data has no line end."""
    start = _STARTS.get(event)
    if start is None:
        start = _start_event(event).encode() + b"data: "
        if len(_STARTS) < _MOST_STARTS:
            _STARTS[event] = start
    return start + data + b"\n\n"


# The beginnings of events, by name: a stream has a few kinds of them, again and again.
_STARTS: dict[str | None, bytes] = {}
_MOST_STARTS = 100


def _escape(text: bytes) -> bytes:
    return _ESCAPED.sub(lambda found: b"\\u%04x" % ord(found[0].decode("utf-8", "surrogatepass")), text)


def encode(data: str, event: str | None = None) -> bytes:
    """Encode one event, a `data:` line for each line of the data; ValueError if the event's name has a line end.

    The format does not keep how lines ended: \\r\\n and \\r are read as \\n.
    """
    return (_start_event(event) + _format_lines("data: ", data) + "\n").encode()


def _start_event(event: str | None) -> str:
    if event is not None and _LINE_END.search(event):
        raise ValueError("The name of an event cannot hold a line end")
    return "" if event is None else f"event: {event}\n"


def comment(text: str = "") -> bytes:
    """Encode a comment, which readers skip: it keeps a silent connection alive."""
    return (_format_lines(": " if text else ":", text) + "\n").encode()


def _format_lines(start: str, text: str) -> str:
    return "".join(f"{start}{line}\n" for line in _LINE_END.split(text))
