"""Gemma by Google."""

from collections.abc import Callable

from bedrock_flask.plugin import CHAT, Adapter, converse_body, hookimpl, sources

GEMMA = CHAT.but(images=True, reasoning=False, stop_sequences=False, named_tools=False)
MODELS = {
    "google.gemma-3-*": GEMMA,
    "google.gemma-3-4b-*": GEMMA.but(structured=False, strict_tools=False),
}

_ALL, _4B = "google.gemma-3-*", "google.gemma-3-4b-*"
SOURCES = {
    **sources.CHAT,
    "reasoning": sources.cite(sources.NO_PROFILE_REASONS, _ALL),
    "video": sources.cite(sources.CARDS, _ALL),
    "audio": sources.cite(sources.CARDS, _ALL),
    "named_tools": sources.cite(sources.CHOICE, _ALL),
    "stop_sequences": sources.cite(sources.STOPS, _ALL),
    "structured": [*sources.cite(sources.LISTED, "google.gemma-3-*"), *sources.cite(sources.UNLISTED, _4B)],
    "strict_tools": sources.cite(sources.UNLISTED, _4B),
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="gemma",
            description="Gemma by Google.",
            body=converse_body.Body,
            speaks={"converse": "Converse"},
            models=MODELS,
            default="google.gemma-3-27b-it",
            sources=SOURCES,
            sample=converse_body.SAMPLE,
        )
    )
