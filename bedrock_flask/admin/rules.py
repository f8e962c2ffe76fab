"""The rules of a team or a key, changed by a JSON Merge Patch: what it does not name stays as it is."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bedrock_flask.protocol.json_merge import merge

if TYPE_CHECKING:
    from bedrock_flask.governance.store.directory import Directory


def change_rules(directory: "Directory", scope: str, current: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Change those of `team:NAME` or `key:TEAM/NAME`, which has the rules `current` now."""
    from bedrock_flask.governance.store.views import read_budget_rows

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
