"""Write server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2)."""

import json
import re
from typing import Any

MEDIA_TYPE = "text/event-stream"

_LINE_END = re.compile(r"\r\n|\r|\n")
# Halves of characters, which UTF-8 cannot express, and line ends of Unicode, at which some clients split lines.
_ESCAPED = re.compile("[\ud800-\udfff\u0085\u2028\u2029]")


def encode_json(document: Any, event: str | None = None) -> bytes:
    """Encode one event whose data is this JSON."""
    return encode_json_text(json.dumps(document, ensure_ascii=False), event)


def encode_json_text(text: str, event: str | None = None) -> bytes:
    """Encode one event whose data is JSON; halves of characters and line ends of Unicode are escaped in it."""
    if not text.isascii():
        text = _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return encode(text, event)


def encode(data: str, event: str | None = None) -> bytes:
    """Encode one event, a `data:` line for each line of the data; ValueError if the event's name has a line end.

    The format does not keep how lines ended: \\r\\n and \\r are read as \\n.
    """
    if event is not None and _LINE_END.search(event):
        raise ValueError("The name of an event cannot hold a line end")
    name = "" if event is None else f"event: {event}\n"
    return (name + _format_lines("data: ", data) + "\n").encode()


def comment(text: str = "") -> bytes:
    """Encode a comment, which readers skip: it keeps a silent connection alive."""
    return (_format_lines(": " if text else ":", text) + "\n").encode()


def _format_lines(start: str, text: str) -> str:
    return "".join(f"{start}{line}\n" for line in _LINE_END.split(text))
