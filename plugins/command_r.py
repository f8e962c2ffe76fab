"""Command R by Cohere: legacy models, which some accounts still call."""

from collections.abc import Callable

from bedrock_flask.plugin import CHAT, Adapter, converse_body, hookimpl, sources

MODELS = {"cohere.command-r*": CHAT.but(structured=False, strict_tools=False, reasoning=False)}

SOURCES = {
    **sources.CHAT,
    "images": [sources.CARDS],
    "video": [sources.CARDS],
    "audio": [sources.CARDS],
    "structured": [sources.UNLISTED],
    "strict_tools": [sources.UNLISTED],
    "reasoning": [sources.NOT_REASONING],
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="command-r",
            description="Command R and R+ by Cohere (legacy).",
            body=converse_body.Body,
            speaks={"converse": "Converse"},
            models=MODELS,
            default="cohere.command-r-plus-v1:0",
            sources=SOURCES,
            sample=converse_body.SAMPLE,
        )
    )
