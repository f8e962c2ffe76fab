"""One HTTP/2 call as HTTP/1.1: formats the request head and parses the response."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence

Headers = Sequence[tuple[str, str]]

CHUNK = 64 * 1024
# Headers that only concern one HTTP/1.1 connection and its framing; `host` and `expect` are handled by the bridge.
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "host", "expect"})
# h2 does not validate method and path: a space in either would shift the parts of the request line.
_METHOD = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_TARGET = re.compile(r"/[!-~\x80-\xff]*|\*")


def format_request_head(request: Headers, via: str, *, chunked: bool) -> bytes:
    """The head of a request, without keep-alive. Raises ValueError for what HTTP/1.1 cannot express."""
    by_name = dict(request)
    method, target = by_name.get(":method", ""), by_name.get(":path", "")
    if not _METHOD.fullmatch(method) or not _TARGET.fullmatch(target):
        raise ValueError(f"not expressible in HTTP/1.1: {method} {target}")
    framing = [("Transfer-Encoding", "chunked")] if chunked else []
    headers = [
        ("Host", by_name.get("host", by_name.get(":authority", ""))),
        *((name, value) for name, value in request if not name.startswith(":") and name not in _HOP_BY_HOP),
        *([("Via", via)] if via else []),
        ("Connection", "close"),
        *framing,
    ]
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def read_head(head: bytes) -> tuple[str, Headers]:
    """The status and the headers of a response, with names in lower case."""
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    headers = (line.partition(":") for line in lines)
    return first.split(" ")[1], [(name.lower(), value.strip()) for name, _, value in headers]


def drop_hop_by_hop(headers: Headers) -> Headers:
    """The headers that mean the same in HTTP/2."""
    return [(name, value) for name, value in headers if name not in _HOP_BY_HOP]


async def read_body(reader: asyncio.StreamReader, method: str, status: str, headers: Headers) -> AsyncIterator[bytes]:
    """The body of a response as it arrives. Raises EOFError if it ends early."""
    by_name = dict(headers)
    if method == "HEAD" or status in ("204", "304"):
        return
    if "chunked" in by_name.get("transfer-encoding", ""):
        while size := int(await reader.readuntil(b"\r\n"), 16):
            async for chunk in _read_exactly(reader, size):
                yield chunk
            await reader.readexactly(2)
    elif "content-length" in by_name:
        async for chunk in _read_exactly(reader, int(by_name["content-length"])):
            yield chunk
    else:
        while chunk := await reader.read(CHUNK):
            yield chunk


async def _read_exactly(reader: asyncio.StreamReader, size: int) -> AsyncIterator[bytes]:
    while size:
        chunk = await reader.read(min(size, CHUNK))
        if not chunk:
            raise EOFError
        size -= len(chunk)
        yield chunk
