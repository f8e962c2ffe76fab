"""The body of a request: read once, bounded, uncompressed."""

from flask import current_app, request
from werkzeug.exceptions import ClientDisconnected as EndedEarly
from werkzeug.exceptions import RequestEntityTooLarge

from bedrock_flask.edge.context import request_context
from bedrock_flask.errors import BodyTooLarge, CallerError, RequestTimedOut, UnsupportedMediaType


def read_body() -> bytes:
    """The request's body, once. BodyTooLarge past the limit, also when no length was announced."""
    context = request_context()
    kept, context.body = context.body, None
    return _read() if kept is None else kept


def keep_body(data: bytes) -> None:
    """Have `read_body` return a body that was read already."""
    request_context().body = data


def get_size_limit() -> int:
    """The number of bytes that a body may have."""
    limit: int = current_app.config["MAX_CONTENT_LENGTH"]
    return limit


def make_too_large_error() -> BodyTooLarge:
    """The error of a body above the limit."""
    return BodyTooLarge(f"The body is larger than the limit of {get_size_limit()} bytes.")


def _read() -> bytes:
    if request.content_encoding not in (None, "identity"):
        raise UnsupportedMediaType(f"The body is sent with content-encoding '{request.content_encoding}'.")
    limit = get_size_limit()
    try:
        if request.content_length is not None or not request.environ.get("wsgi.input_terminated"):
            whole = request.get_data(cache=False, parse_form_data=False)
            if request.content_length is not None and len(whole) < request.content_length:
                raise EndedEarly
            request_context().has_unread_body = False
            return whole
        # A chunked body announces no length; werkzeug would cut it at the limit without an error.
        data: bytes = request.environ["wsgi.input"].read(limit + 1)
    except EndedEarly:
        raise RequestTimedOut("The body ended before its announced length.") from None
    except OSError:
        # The listener's receive timeout (gunicorn_conf) makes a silent client an error here.
        raise RequestTimedOut("The rest of the body did not arrive in time.") from None
    except RequestEntityTooLarge:
        raise
    except Exception:  # noqa: BLE001 - each WSGI server has errors of its own for a body that is not HTTP
        raise CallerError("The body's chunks cannot be read.") from None
    if len(data) > limit:
        raise make_too_large_error()
    request_context().has_unread_body = False
    return data
