"""Titan Text by Amazon: legacy models, which some accounts still call."""

from collections.abc import Callable

from bedrock_flask.plugin import CHAT, MEASURED, ONE_REPORT, Adapter, Source, converse_body, hookimpl, sources

TITAN = CHAT.but(structured=False, strict_tools=False, reasoning=False, system=False, tools=False)
MODELS = {
    "amazon.titan-text-*": TITAN,
    "amazon.titan-text-premier-*": TITAN.but(documents=False, most_tokens=3000),
}

_ALL, _PREMIER = "amazon.titan-text-*", "amazon.titan-text-premier-*"
SOURCES = {
    **sources.CHAT,
    "images": sources.cite(sources.CARDS, _ALL),
    "video": sources.cite(sources.CARDS, _ALL),
    "audio": sources.cite(sources.CARDS, _ALL),
    "structured": sources.cite(sources.UNLISTED, _ALL),
    "strict_tools": sources.cite(sources.UNLISTED, _ALL),
    "system": [
        *sources.cite(sources.FEATURES, _ALL),
        Source("Live calls: This model doesn't support system messages (earendil-works/pi)", MEASURED, _ALL),
    ],
    "reasoning": sources.cite(sources.NOT_REASONING, _ALL),
    "tools": sources.cite(sources.FEATURES, _ALL),
    "most_tokens": [
        Source(
            "Live call: exceeds the model limit of 3000 (aws-samples/generative-ai-use-cases#594)",
            ONE_REPORT,
            _PREMIER,
        )
    ],
    "documents": sources.cite(sources.FEATURES, _PREMIER),
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="titan-text",
            description="Titan Text by Amazon (legacy).",
            body=converse_body.Body,
            speaks={"converse": "Converse"},
            models=MODELS,
            default="amazon.titan-text-express-v1",
            sources=SOURCES,
            sample=converse_body.SAMPLE,
        )
    )
