"""Read server-sent events, for tests (https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2)."""

import re
from dataclasses import dataclass

_LINE_END = re.compile(rb"\r\n|\r|\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Event:
    """One event as a browser would dispatch it; `id` is the last one that the stream has set."""

    event: str
    data: str
    id: str | None = None


class Decoder:
    """Events from bytes that come in pieces of any size; one that the stream leaves unfinished is dropped.

    Lines of data are joined by \\n whatever ended them in the source, as the specification says.
    """

    def __init__(self) -> None:
        self._line = bytearray()
        self._after_return = False
        self._first = True
        self._event = ""
        self._data: list[str] = []
        self._id: str | None = None
        self._fields = {"event": self._set_event, "data": self._data.append, "id": self._set_id}

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete."""
        return [event for line in self._lines(data) if (event := self._read(line)) is not None]

    def _lines(self, data: bytes) -> list[bytes]:
        """The lines that these bytes complete, without waiting to see whether \\n follows a \\r."""
        if not data:
            return []
        if self._after_return:
            data = data.removeprefix(b"\n")
        self._after_return = data.endswith(b"\r")
        # UTF-8 never uses the bytes of \r and \n for anything else, so lines can be split before they are decoded.
        first, *rest = _LINE_END.split(data)
        self._line += first
        if not rest:
            return []
        lines = [bytes(self._line), *rest[:-1]]
        self._line = bytearray(rest[-1])
        return lines

    def _read(self, line: bytes) -> Event | None:
        if self._first:
            self._first = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            return self._dispatch()
        name, _, value = line.decode(errors="replace").partition(":")
        if take := self._fields.get(name):  # a comment has an empty name
            take(value.removeprefix(" "))
        return None

    def _dispatch(self) -> Event | None:
        event, self._event = self._event or "message", ""
        if not self._data:
            return None
        data = "\n".join(self._data)
        self._data.clear()
        return Event(event, data, self._id)

    def _set_event(self, value: str) -> None:
        self._event = value

    def _set_id(self, value: str) -> None:
        if "\0" not in value:
            self._id = value
