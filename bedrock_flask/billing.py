"""What a call is billed for, noted while its answer passes, and what that costs."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bedrock_flask.adapter import PLUGIN_CRASHES
from bedrock_flask.bedrock.service_tiers import HEADER, find_requested_tier, find_tier
from bedrock_flask.call import BEGUN, FREE, WHOLE, Call, CallRecord
from bedrock_flask.converse import Json
from bedrock_flask.errors import BedrockError, CredentialsError, GatewayError, UpstreamUnreachable
from bedrock_flask.observability import logs
from bedrock_flask.prices.billed import Billed
from bedrock_flask.prices.cost import Cost
from bedrock_flask.prices.pricer import Pricer
from bedrock_flask.protocol import json

LOG = logging.getLogger("bedrock_flask.gateway")
# Errors of Bedrock's after which the model may have run.
_MAY_HAVE_RUN = frozenset({502, 504})
# How a request names a cache that is kept for an hour, in every format.
_HOUR = b'"1h"'
_NO_MEMBERS: Json = {}


def begin_bill(call: Call) -> None:
    """Note that a call is made: until its answer is whole, nobody knows what it costs."""
    if call.billed_as:
        call.record.model, call.record.outcome = call.billed_as, BEGUN


def note_failure(call: Call, error: GatewayError) -> None:
    """Note that a call failed before an answer began: what Bedrock refuses, or never sees, is not billed."""
    is_refused = isinstance(error, BedrockError) and error.status not in _MAY_HAVE_RUN
    if call.billed_as and (is_refused or isinstance(error, CredentialsError | UpstreamUnreachable)):
        call.record.outcome = FREE


def close_bill(call: Call, headers: Mapping[str, str], document: Json = _NO_MEMBERS) -> None:
    """Note that an answer is whole, the tier that served it, and what it is billed for beside its tokens."""
    record = call.record
    if not call.billed_as:
        return
    record.tier = (
        headers.get(HEADER) or find_tier(document) or record.tier or find_requested_tier(call.headers, call.body)
    )
    if record.usage.cache_write and record.usage.hour_write is None and _HOUR not in call.body:
        record.usage = replace(record.usage, hour_write=0)
    count = call.adapter.count_billed
    if count is not None and document and call.operation == "InvokeModel":
        try:
            record.billed = _require_billed(count(json.read(call.body), document))
        except PLUGIN_CRASHES as error:
            # The caller gets the answer all the same.
            LOG.error("count_billed of the adapter '%s' failed: %s", call.adapter.name, logs.format_frames(error))
            return
    record.outcome = WHOLE


def compute_cost(pricer: Pricer, record: CallRecord) -> Cost:
    """The cost of one call; without a total while its answer is not whole."""
    if record.outcome != WHOLE:
        return Cost(None)
    return pricer.compute_cost(record.model, record.region, record.tier, record.usage, record.billed)


def _require_billed(found: Any) -> Billed:
    """What a plugin has counted; TypeError if that is something else."""
    if not isinstance(found, Billed):
        raise TypeError(f"count_billed returns a Billed, and not {type(found).__name__}")
    return found
