"""The response to a plain request: its head and the first piece of its body leave in one send."""

import re
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate
from functools import lru_cache
from operator import itemgetter
from typing import Any, Protocol

from gunicorn import SERVER
from gunicorn.http.errors import InvalidResponseHeader
from gunicorn.util import hop_headers

_STATUS = re.compile(r"[0-9]{3}(?: [ \t\x21-\x7e\x80-\xff]*)?")
_HEADER_LINES = re.compile(r"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++: [ \t\x21-\x7e\x80-\xff]*+\r\n)*+")
_CHUNKED, _LAST_CHUNK = "Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"
_NAME_OF, _VALUE_OF = itemgetter(0), itemgetter(1)


class Sink(Protocol):
    """Where a response goes: the client's connection."""

    def sendall(self, data: bytes, /) -> Any:
        """Send all of it, at the pace that clients must keep."""


class IncompleteResponse(Exception):
    """The app sent fewer bytes than it had announced."""


class ResponseWriter:
    """Writes what a WSGI app answers, framed as gunicorn frames it.

    `may_keep_alive` is called when the head is sent, and says whether the connection may take another request;
    `keeps_alive` is what the head then says.
    """

    def __init__(self, sink: Sink, method: str, may_keep_alive: Callable[[], bool]) -> None:
        self._sink, self._method = sink, method
        self._may_keep_alive = may_keep_alive
        self.keeps_alive = self.is_begun = False
        self._status = self._header_lines = ""
        self._left: int | None = None
        self._is_chunked = self._omits_body = False

    def start_response(
        self, status: str, headers: Sequence[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """See PEP 3333. Raises an error for a head that would not be one."""
        if exc_info and self.is_begun:
            raise exc_info[1].with_traceback(exc_info[2])
        if self._status and not exc_info:
            raise AssertionError("The response has a status already.")
        code = _read_code(status)
        lines, length = _format(headers)
        if code == 204 or code < 200:
            lines, length = _format([pair for pair in headers if pair[0].lower() != "content-length"])
        self._status, self._header_lines = status, lines
        self._omits_body = self._method == "HEAD" or code in (204, 304) or code < 200
        self._left = None if length is None else int(length)
        self._is_chunked = length is None and not self._omits_body
        return self.write

    def write(self, piece: bytes) -> None:
        """Send a piece of the body; an empty first piece sends the head."""
        if not isinstance(piece, bytes):
            raise TypeError(f"{type(piece).__name__} is not bytes")
        head = b"" if self.is_begun else self._make_head()
        if self._omits_body:
            piece = b""
        elif self._left is not None:
            piece = piece[: self._left]
            self._left -= len(piece)
        elif piece:
            piece = b"%X\r\n%b\r\n" % (len(piece), piece)
        if data := head + piece:
            self.is_begun = True
            self._sink.sendall(data)

    def finish(self) -> None:
        """Send what is still missing. Raises IncompleteResponse if that is a part of the body."""
        head = b"" if self.is_begun else self._make_head()
        if data := head + (_LAST_CHUNK if self._is_chunked else b""):
            self.is_begun = True
            self._sink.sendall(data)
        if self._left and not self._omits_body:
            raise IncompleteResponse(f"{self._left} bytes are missing")

    def _make_head(self) -> bytes:
        if not self._status:
            raise AssertionError("The app has not started its response.")
        self.keeps_alive = self._may_keep_alive()
        return (
            f"HTTP/1.1 {self._status}\r\nServer: {SERVER}\r\nDate: {_format_date(int(time.time()))}\r\n"
            f"Connection: {'keep-alive' if self.keeps_alive else 'close'}\r\n"
            f"{_CHUNKED if self._is_chunked else ''}{self._header_lines}\r\n"
        ).encode("latin-1")


def _format(headers: Sequence[tuple[str, str]]) -> tuple[str, str | None]:
    """The lines of these headers without those of a hop, and the announced length.

    Raises InvalidResponseHeader, without their values, if they are not lines.
    """
    names = tuple(map(_NAME_OF, headers))
    template, length_at, has_hop_headers = _find_layout(names)
    lines = template % tuple(map(_VALUE_OF, headers))
    if not _HEADER_LINES.fullmatch(lines) or lines.count("\r\n") != len(headers):
        raise InvalidResponseHeader(", ".join(map(repr, names)))
    if has_hop_headers:
        return _format([pair for pair in headers if pair[0].lower() not in hop_headers])
    return lines, None if length_at is None else headers[length_at][1]


@lru_cache(256)
def _find_layout(names: tuple[str, ...]) -> tuple[str, int | None, bool]:
    """What follows from the names of headers: a template of their lines, where the length is, whether one is a hop's.

    An app answers with few combinations of names.
    """
    template = "".join(f"{name.replace('%', '%%')}: %s\r\n" for name in names)
    in_lower_case = [name.lower() for name in names]
    length_at = in_lower_case.index("content-length") if "content-length" in in_lower_case else None
    return template, length_at, any(name in hop_headers for name in in_lower_case)


@lru_cache(256)
def _read_code(status: str) -> int:
    if not _STATUS.fullmatch(status):
        raise ValueError(f"Invalid status {status!r}")
    return int(status[:3])


@lru_cache(2)
def _format_date(second: int) -> str:
    return formatdate(second, usegmt=True)
