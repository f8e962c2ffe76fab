"""Read server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2)."""

from dataclasses import dataclass, field

# The bytes of one event: the last one of a Responses stream repeats the whole answer.
MOST_BYTES = 64 << 20
_BOM = b"\xef\xbb\xbf"


class EventTooLong(ValueError):
    """An event of more bytes than any answer has."""


# Not frozen: there is one for each event of a stream, and to make a frozen one takes three times as long.
@dataclass(slots=True)
class ServerEvent:
    """One event: its name, empty if it has none, and its data, whose lines end with a line feed."""

    name: str
    data: bytes


@dataclass(slots=True)
class Decoder:
    """Reads the events of one stream, in whatever pieces it arrives."""

    most: int = MOST_BYTES
    # What has arrived of the line that has not ended, and how much of an event that has not.
    _line: list[bytes] = field(default_factory=list)
    _size: int = 0
    _data: list[bytes] | None = None
    _name: str = ""
    _has_begun: bool = False
    # A line feed after a carriage return belongs to the same line end, though it may arrive later.
    _after_return: bool = False

    @property
    def is_within_event(self) -> bool:
        """Whether a part of an event has arrived, but not its end."""
        return bool(self._line or self._data is not None or self._name)

    def feed(self, piece: bytes) -> list[ServerEvent]:
        """The events that these bytes complete; EventTooLong for one that exceeds the limit."""
        if self._after_return and piece[:1] == b"\n":
            piece = piece[1:]
            self._after_return = False
        if not piece:
            return []
        self._after_return = piece.endswith(b"\r")
        self._size += len(piece)
        if b"\r" in piece:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        events: list[ServerEvent] = []
        if b"\n" in piece:
            first, *lines, rest = piece.split(b"\n")
            for line in (b"".join([*self._line, first]), *lines):
                self._read_line(line, events)
            self._line = [rest] if rest else []
            self._size = len(rest) if self._data is None else self._size
        else:
            self._line.append(piece)
        if self._size > self.most:
            raise EventTooLong(f"an event is larger than {self.most} bytes")
        return events

    def _read_line(self, line: bytes, events: list[ServerEvent]) -> None:
        if not self._has_begun:
            self._has_begun = True
            line = line.removeprefix(_BOM)
        if not line:
            if self._data is not None:
                events.append(ServerEvent(self._name, b"\n".join(self._data)))
            self._data, self._name, self._size = None, "", 0
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            if self._data is None:
                self._data = []
            self._data.append(value)
        elif name == b"event":
            self._name = value.decode("utf-8", "replace")
