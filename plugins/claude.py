"""Claude by Anthropic: the native Messages body, and Converse."""

from collections.abc import Callable

from bedrock_flask.plugin import Adapter, Capabilities, anthropic_body, hookimpl

SEES = Capabilities(tools=True, system=True, images=True, documents=True)
CACHES = SEES.but(cache=True)
REASONS = CACHES.but(reasoning=True)

MODELS = {
    "anthropic.claude-3-*": SEES,
    "anthropic.claude-3-5-haiku-*": CACHES,
    "anthropic.claude-3-5-sonnet-20241022-*": CACHES,
    "anthropic.claude-3-7-*": REASONS,
    "anthropic.claude-opus-*": REASONS,
    "anthropic.claude-sonnet-*": REASONS,
    "anthropic.claude-haiku-*": REASONS,
    "anthropic.claude-fable-*": REASONS,
    # A name that Anthropic has not used yet: as able as the newest.
    "anthropic.claude-*": REASONS,
}

SAMPLE = {
    "anthropic_version": anthropic_body.VERSION,
    "max_tokens": 64,
    "system": "Be terse.",
    "messages": [{"role": "user", "content": [{"type": "text", "text": "What is 2+2?"}]}],
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="claude",
            description="Claude by Anthropic: text, images, documents, tools and reasoning in its Messages body.",
            body=anthropic_body.Body,
            rules=anthropic_body.RULES,
            speaks={"anthropic": "InvokeModel", "converse": "Converse"},
            models=MODELS,
            default="anthropic.claude-opus-4-6-v1",
            extras={
                "top_k": "additionalModelRequestFields.top_k",
                "thinking": "additionalModelRequestFields.thinking",
                "effort": "additionalModelRequestFields.output_config.effort",
            },
            sample=SAMPLE,
        )
    )
