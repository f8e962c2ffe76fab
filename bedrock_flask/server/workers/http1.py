"""One call of HTTP/2 as HTTP/1.1: what is asked, and what is answered."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence

Headers = Sequence[tuple[str, str]]

PIECE = 64 * 1024
# What a message of HTTP/1.1 says of its connection and of its framing, and what a caller need not ask for here.
_OF_HTTP1 = frozenset({"connection", "keep-alive", "transfer-encoding", "host", "expect"})
# The parts of the first line are not looked at by h2: a space in one of them would move its border.
_METHOD = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_TARGET = re.compile(r"/[!-~\x80-\xff]*|\*")


def request_head(asked: Headers, via: str, *, chunked: bool) -> bytes:
    """A request up to its body, without keep-alive. ValueError for what HTTP/1.1 cannot say, CONNECT among it."""
    told = dict(asked)
    method, target = told.get(":method", ""), told.get(":path", "")
    if not _METHOD.fullmatch(method) or not _TARGET.fullmatch(target):
        raise ValueError(f"no request of HTTP/1.1: {method} {target}")
    framing = [("Transfer-Encoding", "chunked")] if chunked else []
    headers = [
        ("Host", told.get("host", told.get(":authority", ""))),
        *((name, value) for name, value in asked if not name.startswith(":") and name not in _OF_HTTP1),
        *([("Via", via)] if via else []),
        ("Connection", "close"),
        *framing,
    ]
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def read_head(head: bytes) -> tuple[str, Headers]:
    """The status and the headers of an answer, their names in small letters."""
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    headers = (line.partition(":") for line in lines)
    return first.split(" ")[1], [(name.lower(), value.strip()) for name, _, value in headers]


def without_framing(headers: Headers) -> Headers:
    """The headers that mean the same in HTTP/2."""
    return [(name, value) for name, value in headers if name not in _OF_HTTP1]


async def body(reader: asyncio.StreamReader, method: str, status: str, headers: Headers) -> AsyncIterator[bytes]:
    """The body of an answer as it comes; EOFError where it ends before its end."""
    told = dict(headers)
    if method == "HEAD" or status in ("204", "304"):
        return
    if "chunked" in told.get("transfer-encoding", ""):
        while size := int(await reader.readuntil(b"\r\n"), 16):
            async for piece in _exactly(reader, size):
                yield piece
            await reader.readexactly(2)
    elif "content-length" in told:
        async for piece in _exactly(reader, int(told["content-length"])):
            yield piece
    else:
        while piece := await reader.read(PIECE):
            yield piece


async def _exactly(reader: asyncio.StreamReader, size: int) -> AsyncIterator[bytes]:
    while size:
        piece = await reader.read(min(size, PIECE))
        if not piece:
            raise EOFError
        size -= len(piece)
        yield piece
