"""The body of a request: read once, bounded, uncompressed."""

from typing import Any

from bedrock_flask.edge.concurrency import begin_large_body
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.errors import BodyTooLarge, CallerError, RequestTimedOut, UnsupportedMediaType


def read_body(exchange: Exchange) -> bytes:
    """The request's body, once. BodyTooLarge past the limit, also when no length was announced."""
    kept, exchange.body = exchange.body, None
    data = _read(exchange) if kept is None else kept
    begin_large_body(exchange, len(data))
    return data


def keep_body(exchange: Exchange, data: bytes) -> None:
    """Have `read_body` return a body that was read already."""
    exchange.body = data


def _read(exchange: Exchange) -> bytes:
    encoding = exchange.header("content-encoding", "identity")
    if encoding != "identity":
        raise UnsupportedMediaType(f"The body is sent with content-encoding '{encoding}'.")
    limit, length = exchange.settings.max_body_bytes, _read_length(exchange)
    if length is None and not exchange.environ.get("wsgi.input_terminated"):
        # The server does not say where the body ends, so it cannot be read.
        return b""
    if length is not None and length > limit:
        raise _make_too_large_error(limit)
    data = _read_stream(exchange.environ["wsgi.input"], limit + 1 if length is None else length)
    if length is not None and len(data) < length:
        raise RequestTimedOut("The body ended before its announced length.")
    if len(data) > limit:
        raise _make_too_large_error(limit)
    exchange.has_unread_body = False
    return data


def _make_too_large_error(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is larger than the limit of {limit} bytes.")


def _read_length(exchange: Exchange) -> int | None:
    """The announced length; None for a chunked body, which announces none, and without a number."""
    if exchange.header("transfer-encoding") == "chunked":
        return None
    length = exchange.header("content-length").strip()
    return int(length) if length.isascii() and length.isdigit() else None


def _read_stream(stream: Any, size: int) -> bytes:
    """Up to `size` bytes: fewer only at the end of the stream."""
    try:
        data: bytes = stream.read(size)
        while len(data) < size and (more := stream.read(size - len(data))):
            data += more
    except OSError:
        # The listener's receive timeout (gunicorn_conf) makes a silent client an error here.
        raise RequestTimedOut("The rest of the body did not arrive in time.") from None
    except Exception:  # noqa: BLE001 - each WSGI server has errors of its own for a body that is not HTTP
        raise CallerError("The body's chunks cannot be read.") from None
    return data
