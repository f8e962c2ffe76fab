"""MiniMax: OpenAI's Chat Completions in InvokeModel."""

from collections.abc import Callable

from bedrock_flask.plugin import (
    CHAT,
    ONE_REPORT,
    Adapter,
    KnownModel,
    Source,
    hookimpl,
    invoke_chat_body,
    open_weights,
    sources,
)

MODELS = {
    "minimax.minimax-*": CHAT.but(
        stop_sequences=False,
        named_tools=False,
        **open_weights.EFFORTS,
        surfaces=open_weights.SURFACES,
    ),
}
# Source of the limits: anomalyco/models.dev of July 2026.
KNOWN_MODELS = {
    "minimax.minimax-m2": KnownModel(name="MiniMax M2", regions=open_weights.REGIONS, context=204_608, output=128_000),
    "minimax.minimax-m2.1": KnownModel(
        name="MiniMax M2.1", regions=open_weights.MORE_REGIONS, context=204_800, output=131_072
    ),
    "minimax.minimax-m2.5": KnownModel(
        name="MiniMax M2.5", regions=open_weights.MORE_REGIONS, context=196_608, output=98_304
    ),
}

_ALL = "minimax.minimax-*"
SOURCES = {
    **sources.CHAT,
    "surfaces": [sources.APIS, sources.PROBED_APIS],
    "structured": [
        *sources.cite(sources.LISTED, "minimax.minimax-*"),
        Source("anomalyco/models.dev says no, AWS's list has MiniMax M2", ONE_REPORT),
    ],
    **sources.MODALITIES,
    "named_tools": sources.cite(sources.CHOICE, _ALL),
    "stop_sequences": sources.cite(sources.STOPS, _ALL),
    "efforts": sources.cite(sources.EFFORTS, _ALL),
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        invoke_chat_body.make_adapter(
            name="minimax",
            description="MiniMax.",
            provider="MiniMax",
            models=MODELS,
            default="minimax.minimax-m2",
            known_models=KNOWN_MODELS,
            sources=SOURCES,
            reasoning="member",
        )
    )
