"""The extras of a request, which Converse cannot say: one member, by canonical names."""

from typing import Any

from bedrock_flask.converse import Request, member
from bedrock_flask.translation.repairs.blocks import without


def extra(request: Request, name: str) -> Any:
    """One extra, or None."""
    return member(request, "extras", name)


def with_extras(request: Request, **changes: Any) -> Request:
    """The request with some extras changed; None takes one out."""
    before = request.get("extras") or {}
    after = {name: value for name, value in {**before, **changes}.items() if value is not None or name not in changes}
    if after == before:
        return request
    return {**request, "extras": after} if after else without(request, "extras")
