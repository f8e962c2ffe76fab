"""The plain request: the form of HTTP/1.1 that every SDK sends, parsed by httptools.

A request is plain only if nothing about it is open to interpretation: one `Host`, at most one `Content-Length` of
digits, no other framing, no name twice, printable ASCII in the target. Whatever is not, gunicorn's own parser reads
from the first byte, and refuses it or takes it: two parsers never decide about one request.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from operator import methodcaller
from typing import NamedTuple

import httptools

# What httptools may see: it would take bare line feeds, folded lines and odd names from some clients.
_HEAD = re.compile(
    rb"[A-Z]{3,20} /(?!/)[!\"$-~]{0,2000}+ HTTP/1\.1\r\n"
    rb"(?:[A-Za-z0-9-]{1,100}+:[\t\x20-\x7e\x80-\xff]{0,8000}+\r\n){1,90}+\r\n"
)
_HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")
_LENGTH = re.compile(r"0|[1-9][0-9]{0,14}")
_CONNECTION = ("keep-alive", "close")
# Headers that change what the bytes of a connection mean.
_NOT_PLAIN = frozenset(
    f"HTTP_{name}" for name in ("TRANSFER_ENCODING", "EXPECT", "UPGRADE", "HTTP2_SETTINGS", "TE", "TRAILER")
)
# The value of a header as text, and without the white space around it.
_DECODE, _STRIP = methodcaller("decode", "latin-1"), methodcaller("strip", b" \t")


class PlainRequest(NamedTuple):
    """A request whose head is complete: `head_size` bytes, and after them a body of `body_size` bytes.

    `headers` have the names of a WSGI environment. `scheme` is what a trusted proxy says of its own client.
    """

    method: str
    target: str
    headers: dict[str, str]
    scheme: str
    head_size: int
    body_size: int
    keeps_alive: bool


class _Collector:
    """Collects what httptools finds: it calls the members that begin with `on_`."""

    def __init__(self) -> None:
        self.target_parts: list[bytes] = []
        self.on_url = self.target_parts.append
        self.headers: dict[bytes, bytes] = {}
        self.on_header = self.headers.__setitem__


def parse_plain_request(received: bytes, scheme_headers: Mapping[str, str]) -> PlainRequest | None:
    """The request that these bytes begin with, or None if it is incomplete or not plain.

    `scheme_headers` are the headers by which the peer may say that its client speaks TLS, each with the value that
    says it; empty if the peer is not a trusted proxy.
    """
    head = _HEAD.match(received)
    if head is None:
        return None
    found = _Collector()
    parser = httptools.HttpRequestParser(found)
    try:
        parser.feed_data(head[0])
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        return None
    headers = dict(
        zip(map(_environ_name, found.headers), map(_DECODE, map(_STRIP, found.headers.values())), strict=True)
    )
    scheme = _find_scheme(headers, scheme_headers)
    connection = headers.get("HTTP_CONNECTION", "keep-alive").lower()
    length = headers.get("CONTENT_LENGTH", "0")
    if (
        # Each line but the first and the last, which is empty, is a header; of one that is repeated, one was kept.
        len(headers) < head[0].count(b"\n") - 2
        or not _NOT_PLAIN.isdisjoint(headers)
        or connection not in _CONNECTION
        or scheme is None
        or not _HOST.fullmatch(headers.get("HTTP_HOST", ""))
        or not _LENGTH.fullmatch(length)
    ):
        return None
    return PlainRequest(
        parser.get_method().decode("ascii"),
        b"".join(found.target_parts).decode("ascii"),
        headers,
        scheme,
        head.end(),
        int(length),
        connection == "keep-alive",
    )


@lru_cache(512)
def _environ_name(header: bytes) -> str:
    name = header.decode("ascii").upper().replace("-", "_")
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"


def _find_scheme(headers: Mapping[str, str], scheme_headers: Mapping[str, str]) -> str | None:
    """The scheme that the headers agree on, or None if they do not agree."""
    if scheme_headers.keys().isdisjoint(headers):
        return "http"
    schemes = {
        "https" if headers[name] == value else "http" for name, value in scheme_headers.items() if name in headers
    }
    return None if len(schemes) > 1 else schemes.pop()
