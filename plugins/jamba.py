"""Jamba by AI21: legacy models, which some accounts still call."""

from collections.abc import Callable

from bedrock_flask.plugin import CHAT, Adapter, converse_body, hookimpl, sources

JAMBA = CHAT.but(structured=False, strict_tools=False, reasoning=False)
MODELS = {
    "ai21.jamba-1-5-*": JAMBA,
    "ai21.jamba-instruct-*": JAMBA.but(tools=False, documents=False),
}

_INSTRUCT = "ai21.jamba-instruct-*"
SOURCES = {
    **sources.CHAT,
    "images": [sources.CARDS],
    "video": [sources.CARDS],
    "audio": [sources.CARDS],
    "structured": [sources.UNLISTED],
    "strict_tools": [sources.UNLISTED],
    "reasoning": [sources.NOT_REASONING],
    "tools": sources.cite(sources.FEATURES, _INSTRUCT),
    "documents": sources.cite(sources.FEATURES, _INSTRUCT),
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="jamba",
            description="Jamba by AI21 (legacy).",
            body=converse_body.Body,
            speaks={"converse": "Converse"},
            models=MODELS,
            default="ai21.jamba-1-5-large-v1:0",
            sources=SOURCES,
            sample=converse_body.SAMPLE,
        )
    )
