"""`bedrock-flask why` tells what became of a request, and why it costs what it costs."""

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import click

from bedrock_flask.bedrock.usage import Usage
from bedrock_flask.commands.database import read_database_settings, read_directory
from bedrock_flask.commands.options import format_time
from bedrock_flask.commands.output.table import format_table
from bedrock_flask.errors import StartupError
from bedrock_flask.governance.budgets import describe_owner, to_dollars, to_nanodollars
from bedrock_flask.governance.ledger_row import CANCELLED, FREE, OK, OPEN, TOKEN_COUNTS
from bedrock_flask.governance.store.usage import find_calls
from bedrock_flask.prices.counted import read_counts
from bedrock_flask.prices.price import UNITS
from bedrock_flask.prices.pricer import Pricer
from bedrock_flask.prices.table import read_file

_NOBODY_KNOWS = "nobody knows what AWS bills, so what was reserved is charged"
_STATES = {
    OPEN: "in progress, or of a worker that was killed less than half a minute ago",
    OK: "the answer is whole",
    FREE: "Bedrock refused the call or was not reached, so AWS bills nothing",
    CANCELLED: f"the client left: {_NOBODY_KNOWS}",
}


@click.command()
@click.argument("request_id")
def why(request_id: str) -> None:
    """Tell what became of a request.

    REQUEST_ID is the header `x-request-id` of the answer. Each call that it has made of Bedrock is shown: who has made
    it, where it went, how it ended, what it costs and how that was computed.
    """
    settings = read_database_settings()
    pricer = Pricer(read_file(settings.prices_file) if settings.prices_file else ())
    with read_directory(settings) as directory:
        calls = find_calls(directory.connection, request_id)
    if not calls:
        raise StartupError(
            f"no call of the request '{request_id[:128]}' is in the ledger: it was refused before, AWS does not bill "
            "it, or its rows were removed"
        )
    for number, call in enumerate(calls, 1):
        click.echo(f"call {number} of {len(calls)}")
        for line in format_table(list(_describe(call, pricer))):
            click.echo(f"  {line}")


def _describe(call: Any, pricer: Pricer) -> Iterator[tuple[str, str]]:
    yield "key", f"{call.key or '-'} (secret {call.secret})" if call.secret else call.key or "-"
    yield "team", call.team or "-"
    yield "tags", _join(json.loads(call.tags))
    yield "api", f"{call.dialect} -> {call.operation}{', streamed' if call.stream else ''}"
    yield "model", call.model
    yield (
        "served by",
        _join({name: getattr(call, name) for name in ("region", "surface", "tier") if getattr(call, name)}),
    )
    yield "began", format_time(call.opened)
    yield "settled", format_time(call.settled)
    yield "state", f"{call.state}: {_STATES.get(call.state) or _explain_estimate(call)}"
    yield "status", f"{_show(call.status)}{f', {call.error}' if call.error else ''}"
    yield "attempts", _show(call.attempts)
    yield "bedrock's request id", call.upstream_request_id or "-"
    yield "milliseconds", f"{_show(call.latency)}, {_show(call.first)} until the first part of a stream"
    yield "counted", _join({name: value for name in TOKEN_COUNTS if (value := getattr(call, name)) is not None})
    if call.counts:
        yield "also counted", _join(json.loads(call.counts))
    yield "reserved", "nothing, because no price is known" if call.reserved is None else _write_dollars(call.reserved)
    for scope, _, amount in json.loads(call.charges):
        owner, _, period = scope.rpartition("/")
        yield "", f"{_write_dollars(amount)} of the {describe_owner(owner)} for this {period}"
    yield "cost", "not known" if call.cost is None else _write_dollars(call.cost)
    if call.state == OK:
        yield from (("", line) for line in _explain_cost(call, pricer))


def _explain_estimate(call: Any) -> str:
    if call.status is None and call.error is None:
        return f"the worker that made the call was killed: {_NOBODY_KNOWS}"
    if call.error:
        return f"the call ended with {call.error}: {_NOBODY_KNOWS}"
    return f"the answer does not say what is billed: {_NOBODY_KNOWS}"


def _explain_cost(call: Any, pricer: Pricer) -> Sequence[str]:
    """What each unit costs at the prices that are known now, if they are those of the row."""
    tokens = Usage(*(getattr(call, name) for name in TOKEN_COUNTS))
    usage, billed = read_counts(tokens, json.loads(call.counts or "{}"))
    found = pricer.compute_cost(call.model, call.region or "", call.tier or "", usage, billed)
    if found.price is None:
        return [f"no price of {call.model} is known"] if call.cost is None else ["no price is known any more"]
    if found.total is None or to_nanodollars(found.total) != call.cost:
        now = "not known" if found.total is None else f"${found.total:f}"
        return [f"by the prices of that time; by those of now it is {now}"]
    price = found.price
    parts = [
        f"{unit} {found.counts[unit]} x ${price.units[unit]:f}{_name_size(UNITS[unit])} = ${part.normalize():f}"
        for unit, part in found.parts.items()
    ]
    return [*parts, f"by the price of {price.date}: {price.source}"]


def _name_size(size: int) -> str:
    return f" a {Decimal(size):,f}" if size > 1 else ""


def _write_dollars(nanodollars: int) -> str:
    return f"${to_dollars(nanodollars)}"


def _join(pairs: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in pairs.items()) or "-"


def _show(value: Any) -> str:
    return "-" if value is None else str(value)
