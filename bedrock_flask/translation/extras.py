"""Extras, which Converse has no member for: the one place that decides where each goes, or that it is refused."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from bedrock_flask.adapter import Adapter, ExtraTarget, isolate_plugin_errors
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, member, merge
from bedrock_flask.errors import FieldError, InvalidBody, RefusedSafeguard, Unsupported, join_errors
from bedrock_flask.models.models_file import DROP, ERROR
from bedrock_flask.translation.repairs.request_parts import remove_member

# Extras that only a model with this capability takes, whatever its family's table says.
NEEDS = MappingProxyType({"effort": "reasoning", "thinking": "reasoning"})
# The effort of a caller who wants no reasoning.
NO_EFFORT = "none"
# Extras whose place is a capability, because it differs within a family.
PLACED_BY = MappingProxyType({"effort": "effort_field"})
# Extras that are never dropped, and what to send instead: where inference may run, what is moderated, the tools.
_OLD_TOOLS = "send tools and tool_choice, which replace it"
SAFEGUARDS = MappingProxyType(
    {
        "inference_geo": "choose the region with an alias or an inference profile",
        "moderation": "name a guardrail in guardrailConfig",
        "functions": _OLD_TOOLS,
        "function_call": _OLD_TOOLS,
    }
)


def place_extras(
    request: Request,
    adapter: Adapter,
    capabilities: Capabilities,
    *,
    model: str = "",
    hints: Collection[str] = (),
    policy: str = ERROR,
) -> tuple[Request, tuple[str, ...]]:
    """The request with each extra where the adapter's table puts it, and the names of the extras that were dropped.

    Hints that the model does not take are dropped. Any other extra that it does not take is Unsupported, and a value
    that the adapter's function refuses with a ValueError is an InvalidBody, unless the policy is DROP. A safeguard that
    it does not take is a RefusedSafeguard. All faults are in one error.
    """
    extras: Mapping[str, Any] = request.get("extras") or {}
    if not extras:
        return (remove_member(request, "extras") if "extras" in request else request), ()
    rest = {name: value for name, value in request.items() if name != "extras"}
    # In the caller's order, and found at once: there may be thousands.
    dropped = dict.fromkeys(name for name in extras if not _is_accepted(adapter, capabilities, name))
    errors: list[InvalidBody] = []
    lost = [name for name in dropped if name in SAFEGUARDS]
    if lost:
        errors.append(RefusedSafeguard([explain_safeguard(name, model) for name in lost]))
    refused = [name for name in dropped if name not in SAFEGUARDS and not _is_hint(name, extras, hints)]
    if policy != DROP and refused:
        errors.append(Unsupported([FieldError(name, _explain_unsupported(extras[name], model)) for name in refused]))
    for name, value in extras.items():
        if name in dropped:
            continue
        try:
            rest = merge(rest, _place(_find_place(adapter, capabilities, name), adapter, name, value, rest))
        except InvalidBody as error:
            if policy != DROP:
                errors.append(error)
            dropped[name] = None
    if errors:
        raise join_errors(errors)
    return rest, tuple(dropped)


def _is_hint(name: str, extras: Mapping[str, Any], hints: Collection[str]) -> bool:
    """Whether an extra changes no promise; so does the wish for no reasoning, of a model without a known switch."""
    return name in hints or (name == "effort" and extras[name] == NO_EFFORT)


def explain_safeguard(name: str, model: str) -> FieldError:
    """The fault of a request with a safeguard that the model cannot take."""
    return FieldError(name, f"'{model}' cannot take this, and it is never dropped: {SAFEGUARDS[name]}")


def _explain_unsupported(value: Any, model: str) -> str:
    """What is wrong with an extra; a tool, an item or a block by its type, for which its sender can search."""
    kind = member(value, "type")
    named = f" ('{kind[:100]}')" if isinstance(kind, str) else ""
    return f"'{model}' cannot take this{named}"


def _is_accepted(adapter: Adapter, capabilities: Capabilities, name: str) -> bool:
    is_able = name not in NEEDS or bool(getattr(capabilities, NEEDS[name]))
    return is_able and _find_place(adapter, capabilities, name) is not None


def _find_place(adapter: Adapter, capabilities: Capabilities, name: str) -> ExtraTarget | None:
    by_model = getattr(capabilities, PLACED_BY[name]) if name in PLACED_BY else ""
    return by_model or adapter.extras.get(name)


def _place(place: ExtraTarget | None, adapter: Adapter, name: str, value: Any, request: Request) -> Json:
    """The members of a Converse request that carry an extra."""
    if callable(place):
        with isolate_plugin_errors(adapter):
            try:
                return place(value, request)
            except ValueError as error:
                # This is how an adapter refuses a value.
                raise InvalidBody([FieldError(name, str(error))]) from None
    for step in reversed((place or name).split(".")):
        value = {step: value}
    return dict(value)
