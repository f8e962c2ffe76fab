"""The guard that accounts for each call: a row that is committed before it, and settled once when it has ended."""

import json
import os
import time
from collections.abc import Generator
from dataclasses import replace
from typing import Any

from bedrock_flask.billing import compute_cost, estimate_cost
from bedrock_flask.call import FREE as NOT_BILLED
from bedrock_flask.call import SILENCE, WHOLE, Batch, Call, CallRecord, Guard, Handler, Reply, Stream
from bedrock_flask.errors import ClientDisconnected, GatewayError, UnpricedModel
from bedrock_flask.governance.budgets import Charge, describe_owner, name_counter, to_nanodollars
from bedrock_flask.governance.governance import Governance
from bedrock_flask.governance.ledger import Ledger
from bedrock_flask.governance.ledger_row import CANCELLED, EST, FREE, OK, Opening, Settlement
from bedrock_flask.prices.counted import describe_counts
from bedrock_flask.prices.pricer import Pricer

# Characters of a text that others choose; neither database takes more of it than it can keep.
_MOST_TEXT = 512


def ledgered(governance: Governance) -> Guard:
    """The guard that writes each call that AWS bills into the ledger; one that does not fit a budget is not made."""
    ledger, pricer = governance.ledger, governance.pricer

    def guard(handler: Handler) -> Handler:
        def send(call: Call) -> Reply:
            if not call.billed_as:
                return handler.send(call)
            entry = _Entry(ledger, pricer, call)
            try:
                reply = handler.send(call)
            except BaseException as error:
                entry.fail(error)
                raise
            entry.settle()
            return reply

        def send_stream(call: Call) -> Stream:
            if not call.billed_as:
                return handler.send_stream(call)
            entry = _Entry(ledger, pricer, call)
            try:
                stream = handler.send_stream(call)
            except BaseException as error:
                entry.fail(error)
                raise
            batches = _pass_on(stream, entry)
            # From now on it ends by its `finally`, also if nobody reads it.
            next(batches)
            return replace(stream, batches=batches)

        return Handler(send, send_stream)

    return guard


def _pass_on(stream: Stream, entry: "_Entry") -> Generator[Batch]:
    try:
        yield SILENCE
        for batch in stream.batches:
            if batch and entry.first is None:
                entry.first = entry.measure()
            if batch and entry.must_settle():
                entry.settle()
            yield batch
        entry.settle()
    except BaseException as error:
        # What it has read to its end, it may still note.
        stream.batches.close()
        entry.fail(error)
        raise
    finally:
        stream.batches.close()


class _Entry:
    """One row while its call is made; to create it opens the row, or raises the error for which no call is made."""

    def __init__(self, ledger: Ledger, pricer: Pricer, call: Call) -> None:
        self._ledger, self._pricer, self._call = ledger, pricer, call
        self.first: int | None = None
        self._is_settled = False
        self._opening = opening = _make_opening(pricer, call, ledger.find_time())
        ledger.open(opening)
        self._began = time.monotonic()

    def measure(self) -> int:
        """The milliseconds since the call was made."""
        return int((time.monotonic() - self._began) * 1000)

    def must_settle(self) -> bool:
        """Whether the next bytes may be the last for which the client waits, and must not reach it unsettled."""
        return self._ledger.is_durable and self._call.record.outcome == WHOLE

    def settle(self) -> None:
        """Settle the row of an answer; raises StoreUnavailable where the ledger is durable and cannot be."""
        if not self._is_settled:
            self._is_settled = True
            self._ledger.complete(self._make_settlement(None))

    def fail(self, error: BaseException) -> None:
        """Settle the row of a call that has failed, unless that was done."""
        if not self._is_settled:
            self._is_settled = True
            self._ledger.settle(self._make_settlement(error))

    def _make_settlement(self, error: BaseException | None) -> Settlement:
        """What is known of the call now."""
        record, opening = self._call.record, self._opening
        state, cost = self._decide(record, error)
        details = _describe(record, error, self.measure(), self.first)
        return Settlement(opening.id, state, self._ledger.find_time(), cost, opening.group, opening.charges, details)

    def _decide(self, record: CallRecord, error: BaseException | None) -> tuple[str, int | None]:
        """The state, and the cost: that of the reservation where Bedrock was reached and nobody knows."""
        if record.outcome == NOT_BILLED or not record.attempts:
            return FREE, 0
        if record.outcome == WHOLE:
            total = compute_cost(self._pricer, record).total
            if total is not None:
                return OK, to_nanodollars(total)
            # Without a price there was nothing to reserve, and no estimate.
            return (OK if self._opening.reserved is None else EST), self._opening.reserved
        is_cancelled = isinstance(error, ClientDisconnected | GeneratorExit)
        return (CANCELLED if is_cancelled else EST), self._opening.reserved


def _make_opening(pricer: Pricer, call: Call, now: int) -> Opening:
    """The row of a call, and what it reserves; raises UnpricedModel where a budget cannot be held."""
    estimate = estimate_cost(pricer, call)
    reserved = None if estimate is None else to_nanodollars(estimate)
    budgets = call.principal.budgets
    if reserved is None and (short := [each for each in budgets if call.billed_as not in each.unpriced]):
        raise UnpricedModel(
            f"No price of '{call.billed_as[:200]}' is known, and the {describe_owner(short[0].scope)} has a budget "
            "that does not allow the model by name."
        )
    return Opening(
        id=os.urandom(16),
        principal=call.principal,
        request_id=call.request_id,
        dialect=call.dialect,
        operation=call.operation_name,
        model=_clean(call.billed_as),
        stream=call.stream,
        opened=now,
        reserved=reserved,
        charges=[Charge(name_counter(each, now), each.limit, reserved or 0) for each in budgets],
    )


def _describe(record: CallRecord, error: BaseException | None, latency: int, first: int | None) -> dict[str, Any]:
    """The columns of a row that only its end tells."""
    counts = describe_counts(record.usage, record.billed)
    return {
        **record.usage.to_dict(),
        "region": record.region or None,
        "surface": record.surface or None,
        "tier": _clean(record.tier) or None,
        "counts": json.dumps(counts) if counts else None,
        "attempts": record.attempts,
        "upstream_request_id": _clean(record.upstream_request_id) or None,
        "latency": latency,
        "first": first,
        "status": error.status if isinstance(error, GatewayError) else 200 if error is None else None,
        "error": _name_error(error),
    }


def _name_error(error: BaseException | None) -> str | None:
    if error is None:
        return None
    if isinstance(error, GeneratorExit):
        return ClientDisconnected.code
    return error.code if isinstance(error, GatewayError) else type(error).__name__


def _clean(text: str) -> str:
    """A text of others, as Postgres takes it: without zeros and halves of surrogate pairs, and not long."""
    return text[:_MOST_TEXT].replace("\0", "").encode("utf-8", "replace").decode()
