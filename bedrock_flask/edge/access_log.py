"""The log line of a request, written after the last byte of its response, when its usage and outcome are known."""

import logging
import time
from typing import Any

from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.response import Response
from bedrock_flask.observability.log_line import log_fields

LOG = logging.getLogger("bedrock_flask.request")


def log_on_close(exchange: Exchange, response: Response) -> None:
    """Log the request when its response is sent, or when the client has disconnected."""
    response.on_close.append(lambda: _log(exchange, response.status))


def _log(exchange: Exchange, status: int) -> None:
    """Log what is known of the request; what is not known is left out."""
    record = exchange.record
    fields: dict[str, Any] = {"request_id": exchange.request_id, "method": exchange.method}
    if exchange.route is not None:
        fields["route"] = exchange.route
    fields["status"] = status
    if exchange.key:
        fields["key"] = exchange.key
    if error := exchange.error or record.error:
        fields["error"] = error
    fields |= exchange.log_fields
    if record.attempts:
        fields["attempts"] = record.attempts
    if record.region:
        fields["region"] = record.region
    if record.surface:
        fields["surface"] = record.surface
    if record.upstream_request_id:
        fields["bedrock_request_id"] = record.upstream_request_id
    fields |= record.usage.to_dict()
    fields["seconds"] = round(time.monotonic() - exchange.started, 6)
    log_fields(LOG, "request", fields)
