"""MiniMax."""

from collections.abc import Callable

from bedrock_flask.plugin import CHAT, ONE_REPORT, Adapter, Source, converse_body, hookimpl, sources

MODELS = {
    "minimax.minimax-*": CHAT.but(
        stop_sequences=False,
        named_tools=False,
        efforts=("low", "medium", "high"),
        effort_field="additionalModelRequestFields.reasoning_effort",
    ),
}

_ALL = "minimax.minimax-*"
SOURCES = {
    **sources.CHAT,
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


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="minimax",
            description="MiniMax.",
            body=converse_body.Body,
            speaks={"converse": "Converse"},
            models=MODELS,
            default="minimax.minimax-m2",
            sources=SOURCES,
            sample=converse_body.SAMPLE,
        )
    )
