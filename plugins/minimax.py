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
        efforts=("low", "medium", "high"),
        effort_field="additionalModelRequestFields.reasoning_effort",
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
    "images": sources.cite(sources.CARDS, _ALL),
    "video": sources.cite(sources.CARDS, _ALL),
    "audio": sources.cite(sources.CARDS, _ALL),
    "named_tools": sources.cite(sources.CHOICE, _ALL),
    "stop_sequences": sources.cite(sources.STOPS, _ALL),
    "efforts": sources.cite(sources.EFFORTS, _ALL),
}

_MODEL = "minimax.minimax-m2"


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="minimax",
            description="MiniMax.",
            provider="MiniMax",
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
