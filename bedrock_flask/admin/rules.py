"""The rules of a team or a key, changed by a JSON Merge Patch: what it does not name stays as it is."""

from collections.abc import Mapping
from typing import Any

from bedrock_flask.admin.route import AdminRequest
from bedrock_flask.errors import OperatorForbidden
from bedrock_flask.governance.operator import may_everywhere
from bedrock_flask.governance.policy_form import OF_CALLERS
from bedrock_flask.protocol.json_merge import merge


def change_rules(request: AdminRequest, scope: str, current: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Change those of `team:NAME` or `key:TEAM/NAME`, which has the rules `current` now."""
    from bedrock_flask.governance.store.views import read_budget_rows

    directory = request.directory
    if "policy" in changes:
        _check_identity(request, current["policy"], merge(current["policy"], changes["policy"]) or {})
    writers = {
        "policy": directory.set_policy,
        "limits": directory.replace_limits,
        "budgets": lambda scope, budgets: directory.replace_budgets(scope, read_budget_rows(budgets)),
        "tags": directory.set_tags,
    }
    for name, write in writers.items():
        merged = merge(current[name], changes[name]) or {} if name in changes else current[name]
        if merged != current[name]:
            write(scope, merged)


def _check_identity(request: AdminRequest, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Raise OperatorForbidden if an owner of teams changes the AWS role of calls: it could be that of other teams."""
    changed = [name for name in OF_CALLERS if before.get(name) != after.get(name)]
    if changed and not may_everywhere(request.operator, request.right):
        raise OperatorForbidden(
            f"Only an administrator changes {changed[0]}, because AWS allows and bills calls by it."
        )
