"""Errors as responses: each in the words of the dialect whose path was called, or else as RFC 9457 describes."""

import logging
from typing import Any

from flask import Flask, Response, current_app, jsonify, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from bedrock_flask.dialect import ErrorRenderer, ErrorResponse
from bedrock_flask.edge.body import make_too_large_error
from bedrock_flask.edge.context import request_context
from bedrock_flask.errors import CallerError, GatewayError, MethodNotAllowed, NotFound, describe_faults
from bedrock_flask.headers import REGION, SDK_RETRY_AFTER
from bedrock_flask.observability import logs
from bedrock_flask.state import state_of

LOG = logging.getLogger("bedrock_flask.request")
PROBLEM_MEDIA_TYPE = "application/problem+json"

# Digits that a header may have where a number is expected.
_MAX_DIGITS = 10


def with_error_handlers(app: Flask) -> Flask:
    """Every error of a request is rendered by its dialect."""
    app.register_error_handler(GatewayError, render_error)
    app.register_error_handler(HTTPException, _render_http_error)
    app.register_error_handler(Exception, _render_unexpected_error)
    return app


def render_error(error: GatewayError) -> Response:
    """One error in the words of the client's dialect, which its headers tell or else the longest prefix of the path."""
    context = request_context()
    context.error = error.code
    if error.upstream_request_id:
        context.record.upstream_request_id = error.upstream_request_id
    rendered = _find_renderer(request.path)(error, context.request_id)
    response = jsonify(rendered.document)
    response.status_code, response.mimetype = rendered.status, rendered.media_type
    own = {name: value for name, value in error.headers.items() if name != "retry-after"}
    if context.record.region:
        own[REGION] = context.record.region
    response.headers.update({**own, **retry_headers(error), **rendered.headers})
    return response


def retry_headers(error: GatewayError) -> dict[str, str]:
    """The headers by which an SDK decides whether to try again, and when."""
    if not error.retryable:
        return {"x-should-retry": "false"}
    after = error.headers.get("retry-after", "1")
    headers = {"retry-after": after}
    if after.isascii() and after.isdigit() and len(after) < _MAX_DIGITS:
        headers["retry-after-ms"] = headers[SDK_RETRY_AFTER] = str(int(after) * 1000)
    # A throttle is a matter of time, and the client decides how long it waits. After any other error an SDK that
    # retries too would multiply the gateway's attempts.
    is_multiplied = not error.passes_with_time and request_context().record.attempts > 1
    return {**headers, "x-should-retry": "false" if is_multiplied else "true"}


def render_problem(error: GatewayError, request_id: str) -> ErrorResponse:
    """The error as a problem document."""
    document = problem_document(error, request_id)
    return ErrorResponse(status=error.status, document=document, media_type=PROBLEM_MEDIA_TYPE)


def problem_document(error: GatewayError, request_id: str) -> dict[str, Any]:
    """The error in the form of RFC 9457, as the native routes answer it."""
    document: dict[str, Any] = {
        "type": f"urn:bedrock-flask:error:{error.code}",
        "title": error.title,
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
        "request_id": request_id,
        "retryable": error.retryable,
    }
    if error.fields:
        document["errors"] = describe_faults(error.fields)
    return document


def _find_renderer(path: str) -> ErrorRenderer:
    dialects = state_of(current_app).dialects
    for dialect in dialects:
        if dialect.client_header and dialect.client_header in request.headers:
            return dialect.render_error
    found = [
        (prefix, dialect.render_error)
        for dialect in dialects
        for prefix in dialect.error_prefixes
        if path.startswith(prefix)
    ]
    _, renderer = max(found, key=lambda each: len(each[0]), default=("", render_problem))
    return renderer


def _render_http_error(error: HTTPException) -> Response:
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()  # type: ignore[return-value]
    if isinstance(error, RequestEntityTooLarge):
        return render_error(make_too_large_error())
    if error.code == 404:
        return render_error(NotFound(f"{request.path} does not exist here; {_find_nearest_address(request.path)}."))
    if error.code == 405:
        allowed = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
        return render_error(MethodNotAllowed(f"This address takes {allowed}.", headers={"allow": allowed}))
    other = CallerError(error.description or "")
    other.status = error.code or 400
    return render_error(other)


def _find_nearest_address(path: str) -> str:
    """The address that a client means whose base URL has a `/v1` too many or too few, or a slash at its end."""
    routes = current_app.create_url_adapter(request)
    candidates = (path.rstrip("/"), path.removeprefix("/v1"), f"/v1{path}")
    near = [each for each in candidates if each != path and routes and routes.allowed_methods(each)]
    return f"{near[0]} does" if near else "/openapi.json lists every address"


def _render_unexpected_error(error: Exception) -> Response:
    LOG.error("unexpected error in request %s: %s", request_context().request_id, logs.format_frames(error))
    return render_error(GatewayError("The gateway's log has the details under this request id."))
