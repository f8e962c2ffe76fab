"""GLM by Z.ai: OpenAI's Chat Completions in InvokeModel."""

from collections.abc import Callable

from bedrock_flask.plugin import (
    CHAT,
    DOCUMENTED,
    Adapter,
    KnownModel,
    Source,
    hookimpl,
    invoke_chat_body,
    open_weights,
    sources,
)

GLM = CHAT.but(
    stop_sequences=False,
    named_tools=False,
    **open_weights.EFFORTS,
    surfaces=open_weights.SURFACES,
)
MODELS = {
    "zai.glm-*": GLM,
    "zai.glm-4.6*": GLM.but(surfaces=open_weights.MANTLE),
    "zai.glm-5.3*": GLM.but(
        named_tools=True,
        efforts=("low", "high", "max"),
        surfaces=(*open_weights.RUNTIME, "runtime/responses"),
    ),
}
# Sources of the limits: the cards of GLM 4.7 Flash and GLM 5.3; anomalyco/models.dev of July 2026 for the others.
KNOWN_MODELS = {
    "zai.glm-4.7": KnownModel(name="GLM 4.7", regions=open_weights.REGIONS_OF_LARGE, context=204_800, output=131_072),
    "zai.glm-4.7-flash": KnownModel(
        name="GLM 4.7 Flash", regions=open_weights.MORE_REGIONS, context=203_000, output=4_096
    ),
    "zai.glm-5": KnownModel(name="GLM 5", regions=open_weights.REGIONS_OF_LARGE, context=202_752, output=101_376),
    "zai.glm-5.3": KnownModel(
        name="GLM 5.3", profiles=("us", "global"), on_demand=False, context=1_000_000, output=128_000
    ),
}

_ALL = "zai.glm-*"
SOURCES = {
    **sources.CHAT,
    "surfaces": [
        *sources.cite(sources.APIS, _ALL),
        Source("AWS, Introducing GLM 5.3 on Amazon Bedrock (5 October 2026)", DOCUMENTED, "zai.glm-5.3*"),
    ],
    "structured": sources.cite(sources.MODELS_DEV, "zai.glm-*"),
    **sources.MODALITIES,
    "named_tools": sources.cite(sources.CHOICE, _ALL),
    "stop_sequences": sources.cite(sources.STOPS, _ALL),
    "efforts": sources.cite(sources.EFFORTS, _ALL),
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        invoke_chat_body.make_adapter(
            name="glm",
            description="GLM by Z.ai.",
            provider="Z.AI",
            models=MODELS,
            default="zai.glm-5",
            known_models=KNOWN_MODELS,
            sources=SOURCES,
            reasoning="member",
        )
    )
