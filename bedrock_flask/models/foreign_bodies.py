"""Which family a body looks like that its model refuses, because it was sent to the wrong model."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bedrock_flask.adapter import PLUGIN_CRASHES, Adapter
from bedrock_flask.errors import FieldError
from bedrock_flask.models.registry import Registry

# Families that are named: more formats have a body as plain as one prompt.
_MOST_NAMED = 3
# Members that a body must share with a format that it does not fit: one alone may be a coincidence.
_LEAST_SHARED = 2


@dataclass(frozen=True)
class Likeness:
    """The families whose format a body has, or comes closest to, and its members that are theirs.

    missing   the members that the first of them requires beside these
    is_whole  whether the body has the format, with nothing wrong in it
    """

    families: tuple[str, ...]
    members: tuple[str, ...]
    missing: tuple[str, ...]
    is_whole: bool

    def describe(self) -> str:
        """The likeness as a sentence."""
        *first, last = [f"'{name}'" for name in self.families]
        names = f"{', '.join(first)}{' or ' if first else ''}{last}"
        if self.is_whole:
            return f"The body has the format of {names}."
        required = f", which also requires {', '.join(self.missing)}" if self.missing else ""
        return f"Its fields {', '.join(self.members)} fit the format of {names}{required}."


def find_likeness(registry: Registry, adapter: Adapter, body: Any, faults: Iterable[FieldError]) -> Likeness | None:
    """The likeness of a body to other families than the adapter's; None if it has none.

    There is none either if the adapter's own format has all of its members, and only their values are wrong, or only
    others are missing.
    """
    if not isinstance(body, dict) or not body or adapter.has_members(body):
        return None
    is_own = len(adapter.list_shared(body)) == len(body)
    if is_own and {fault.path for fault in faults} <= {*adapter.list_missing(body)}:
        return None
    others = [
        each for each in registry.adapters.values() if each.body is not adapter.body and each.name != adapter.name
    ]
    if whole := [each for each in others if each.has_members(body) and _fits(each, body)]:
        return _make_likeness(body, whole, is_whole=True)
    shared = {each.name: len(each.list_shared(body)) for each in (adapter, *others)}
    most = max(shared.values())
    if most < _LEAST_SHARED or most == shared[adapter.name]:
        return None
    near = [each for each in others if shared[each.name] == most]
    fewest = min(len(each.list_missing(body)) for each in near)
    return _make_likeness(body, [each for each in near if len(each.list_missing(body)) == fewest], is_whole=False)


def _make_likeness(body: Mapping[str, Any], adapters: list[Adapter], *, is_whole: bool) -> Likeness:
    ranked = sorted(adapters, key=_rank)
    return Likeness(
        families=tuple(each.name for each in ranked[:_MOST_NAMED]),
        members=tuple(ranked[0].list_shared(body)),
        missing=tuple(ranked[0].list_missing(body)),
        is_whole=is_whole,
    )


def _rank(adapter: Adapter) -> tuple[int, int, bool, str]:
    """The order of formats that a body fits: what requires most says most, then what has fewest members."""
    fields = adapter.schema.fields.values()
    return -sum(field.required for field in fields), len(fields), not adapter.is_common, adapter.name


def _fits(adapter: Adapter, body: Any) -> bool:
    try:
        return not adapter.find_faults(body)
    except PLUGIN_CRASHES:
        return False
