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
    efforts=("low", "medium", "high"),
    effort_field="additionalModelRequestFields.reasoning_effort",
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
    "deepseek.v3.2": KnownModel(
        name="DeepSeek V3.2", regions=open_weights.REGIONS_OF_LARGE, context=163_840, output=81_920
    ),
}

_LANGCHAIN = "langchain-ai/langchain-aws#1261"
SOURCES = {
    **sources.CHAT,
    "surfaces": [sources.APIS, sources.PROBED_APIS],
    "images": [sources.CARDS],
    "video": [sources.CARDS],
    "audio": [sources.CARDS],
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

_MODEL = "deepseek.v3.2"


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="deepseek",
            description="DeepSeek V3.",
            provider="DeepSeek",
            body=invoke_chat_body.Body,
            answer=invoke_chat_body.Answer,
            speaks={"invoke_chat": "InvokeModel", "converse": "Converse"},
            models=MODELS,
            default=_MODEL,
            known_models=KNOWN_MODELS,
            sources=SOURCES,
            sample=invoke_chat_body.SAMPLE,
            reply=invoke_chat_body.make_reply("4", model=_MODEL, reasoning_content="A sum."),
            chunks=invoke_chat_body.make_chunks({"reasoning_content": "A sum."}, {"content": "4"}, model=_MODEL),
        )
    )
