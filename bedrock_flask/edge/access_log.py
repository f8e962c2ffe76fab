"""The log line of a request, written after the last byte of its response, when its usage and outcome are known."""

import logging
import time
from typing import Any

from bedrock_flask.edge.answer import Answer
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.observability.log_line import log_fields

LOG = logging.getLogger("bedrock_flask.request")


def log_on_close(exchange: Exchange, answer: Answer) -> None:
    """Log the request when its answer is sent, or when the client has disconnected."""
    line = {
        "request_id": exchange.request_id,
        "method": exchange.method,
        "route": exchange.route,
        "status": answer.status,
        "key": exchange.key or None,
        "error": exchange.error or None,
        **exchange.log_fields,
    }
    answer.on_close.append(lambda: _log(line, exchange))


def _log(line: dict[str, Any], exchange: Exchange) -> None:
    record = exchange.record
    fields = {
        **line,
        "error": line["error"] or record.error or None,
        "attempts": record.attempts or None,
        "region": record.region or None,
        "bedrock_request_id": record.upstream_request_id or None,
        **record.usage.to_dict(),
        "seconds": round(time.monotonic() - exchange.started, 6),
    }
    log_fields(LOG, "request", {name: value for name, value in fields.items() if value is not None})
