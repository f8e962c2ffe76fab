"""What of a Messages body asks for what happens anyway."""

from typing import Any


def asks_for_nothing(name: str, value: Any) -> bool:
    """Whether a member asks for what happens anyway; null does."""
    return value is None or value in _NEUTRAL.get(name, ())


_KEEPS_ALL = ("all", {"type": "all"})
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "allowed_callers": (["direct"],),
    "billing_policy": ({"type": "billing_policy"}, {"type": "billing_policy", "bill_to": "self"}),
    "caller": ({"type": "direct"},),
    "citations": ([],),
    "clear_at": ("never",),
    # Claude Code's: nothing is cleared.
    "context_management": (
        *({}, {"edits": []}),
        *({"edits": [{"type": "clear_thinking_20251015", "keep": keep}]} for keep in _KEEPS_ALL),
    ),
    "defer_loading": (False,),
    "eager_input_streaming": (False,),
    "fallbacks": ([],),
    "input_examples": ([],),
    "mcp_servers": ([],),
    "safeguards": ([],),
    "service_tier": ("auto",),
    "speed": ("standard",),
    "tool_changes": ([],),
}
