"""The edge: request id, size, errors and the log line."""

import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Response, current_app, g, jsonify, request
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge

from bedrock_flask.call import CallRecord
from bedrock_flask.config.settings import Settings
from bedrock_flask.edge.unread_body import make_body_discarder
from bedrock_flask.errors import (
    BodyTooLarge,
    CallerError,
    GatewayError,
    MethodNotAllowed,
    NotFound,
    RequestTimedOut,
    UnsupportedMediaType,
    problem_document,
)
from bedrock_flask.observability import logs

LOG = logging.getLogger("bedrock_flask.request")
REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-amzn-requestid")
PROBLEM = "application/problem+json"

_RENDERERS = "bedrock_flask.renderers"
# Digits that a header may have where a number is meant.
_LONGEST_NUMBER = 10
_REQUEST_ID = re.compile(r"[\w.-]{1,128}", re.ASCII)


def with_edge(app: Flask) -> Flask:
    """Every request passes these, in this order, whatever it asks for."""
    settings: Settings = app.extensions["bedrock_flask"].settings
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.extensions["bedrock_flask.drain"] = make_body_discarder()
    app.extensions[_RENDERERS] = ()
    app.before_request(_begin)
    app.after_request(_finish)
    app.register_error_handler(GatewayError, render)
    app.register_error_handler(HTTPException, _render_http)
    app.register_error_handler(Exception, _render_unforeseen)
    return app


def read_body() -> bytes:
    """The request's body, once. BodyTooLarge past the limit, also when no length was announced."""
    kept: bytes | None = g.pop("body", None)
    return _read() if kept is None else kept


def keep_body(data: bytes) -> None:
    """Have `body` return the body that was read already."""
    g.body = data


def _read() -> bytes:
    if request.content_encoding not in (None, "identity"):
        raise UnsupportedMediaType(f"The body is sent with content-encoding '{request.content_encoding}'.")
    limit: int = current_app.config["MAX_CONTENT_LENGTH"]
    try:
        if request.content_length is not None or not request.environ.get("wsgi.input_terminated"):
            whole = request.get_data(cache=False, parse_form_data=False)
            if request.content_length is not None and len(whole) < request.content_length:
                raise ClientDisconnected
            g.unread = False
            return whole
        # A chunked body says no length; werkzeug would cut it at the limit and say nothing.
        data: bytes = request.environ["wsgi.input"].read(limit + 1)
    except ClientDisconnected:
        raise RequestTimedOut("The body ended before its announced length.") from None
    except OSError:
        # The listener's receive timeout (gunicorn_conf) makes a silent client an error here.
        raise RequestTimedOut("No more of the body came for too long.") from None
    except RequestEntityTooLarge:
        raise
    except Exception:  # noqa: BLE001 - each WSGI server has errors of its own for a body that is no HTTP
        raise CallerError("The body's chunks cannot be read.") from None
    if len(data) > limit:
        raise BodyTooLarge(f"The body has more than {limit} bytes, which is the limit.")
    g.unread = False
    return data


def _begin() -> None:
    sent = request.headers.get("x-request-id", "")
    g.request_id = sent if _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex
    g.started = time.monotonic()
    g.account = CallRecord()
    g.key = g.error = ""
    g.unread = bool(request.content_length) or "chunked" in request.headers.get("transfer-encoding", "").lower()
    g.logged = {}


def _finish(response: Response) -> Response:
    for name in REQUEST_ID_HEADERS:
        response.headers[name] = g.request_id
    if g.account.upstream_request_id:
        response.headers["x-bedrock-request-id"] = g.account.upstream_request_id
    response.headers["x-content-type-options"] = "nosniff"
    line = _line(response)
    account, started = g.account, g.started
    # After the last byte: a stream's usage and its ending are known only then.
    response.call_on_close(lambda: _log(line, account, started))
    connection: Any = request.environ.get("gunicorn.socket")
    # The worker of threads reads on by itself, and holds no thread for it.
    lingers = getattr(connection, "lingers", False)
    if lingers and g.unread and connection.request is not None:
        # It then closes, and says so: a client that keeps connections must not send its next request on this one.
        connection.request.force_close()
    if response.status_code >= 400 and not lingers:
        drain, environ = current_app.extensions["bedrock_flask.drain"], request.environ
        most = current_app.config["MAX_CONTENT_LENGTH"]
        response.call_on_close(lambda: drain(environ, most))
    return response


def _line(response: Response) -> dict[str, Any]:
    return {
        "request_id": g.request_id,
        "method": request.method,
        "route": request.url_rule.rule if request.url_rule else None,
        "status": response.status_code,
        "key": g.key or None,
        "error": g.error or None,
        **g.logged,
    }


def _log(line: dict[str, Any], account: CallRecord, started: float) -> None:
    told = {
        **line,
        "error": line["error"] or account.error or None,
        "attempts": account.attempts or None,
        "bedrock_request_id": account.upstream_request_id or None,
        **account.usage.known(),
        "seconds": round(time.monotonic() - started, 6),
    }
    LOG.info("request", extra={name: value for name, value in told.items() if value is not None})


@dataclass(frozen=True, kw_only=True)
class ErrorResponse:
    """An error in a dialect's own words."""

    status: int
    document: Mapping[str, Any]
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


Renderer = Callable[[GatewayError, str], ErrorResponse]


def with_renderer(app: Flask, renderer: Renderer, *prefixes: str) -> Flask:
    """Errors of requests below these paths in the words of their dialect, whether or not there is a route."""
    app.extensions[_RENDERERS] = (*app.extensions[_RENDERERS], *((prefix, renderer) for prefix in prefixes))
    return app


def render(error: GatewayError) -> Response:
    """One error in the words of whoever asked: the longest prefix of the path decides, RFC 9457 where there is none."""
    g.error = error.code
    if error.upstream_request_id:
        g.account.upstream_request_id = error.upstream_request_id
    known: tuple[tuple[str, Renderer], ...] = current_app.extensions[_RENDERERS]
    fitting = [each for each in known if request.path.startswith(each[0])]
    _, renderer = max(fitting, key=lambda each: len(each[0]), default=("", render_problem))
    rendered = renderer(error, g.request_id)
    response = jsonify(rendered.document)
    response.status_code, response.mimetype = rendered.status, rendered.media_type
    own = {name: value for name, value in error.headers.items() if name != "retry-after"}
    response.headers.update({**own, **hints(error), **rendered.headers})
    return response


def hints(error: GatewayError) -> dict[str, str]:
    """What an SDK goes by when it asks itself whether to try again, and when."""
    if not error.retryable:
        return {"x-should-retry": "false"}
    after = error.headers.get("retry-after", "1")
    seconds = {"retry-after": after}
    if after.isascii() and after.isdigit() and len(after) < _LONGEST_NUMBER:
        seconds["retry-after-ms"] = str(int(after) * 1000)
    # Where the gateway has tried again itself, an SDK that did so too would multiply the attempts.
    return {**seconds, "x-should-retry": "false" if g.account.attempts > 1 else "true"}


def render_problem(error: GatewayError, request_id: str) -> ErrorResponse:
    """The error as a problem document."""
    return ErrorResponse(status=error.status, document=problem_document(error, request_id), media_type=PROBLEM)


def _render_http(error: HTTPException) -> Response:
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()  # type: ignore[return-value]
    if isinstance(error, RequestEntityTooLarge):
        limit = current_app.config["MAX_CONTENT_LENGTH"]
        return render(BodyTooLarge(f"The body has more than {limit} bytes, which is the limit."))
    if error.code == 404:
        return render(NotFound(f"There is no {request.path} here; /openapi.json lists what there is."))
    if error.code == 405:
        allowed = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
        return render(MethodNotAllowed(f"This address takes {allowed}.", headers={"allow": allowed}))
    told = CallerError(error.description or "")
    told.status = error.code or 400
    return render(told)


def _render_unforeseen(error: Exception) -> Response:
    LOG.error("unforeseen error in request %s: %s", g.request_id, logs.format_frames(error))
    return render(GatewayError("The log has more under this request id."))
