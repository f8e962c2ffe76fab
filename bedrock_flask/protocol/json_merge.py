"""JSON Merge Patch (RFC 7396)."""

from typing import Any


def merge(document: Any, patch: Any) -> Any:
    """The document after a patch: null removes a member, an object changes one, anything else replaces it."""
    if not isinstance(patch, dict):
        return patch
    merged = {**document} if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged
