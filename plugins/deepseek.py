"""DeepSeek V3: OpenAI's Chat Completions in InvokeModel."""

from collections.abc import Callable

from bedrock_flask.plugin import (
    CHAT,
    MEASURED,
    Adapter,
    KnownModel,
    Source,
    hookimpl,
    invoke_chat_body,
    open_weights,
    sources,
)

V3 = CHAT.but(
    stop_sequences=False,
    named_tools=False,
    **open_weights.EFFORTS,
    surfaces=open_weights.SURFACES,
)
MODELS = {
    "deepseek.v3*": V3,
    "deepseek.v3-*": V3.but(surfaces=open_weights.RUNTIME),
    # The id of V3.1 at bedrock-mantle.
    "deepseek.v3.1*": V3.but(surfaces=open_weights.MANTLE),
}
# Source of the limits: anomalyco/models.dev of July 2026.
KNOWN_MODELS = {
    "deepseek.v3-v1:0": KnownModel(
        name="DeepSeek-V3.1", regions=open_weights.REGIONS_OF_2025, context=163_840, output=81_920
    ),
    # The id of bedrock-mantle.
    "deepseek.v3.1": KnownModel(name="DeepSeek-V3.1", context=163_840, output=81_920),
    "deepseek.v3.2": KnownModel(
        name="DeepSeek V3.2", regions=open_weights.REGIONS_OF_LARGE, context=163_840, output=81_920
    ),
}

_LANGCHAIN = "langchain-ai/langchain-aws#1261"
SOURCES = {
    **sources.CHAT,
    "surfaces": [sources.APIS, sources.PROBED_APIS],
    **sources.MODALITIES,
    "named_tools": [
        Source(f"Live calls: Converse accepts a named tool, and the model does not obey ({_LANGCHAIN})", MEASURED)
    ],
    "stop_sequences": [sources.STOPS],
    "structured": [sources.LISTED],
    "efforts": [
        sources.EFFORTS,
        Source(f"Live calls: the effort `high` makes V3.1 and V3.2 reason ({_LANGCHAIN})", MEASURED),
    ],
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        invoke_chat_body.make_adapter(
            name="deepseek",
            description="DeepSeek V3.",
            provider="DeepSeek",
            models=MODELS,
            default="deepseek.v3.2",
            known_models=KNOWN_MODELS,
            sources=SOURCES,
            reasoning="member",
        )
    )
