"""Palmyra by Writer: legacy models, which some accounts still call."""

from collections.abc import Callable

from bedrock_flask.plugin import CHAT, ONE_REPORT, Adapter, Source, converse_body, hookimpl, sources

PALMYRA = CHAT.but(structured=False, strict_tools=False)
MODELS = {
    "writer.palmyra-*": PALMYRA,
    "writer.palmyra-vision*": PALMYRA.but(images=True, tools=False),
}

SOURCES = {
    **sources.CHAT,
    "images": [sources.CARDS],
    "video": [sources.CARDS],
    "audio": [sources.CARDS],
    "structured": [sources.UNLISTED],
    "strict_tools": [sources.UNLISTED],
    "tools": [
        Source(
            "Live call: refuses `toolConfig` (aws-samples/sample-apj-sup-sa#218)", ONE_REPORT, "writer.palmyra-vision*"
        ),
    ],
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="palmyra",
            description="Palmyra by Writer (legacy).",
            body=converse_body.Body,
            speaks={"converse": "Converse"},
            models=MODELS,
            default="writer.palmyra-x5-v1:0",
            sources=SOURCES,
            sample=converse_body.SAMPLE,
        )
    )
