"""Errors as responses: each in the words of the dialect whose path was called, or else as RFC 9457 describes."""

import logging
from typing import Any

from bedrock_flask.dialect import ErrorRenderer, ErrorResponse
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.response import Response, complete_type, make_json_response
from bedrock_flask.errors import GatewayError, describe_faults
from bedrock_flask.headers import REGION, SDK_RETRY_AFTER
from bedrock_flask.observability import logs

LOG = logging.getLogger("bedrock_flask.request")
PROBLEM_MEDIA_TYPE = "application/problem+json"

# Digits that a header may have where a number is expected.
_MAX_DIGITS = 10


def render_error(exchange: Exchange, error: GatewayError) -> Response:
    """One error in the words of the client's dialect, which its headers tell or else the longest prefix of the path."""
    exchange.error = error.code
    if error.upstream_request_id:
        exchange.record.upstream_request_id = error.upstream_request_id
    rendered = _find_renderer(exchange)(error, exchange)
    response = make_json_response(rendered.document, rendered.status, complete_type(rendered.media_type))
    own = {name: value for name, value in error.headers.items() if name != "retry-after"}
    if exchange.record.region:
        own[REGION] = exchange.record.region
    response.headers |= {**own, **retry_headers(exchange, error), **rendered.headers}
    return response


def render_unexpected_error(exchange: Exchange, error: Exception) -> Response:
    """An error that nobody foresaw, as a response."""
    return render_error(exchange, report_unexpected_error(f"request {exchange.request_id}", error))


def report_unexpected_error(place: str, error: Exception) -> GatewayError:
    """Log the frames of an error that nobody foresaw, and return the one for the caller, who learns nothing of it."""
    LOG.error("unexpected error in %s: %s", place, logs.format_frames(error))
    return GatewayError("The gateway's log has the details under this request id.")


def retry_headers(exchange: Exchange, error: GatewayError) -> dict[str, str]:
    """The headers by which an SDK decides whether to try again, and when."""
    if not error.retryable:
        return {"x-should-retry": "false"}
    after = error.headers.get("retry-after", "1")
    headers = {"retry-after": after}
    if after.isascii() and after.isdigit() and len(after) < _MAX_DIGITS:
        headers["retry-after-ms"] = headers[SDK_RETRY_AFTER] = str(int(after) * 1000)
    # A throttle is a matter of time, and the client decides how long it waits. After any other error an SDK that
    # retries too would multiply the gateway's attempts.
    is_multiplied = not error.passes_with_time and exchange.record.attempts > 1
    return {**headers, "x-should-retry": "false" if is_multiplied else "true"}


def render_problem(error: GatewayError, exchange: Exchange) -> ErrorResponse:
    """The error as a problem document."""
    document = problem_document(error, exchange.request_id)
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


def _find_renderer(exchange: Exchange) -> ErrorRenderer:
    dialects, path = exchange.state.dialects, exchange.path
    for dialect in dialects:
        if dialect.client_header and exchange.has_header(dialect.client_header):
            return dialect.render_error
    found = [
        (prefix, dialect.render_error)
        for dialect in dialects
        for prefix in dialect.error_prefixes
        if path.startswith(prefix)
    ]
    _, renderer = max(found, key=lambda each: len(each[0]), default=("", render_problem))
    return renderer
