"""Usage over the admin API: who has used and spent how much, from what each day sums up to."""

import time
from typing import Any

from bedrock_flask.admin.route import AdminRequest, Answer
from bedrock_flask.governance.budgets import to_dollars
from bedrock_flask.governance.ledger_row import TOKEN_COUNTS
from bedrock_flask.governance.store.usage import sum_usage
from bedrock_flask.governance.times import write_day
from bedrock_flask.governance.usage import UsageSum

_MONTH = 30 * 86_400_000


def show_usage(request: AdminRequest) -> Answer:
    """The usage of what the operator may see, by what the query names."""
    query = request.query
    groups = query.get("by", ("team",))
    since = query.get("since", int(time.time() * 1000) - _MONTH)
    only = {name: query[name] for name in ("team", "key", "model") if name in query} | dict(query.get("tag", ()))
    found = sum_usage(request.directory.connection, groups, since, only, request.list_visible())
    return Answer({"usage": [_describe(groups, each) for each in found]})


def _describe(groups: tuple[str, ...], found: UsageSum) -> dict[str, Any]:
    values = {
        name: write_day(value) if name == "day" else value for name, value in zip(groups, found.group, strict=True)
    }
    tokens = dict(zip(TOKEN_COUNTS, found.tokens, strict=True))
    rest = {"cost_usd": to_dollars(found.cost), "estimated": found.estimated, "unpriced": found.unpriced}
    return {"group": values, "calls": found.calls, **tokens, **rest}
