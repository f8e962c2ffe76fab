"""Claude by Anthropic: the native Messages format, and Converse."""

from collections.abc import Callable

from bedrock_flask.plugin import Adapter, Json, anthropic_body, hookimpl
from bedrock_flask_plugins.claude.capabilities import MODELS, SOURCES
from bedrock_flask_plugins.claude.known_models import KNOWN_MODELS

SAMPLE = {
    "anthropic_version": anthropic_body.VERSION,
    "max_tokens": 64,
    "system": "Be terse.",
    "messages": [{"role": "user", "content": [{"type": "text", "text": "What is 2+2?"}]}],
}


def limit_parallel_tools(parallel: bool, request: Json) -> Json:
    """Set whether several tools may be called in one turn, which is a member of Claude's tool_choice.

    Bedrock refuses a second `type` beside toolChoice (BerriAI/litellm#36536), and none without it (#32605).
    """
    config = request.get("toolConfig")
    if not config:
        return {}
    kind = {} if "toolChoice" in config else {"type": "auto"}
    choice = {**kind, "disable_parallel_tool_use": not parallel}
    return {"additionalModelRequestFields": {"tool_choice": choice}}


def request_long_context(wanted: bool, request: Json) -> Json:
    """Name the beta of the long context window."""
    return {"additionalModelRequestFields": {"anthropic_beta": ["context-1m-2025-08-07"]}}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="claude",
            description="Claude by Anthropic: text, images, documents, tools and reasoning in its Messages format.",
            body=anthropic_body.Body,
            rules=anthropic_body.RULES,
            speaks={"anthropic": "InvokeModel", "converse": "Converse"},
            models=MODELS,
            default="anthropic.claude-opus-4-6-v1",
            is_common=True,
            known_models=KNOWN_MODELS,
            sources=SOURCES,
            extras={
                "top_k": "additionalModelRequestFields.top_k",
                "thinking": "additionalModelRequestFields.thinking",
                "effort": "additionalModelRequestFields.output_config.effort",
                "parallel_tool_calls": limit_parallel_tools,
                "long_context": request_long_context,
            },
            sample=SAMPLE,
        )
    )
