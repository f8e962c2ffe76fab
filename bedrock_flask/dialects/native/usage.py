"""What a key has used and spent, for the key itself."""

from typing import Any

from bedrock_flask.dialects.native.query import read_members
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.response import Response, make_json_response
from bedrock_flask.errors import NotFound
from bedrock_flask.fields import Integer, List, Nested, Open, Schema, String
from bedrock_flask.governance.budgets import Budget, find_end, find_start, to_dollars
from bedrock_flask.governance.ledger_row import TOKEN_COUNTS
from bedrock_flask.governance.limits import ScopedLimits
from bedrock_flask.governance.principal import Principal
from bedrock_flask.governance.times import write_day, write_second
from bedrock_flask.governance.usage import OwnUsage, UsageSum, add_up

_DAYS, _DAY = 30, 86_400_000


class UsageQuery(Schema):
    """The query of `GET /v1/usage`."""

    days = Integer(min=1, max=366, description=f"The last UTC days, with today; default {_DAYS}.")


class Totals(Open):
    """What calls sum up to."""

    calls = Integer(required=True, description="Calls of Bedrock that have ended and are billed.")
    input_tokens = Integer(required=True)
    output_tokens = Integer(required=True)
    cache_read_tokens = Integer(required=True)
    cache_write_tokens = Integer(required=True)
    cost_usd = String(required=True, description="US dollars, exactly.")
    estimated = Integer(
        required=True, description="Calls whose cost is estimated, because nobody knows what is billed."
    )
    unpriced = Integer(required=True, description="Calls whose cost is not known, and not in the sum.")


class UsageEntry(Totals):
    """The calls of one model on one day."""

    day = String(required=True, description="The UTC day on which they began: `2026-12-31`.")
    model = String(required=True, description="The id that is billed.")


class BudgetEntry(Open):
    """A budget of the key, in the period of now."""

    period = String(required=True, one_of=("day", "week", "month"))
    ends_at = String(required=True, description="When the next period begins.")
    limit_usd = String(required=True)
    spent_usd = String(required=True)
    reserved_usd = String(required=True, description="For calls in progress.")
    left_usd = String(required=True)


class LimitEntry(Open):
    """Limits of the key, for all models or for some; null where there is no limit."""

    model = String(required=True, allow_none=True, description="A pattern of ids or an adapter; null: all models.")
    requests_a_minute = Integer(required=True, allow_none=True)
    tokens_a_minute = Integer(required=True, allow_none=True)
    calls_at_a_time = Integer(required=True, allow_none=True)


class Usage(Open):
    """What a key has used and spent. Budgets and limits of its team are not in it, because they are not its own."""

    object = String(required=True, one_of=("usage",))
    key = String(required=True)
    team = String(required=True, allow_none=True, description="Null for a static key.")
    since = String(required=True, description="The first day.")
    total = Nested(Totals, required=True)
    data = List(Nested(UsageEntry), required=True, description="By day and model, the oldest first.")
    budgets = List(Nested(BudgetEntry), required=True)
    limits = List(Nested(LimitEntry), required=True)


QUERY = UsageQuery()


def show_usage(exchange: Exchange) -> Response:
    """What the caller's key has used and spent."""
    governance, principal = exchange.state.governance, exchange.principal
    if governance is None:
        raise NotFound("This gateway has no database, so it keeps no usage.")
    days = read_members(exchange, QUERY).get("days", _DAYS)
    now = governance.ledger.find_time()
    since = find_start("day", now) - (days - 1) * _DAY
    return make_json_response(_describe(principal, since, now, governance.read_usage(principal, since, now)))


def _describe(principal: Principal, since: int, now: int, found: OwnUsage) -> dict[str, Any]:
    return {
        "object": "usage",
        "key": principal.key,
        "team": principal.team or None,
        "since": write_day(since),
        "total": _describe_sum(add_up(found.sums)),
        "data": [
            {"day": write_day(each.group[0]), "model": each.group[1], **_describe_sum(each)} for each in found.sums
        ],
        "budgets": [_describe_budget(*each, now) for each in found.spending],
        "limits": [_describe_limits(each) for each in principal.limits if each.scope == f"key:{principal.key}"],
    }


def _describe_sum(found: UsageSum) -> dict[str, Any]:
    return {
        "calls": found.calls,
        **dict(zip(TOKEN_COUNTS, found.tokens, strict=True)),
        "cost_usd": to_dollars(found.cost),
        "estimated": found.estimated,
        "unpriced": found.unpriced,
    }


def _describe_budget(budget: Budget, spent: int, reserved: int, now: int) -> dict[str, Any]:
    left = max(budget.limit - spent - reserved, 0)
    amounts = {"limit_usd": budget.limit, "spent_usd": spent, "reserved_usd": reserved, "left_usd": left}
    return {
        "period": budget.period,
        "ends_at": write_second(find_end(budget.period, find_start(budget.period, now))),
        **{name: to_dollars(amount) for name, amount in amounts.items()},
    }


def _describe_limits(scoped: ScopedLimits) -> dict[str, Any]:
    limits = scoped.limits
    return {
        "model": scoped.model or None,
        "requests_a_minute": limits.requests,
        "tokens_a_minute": limits.tokens,
        "calls_at_a_time": limits.calls,
    }
