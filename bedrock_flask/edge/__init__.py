"""The edge: what every request passes on its way in and out, whatever it asks for."""

import re
import uuid

from flask import Flask, Response, current_app, request

from bedrock_flask import headers
from bedrock_flask.edge import connection
from bedrock_flask.edge.access_log import log_on_close
from bedrock_flask.edge.body import get_size_limit
from bedrock_flask.edge.context import begin_context, request_context
from bedrock_flask.edge.rendering import with_error_handlers
from bedrock_flask.edge.unread_body import make_body_discarder
from bedrock_flask.state import state_of, with_state

_REQUEST_ID = re.compile(r"[\w.-]{1,128}", re.ASCII)


def with_edge(app: Flask) -> Flask:
    """A request id, a limit of the body's size, errors in the dialect's words, and a log line for every request."""
    app.config["MAX_CONTENT_LENGTH"] = state_of(app).settings.max_body_bytes
    app.before_request(_begin)
    app.after_request(_finish)
    return with_error_handlers(with_state(app, discard_body=make_body_discarder()))


def _begin() -> None:
    sent = request.headers.get("x-request-id", "")
    is_chunked = "chunked" in request.headers.get("transfer-encoding", "").lower()
    begin_context(
        sent if _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex,
        has_unread_body=bool(request.content_length) or is_chunked,
    )


def _finish(response: Response) -> Response:
    context, environ = request_context(), request.environ
    for name in headers.REQUEST_ID:
        response.headers[name] = context.request_id
    if context.record.upstream_request_id:
        response.headers[headers.BEDROCK_REQUEST_ID] = context.record.upstream_request_id
    response.headers["x-content-type-options"] = "nosniff"
    log_on_close(response, context)
    if connection.reads_unread_body(environ):
        if context.has_unread_body:
            connection.announce_close(environ)
    elif response.status_code >= 400:
        discard, limit = state_of(current_app).discard_body, get_size_limit()
        response.call_on_close(lambda: discard(environ, limit))
    return response
