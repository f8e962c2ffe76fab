"""A true stream of a surface in its pieces, which the lies take apart: server-sent events."""

import json
from collections.abc import Sequence

from bedrock_flask.protocol import sse
from tests.attacks.answers import chunked, head
from tests.attacks.surface_documents import Json, make_documents


def write_event(document: Json) -> bytes:
    """One event of a surface's stream; the empty document is the mark of a chat's end."""
    return write_text(json.dumps(document), document.get("type")) if document else write_text("[DONE]")


def write_text(text: str | bytes, name: str | None = None) -> bytes:
    """An event whose data is any text of one line."""
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + data + b"\n\n"


def make_events(form: str, mark: str) -> list[bytes]:
    """The events of a true stream."""
    return [write_event(document) for document in make_documents(form, mark)]


def stream(events: Sequence[bytes], *, end: bytes = b"0\r\n\r\n", **headers: str) -> list[bytes]:
    """A streamed answer of these events."""
    own = {"content_type": sse.MEDIA_TYPE, "transfer_encoding": "chunked", **headers}
    return [head(**own), *chunked(events, end=end)]
