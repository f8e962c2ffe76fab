"""Which family a body looks like that its model refuses, because it was sent to the wrong model."""

from typing import Any

from bedrock_flask.adapter import PLUGIN_CRASHES, Adapter
from bedrock_flask.models.registry import Registry

# Families that are named: more formats have a body as plain as one prompt.
_MOST_NAMED = 3


def describe_foreign_body(registry: Registry, adapter: Adapter, body: Any) -> str:
    """A sentence that names the families whose format a body has, or empty if it has that of none.

    It is empty too if the body has the members of the adapter's own format, and only their values are wrong.
    """
    if not isinstance(body, dict) or not body or adapter.has_members(body):
        return ""
    others = (each for each in registry.adapters.values() if each.body is not adapter.body)
    names = [each.name for each in others if each.has_members(body) and _fits(each, body)]
    if not names:
        return ""
    *first, last = [f"'{name}'" for name in names[:_MOST_NAMED]]
    return f"The body has the format of {', '.join(first)}{' or ' if first else ''}{last}."


def _fits(adapter: Adapter, body: Any) -> bool:
    try:
        return not adapter.find_faults(body)
    except PLUGIN_CRASHES:
        return False
