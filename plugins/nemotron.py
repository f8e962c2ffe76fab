"""Nemotron by NVIDIA."""

from collections.abc import Callable

from bedrock_flask.plugin import CHAT, ONE_REPORT, Adapter, Source, converse_body, hookimpl, sources

MODELS = {
    "nvidia.nemotron-*": CHAT.but(named_tools=False, empty_results="refused"),
    "nvidia.nemotron-nano-12b-*": CHAT.but(images=True, named_tools=False, empty_results="refused"),
}

_ALL = "nvidia.nemotron-*"
SOURCES = {
    **sources.CHAT,
    "structured": sources.cite(sources.LISTED, "nvidia.nemotron-*"),
    "images": sources.cite(sources.CARDS, _ALL),
    "video": sources.cite(sources.CARDS, _ALL),
    "audio": sources.cite(sources.CARDS, _ALL),
    "named_tools": sources.cite(sources.CHOICE, _ALL),
    "empty_results": [
        Source(
            "Refused by Nemotron (strands-agents/harness-sdk#2122, with a program); a blank text is refused as well "
            "(NousResearch/hermes-agent#67978)",
            ONE_REPORT,
            _ALL,
        )
    ],
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="nemotron",
            description="Nemotron by NVIDIA.",
            body=converse_body.Body,
            speaks={"converse": "Converse"},
            models=MODELS,
            default="nvidia.nemotron-nano-3-30b",
            sources=SOURCES,
            sample=converse_body.SAMPLE,
        )
    )
