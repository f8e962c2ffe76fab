"""The response to a plain request: its head and the first piece of its body leave in one send."""

import re
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate
from functools import lru_cache
from typing import Any, Protocol

from gunicorn import SERVER
from gunicorn.http.errors import InvalidResponseHeader
from gunicorn.util import hop_headers

_STATUS = re.compile(r"[0-9]{3}(?: [ \t\x21-\x7e\x80-\xff]*)?")
_HEADER_LINES = re.compile(r"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++: [ \t\x21-\x7e\x80-\xff]*+\r\n)*+")
_LAST_CHUNK = b"0\r\n\r\n"


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
        if not _STATUS.fullmatch(status):
            raise ValueError(f"Invalid status {status!r}")
        lines = _format(headers)
        kept = [(name, value) for name, value in headers if name.lower() not in hop_headers]
        code = int(status[:3])
        forbids_length = code == 204 or code < 200
        length = next((value for name, value in kept if name.lower() == "content-length"), None)
        if forbids_length:
            kept, length = [pair for pair in kept if pair[0].lower() != "content-length"], None
        self._status, self._header_lines = status, lines if len(kept) == len(headers) else _format(kept)
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
        lines = (
            f"HTTP/1.1 {self._status}",
            f"Server: {SERVER}",
            f"Date: {_format_date(int(time.time()))}",
            f"Connection: {'keep-alive' if self.keeps_alive else 'close'}",
            *(("Transfer-Encoding: chunked",) if self._is_chunked else ()),
        )
        return ("\r\n".join(lines) + f"\r\n{self._header_lines}\r\n").encode("latin-1")


def _format(headers: Sequence[tuple[str, str]]) -> str:
    """The lines of these headers. Raises InvalidResponseHeader, without their values, if they are not lines."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    if not _HEADER_LINES.fullmatch(lines) or lines.count("\r\n") != len(headers):
        raise InvalidResponseHeader(", ".join(repr(name) for name, _ in headers))
    return lines


@lru_cache(2)
def _format_date(second: int) -> str:
    return formatdate(second, usegmt=True)
