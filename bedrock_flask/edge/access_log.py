"""The log line of a request, written after the last byte of its response, when its usage and outcome are known."""

import logging
import time
from typing import Any

from flask import Response, request

from bedrock_flask.edge.context import RequestContext

LOG = logging.getLogger("bedrock_flask.request")


def log_on_close(response: Response, context: RequestContext) -> None:
    """Log the request when its answer is sent, or when the client has disconnected."""
    line = {
        "request_id": context.request_id,
        "method": request.method,
        "route": request.url_rule.rule if request.url_rule else None,
        "status": response.status_code,
        "key": context.key or None,
        "error": context.error or None,
        **context.log_fields,
    }
    response.call_on_close(lambda: _log(line, context))


def _log(line: dict[str, Any], context: RequestContext) -> None:
    record = context.record
    fields = {
        **line,
        "error": line["error"] or record.error or None,
        "attempts": record.attempts or None,
        "region": record.region or None,
        "bedrock_request_id": record.upstream_request_id or None,
        **record.usage.to_dict(),
        "seconds": round(time.monotonic() - context.started, 6),
    }
    LOG.info("request", extra={name: value for name, value in fields.items() if value is not None})
