"""The log line of a request, written after the last byte of its response, when its usage and outcome are known."""

import logging
import time
from typing import Any

from bedrock_flask.billing import compute_cost
from bedrock_flask.call import FREE, CallRecord
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.response import Response
from bedrock_flask.observability.log_line import log_fields
from bedrock_flask.prices.cost import add_exactly
from bedrock_flask.prices.pricer import Pricer

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
    if exchange.principal.team:
        fields["team"] = exchange.principal.team
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
    if record.guardrail_units:
        fields["guardrail_units"] = record.guardrail_units
    if record.outcome or record.calls:
        fields |= _describe_cost(exchange.state.pricer, record)
    fields["seconds"] = round(time.monotonic() - exchange.started, 6)
    log_fields(LOG, "request", fields)


def _describe_cost(pricer: Pricer, record: CallRecord) -> dict[str, Any]:
    """What the calls of a request cost together: null if that is not known of one, and how many those are."""
    totals = [compute_cost(pricer, call).total for call in record.calls or (record,) if call.outcome != FREE]
    if not totals:
        return {}
    if unpriced := totals.count(None):
        return {"cost_usd": None, "unpriced_calls": unpriced}
    return {"cost_usd": float(add_exactly(total for total in totals if total is not None))}
