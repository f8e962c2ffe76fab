"""The edge: request id, key, size, errors and the log line; nothing is read or named before a key is known."""

import logging
import re
import socket
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, jsonify, request
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge

from bedrock_flask import log
from bedrock_flask.call import Account
from bedrock_flask.draining import draining
from bedrock_flask.errors import (
    BodyTooLarge,
    CallerError,
    GatewayError,
    LoopbackOnly,
    MethodNotAllowed,
    NotFound,
    RequestTimedOut,
    Unauthenticated,
    UnsupportedMediaType,
    problem,
)
from bedrock_flask.loopback import is_loopback
from bedrock_flask.settings import Settings

LOG = logging.getLogger("bedrock_flask.request")
REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-amzn-requestid")
PROBLEM = "application/problem+json"

_REQUEST_ID = re.compile(r"[\w.-]{1,128}", re.ASCII)
_BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE)


# What a proxy adds: its connection comes from this machine, and whoever it speaks for does not.
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-real-ip")


def with_edge(app: Flask) -> Flask:
    """Every request passes these, in this order, whatever it asks for."""
    settings: Settings = app.extensions["bedrock_flask"].settings
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes
    app.extensions["bedrock_flask.drain"] = draining()
    app.before_request(_begin)
    app.after_request(_finish)
    app.register_error_handler(GatewayError, render)
    app.register_error_handler(HTTPException, _render_http)
    app.register_error_handler(Exception, _render_unforeseen)
    return app


def with_authentication(app: Flask) -> Flask:
    """Nobody passes without a key of this gateway, save to what is open to all."""
    app.before_request(_authenticate)
    return app


def open_to_all(view: Any) -> Any:
    """Mark a view that needs no key: it names nothing and reads nothing."""
    view.open_to_all = True
    return view


def is_open(endpoint: str | None) -> bool:
    """Whether an endpoint needs no key."""
    return getattr(current_app.view_functions.get(endpoint or ""), "open_to_all", False)


def body() -> bytes:
    """The request's body. BodyTooLarge past the limit, also when no length was announced."""
    if request.content_encoding not in (None, "identity"):
        raise UnsupportedMediaType(f"The body is sent with content-encoding '{request.content_encoding}'.")
    limit: int = current_app.config["MAX_CONTENT_LENGTH"]
    try:
        if request.content_length is not None or not request.environ.get("wsgi.input_terminated"):
            return request.get_data(cache=False, parse_form_data=False)
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
    return data


def _begin() -> None:
    sent = request.headers.get("x-request-id", "")
    g.request_id = sent if _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex
    g.started = time.monotonic()
    g.account = Account()
    g.key = g.error = ""
    g.logged = {}


def is_known() -> bool:
    """Whether a view that is open to all was asked by somebody whom the other views would serve."""
    try:
        _caller()
    except CallerError:
        return False
    return True


def _authenticate() -> None:
    if not is_open(request.endpoint):
        g.key = _caller()


def _caller() -> str:
    """The name of the key that came with the request, empty where there are no keys; a CallerError for strangers."""
    keys = current_app.extensions["bedrock_flask"].settings.api_keys
    if not keys:
        _refuse_strangers()
        return ""
    owner: str | None = keys.owner(_secret())
    if owner is None:
        raise Unauthenticated()
    return owner


def _secret() -> str:
    bearer = _BEARER.fullmatch(request.headers.get("authorization", ""))
    return bearer[1] if bearer else request.headers.get("x-api-key", "")


def _refuse_strangers() -> None:
    """Without keys, only what arrived on a loopback address is served, but no proxy and no page of another site."""
    if not _arrived_on_loopback():
        raise LoopbackOnly("Set BEDROCK_FLASK_API_KEYS=name:secret, or bind the gateway to 127.0.0.1.")
    if any(name in request.headers for name in _FORWARDED):
        raise LoopbackOnly("A proxy may not call a gateway without keys for others. Set BEDROCK_FLASK_API_KEYS.")
    origin, named = request.headers.get("origin"), current_app.extensions["bedrock_flask"].settings.cors_origins
    if origin is not None and origin not in named and not is_loopback(_host(origin)):
        raise LoopbackOnly("A page of another site may not call a gateway without keys. Set BEDROCK_FLASK_API_KEYS.")


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""


def _arrived_on_loopback() -> bool:
    # A WSGI app is not told the address it is bound to; gunicorn hands on the connection itself.
    connection = request.environ.get("gunicorn.socket")
    if connection is None:
        return is_loopback(request.environ.get("REMOTE_ADDR", ""))
    if connection.family == socket.AF_UNIX:
        return True
    return is_loopback(connection.getsockname()[0])


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
    # The worker of threads reads on by itself, and holds no thread for it.
    lingers = getattr(request.environ.get("gunicorn.socket"), "lingers", False)
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


def _log(line: dict[str, Any], account: Account, started: float) -> None:
    told = {
        **line,
        "error": line["error"] or account.error or None,
        "attempts": account.attempts or None,
        "bedrock_request_id": account.upstream_request_id or None,
        **account.usage.known(),
        "seconds": round(time.monotonic() - started, 6),
    }
    LOG.info("request", extra={name: value for name, value in told.items() if value is not None})


def render(error: GatewayError) -> Response:
    """One error as a problem document (RFC 9457)."""
    g.error = error.code
    if error.upstream_request_id:
        g.account.upstream_request_id = error.upstream_request_id
    response = jsonify(problem(error, g.request_id))
    response.status_code = error.status
    response.mimetype = PROBLEM
    response.headers.update(error.headers)
    return response


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
    LOG.error("unforeseen error in request %s: %s", g.request_id, log.frames(error))
    return render(GatewayError("The log has more under this request id."))
