"""What a model can do, in the form of Anthropic's list of models.

Source: `ModelCapabilities` in the types of Anthropic's SDK for Python 2.12.
"""

from typing import Any

from bedrock_flask.capabilities import Capabilities

# The header that every SDK of Anthropic's sends.
ANTHROPIC_VERSION = "anthropic-version"

# The types of thinking that each value of the capability `thinking` stands for.
_TYPES = {"budget": ("enabled",), "either": ("enabled", "adaptive"), "adaptive": ("adaptive",)}


_EFFORTS = ("low", "medium", "high")


def describe_capabilities(can: Capabilities) -> dict[str, Any]:
    """The capabilities of a model; what Bedrock has no counterpart for, or what is not known, is not supported."""
    types = _TYPES.get(can.thinking, ())
    # A model that reasons with a budget gets one for an effort.
    efforts = can.efforts or (_EFFORTS if can.thinking else ())
    off = ["disabled"] if can.thinking_off in ("absent", "disabled") else []
    # A model that reasons with a budget has no efforts, unless they are known.
    unknown = ("low", "medium", "high") if can.reasoning and can.thinking != "budget" else ()
    efforts = can.efforts or unknown
    off += ["between_tools"] if can.thinking_off == "between_tools" else []
    return {
        "batch": _support(False),
        "citations": _support(can.documents),
        "code_execution": _support(False),
        "context_management": {"supported": False},
        "effort": {
            "supported": bool(efforts),
            **{name: _support(name in efforts) for name in ("low", "medium", "high", "xhigh", "max")},
        },
        "image_input": _support(can.images),
        "pdf_input": _support(can.documents),
        "server_tools": {
            "supported": False,
            "web_search": _support(False),
            "code_execution": _support(False),
        },
        # Without it, a forced tool gives an answer in JSON.
        "structured_outputs": _support(can.structured or (can.tools and can.forced_tools)),
        "thinking": {
            "supported": bool(types),
            "types": {
                name: _support(name in (*types, *off)) for name in ("adaptive", "enabled", "disabled", "between_tools")
            },
        },
    }


def _support(supported: bool) -> dict[str, bool]:
    return {"supported": supported}
