"""Requests that two HTTP parsers read differently: each has a hidden request where one of the two sees the next one."""

from collections.abc import Iterator

# The hidden request: nobody may serve it. Its id shows in the log if anybody does.
HIDDEN_ID = "smuggled-{number}"
_HIDDEN = "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nx-request-id: {id}\r\n\r\n"
_START = "POST /v1/models/nova/invoke HTTP/1.1\r\n"
_HOST = "Host: localhost\r\nContent-Type: application/json\r\n"
_END_OF_CHUNKS = "0\r\n\r\n"

# Spellings of a transfer encoding, beside a length that covers the hidden request.
_CODINGS = (
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding: identity, chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: chunkedx",
    "Transfer-Encoding: CHUNKED",
    "Transfer-Encoding:chunked",
    "Transfer-Encoding:\tchunked",
    "Transfer-Encoding: chunked ",
    'Transfer-Encoding: "chunked"',
    "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding\t: chunked",
    " Transfer-Encoding: chunked",
    "Transfer-Encoding:\r\n chunked",
    "Transfer-Encoding: identity\r\n , chunked",
    "Transfer-Encoding:\x0bchunked",
    "Transfer-Encoding: chunked\0",
    "Transfer-Encoding\0: chunked",
    "Transfer_Encoding: chunked",
    "X: y\nTransfer-Encoding: chunked",
    "X: y\rTransfer-Encoding: chunked",
    "X: y\r\n\tTransfer-Encoding: chunked",
    "TE: chunked",
    "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked",
)
# Spellings of a length of 5, beside nothing or a length that covers the hidden request.
_LENGTHS = (
    "+5",
    "-5",
    "0x5",
    "5_0",
    "1e1",
    "5.0",
    "5 5",
    "5, 5",
    "5,6",
    "five",
    "\u0665",
    "",
    "5;q=1",
    '"5"',
    "5\0",
    "99999999999999999999999999",
)
_CHUNKS = (
    "0x0\r\n\r\n",
    "+0\r\n\r\n",
    "-0\r\n\r\n",
    "0_0\r\n\r\n",
    " 0\r\n\r\n",
    "0 \r\n\r\n",
    "0;\n\r\n",
    "0\n\r\n",
    "0\r\r\n",
    "0\n\n",
    "\r\n0\r\n\r\n",
    "5\r\nhello0\r\n\r\n",
    "5\r\nhelloXX0\r\n\r\n",
    "5\nhello\n0\n\n",
    "ffffffffffffffffffffff\r\n",
    "0;x=\r\n y\r\n\r\n",
    "",
)
_LINES = (
    "POST /v1/models/nova/invoke\r\n",
    "POST  /v1/models/nova/invoke HTTP/1.1\r\n",
    "POST\t/v1/models/nova/invoke\tHTTP/1.1\r\n",
    "POST /v1/models/nova/invoke HTTP/1.1 \r\n",
    "POST /v1/models/nova/invoke HTTP/1.1\n",
    "POST /v1/models/nova/invoke HTTP/9.9\r\n",
    "POST /v1/models/nova/invoke http/1.1\r\n",
    "post /v1/models/nova/invoke HTTP/1.1\r\n",
    "PO ST /v1/models/nova/invoke HTTP/1.1\r\n",
    "POST http://localhost/v1/models/nova/invoke HTTP/1.1\r\n",
    "POST localhost:80 HTTP/1.1\r\n",
    "CONNECT localhost:80 HTTP/1.1\r\n",
    "POST * HTTP/1.1\r\n",
    "PRI * HTTP/2.0\r\n",
    "POST /v1/models/nova/invoke\0 HTTP/1.1\r\n",
    "POST /v1/models/nova/invoke#x HTTP/1.1\r\n",
)
_HEADERS = (
    "nonsense",
    ": empty",
    "X Y: z",
    "X\x7f: z",
    "X: a\0b",
    "X: a\rb",
    "(X): y",
    "Host: other.example",
    "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk",
    "Expect: 100-continue",
    "Expect: something-else",
)


def list_requests() -> Iterator[tuple[str, bytes]]:
    """The id of each hidden request, and the bytes that hide it."""
    for number, template in enumerate(_list_templates()):
        name = HIDDEN_ID.format(number=number)
        hidden = _HIDDEN.format(id=name)
        covering = f"Content-Length: {len(_END_OF_CHUNKS) + len(hidden)}\r\n"
        yield name, template.replace("{covering}", covering).replace("{hidden}", hidden).encode()


def _list_templates() -> Iterator[str]:
    rest, covering = _END_OF_CHUNKS + "{hidden}", "{covering}"
    for coding in _CODINGS:
        yield f"{_START}{_HOST}{covering}{coding}\r\n\r\n{rest}"
        yield f"{_START}{_HOST}{coding}\r\n{covering}\r\n{rest}"
    for length in _LENGTHS:
        yield f"{_START}{_HOST}Content-Length: {length}\r\n\r\nhello{{hidden}}"
        yield f"{_START}{_HOST}{covering}Content-Length: {length}\r\n\r\nhello{{hidden}}"
    for chunks in _CHUNKS:
        yield f"{_START}{_HOST}Transfer-Encoding: chunked\r\n\r\n{chunks}{{hidden}}"
    for line in _LINES:
        yield f"{line}{_HOST}{covering}\r\n{rest}"
    for header in _HEADERS:
        yield f"{_START}{_HOST}{header}\r\n{covering}\r\n{rest}"
