"""Tools in Chat Completions: newer models of OpenAI's take none there while they reason, and refer to Responses."""

from typing import Any

_NO_EFFORT = "none"


def takes_tools(rule: str, effort: Any) -> bool:
    """Whether a chat completion with this `reasoning_effort`, or with None, may have tools; `rule` is `tools_in_chat`.

    `no_effort`: without any effort, or with `none`; `none`: with `none` alone, because the model reasons by default.
    """
    return rule == "any" or effort == _NO_EFFORT or (rule == "no_effort" and effort is None)
