"""Nemotron by NVIDIA."""

from bedrock_flask.plugin import ONE_REPORT, Source
from bedrock_flask_plugins.converse.any_model import READS, SEES
from bedrock_flask_plugins.converse.pages import Sources, cards, choice

MODELS = {
    "nvidia.nemotron-*": READS.but(named_tools=False, empty_results="refused"),
    "nvidia.nemotron-nano-12b-*": SEES.but(named_tools=False, empty_results="refused"),
}

_ALL = "nvidia.nemotron-*"
SOURCES: Sources = {
    "images": cards(_ALL),
    "video": cards(_ALL),
    "audio": cards(_ALL),
    "named_tools": choice(_ALL),
    "empty_results": [
        Source(
            "Refused by Nemotron (strands-agents/harness-sdk#2122, with a program); a blank text is refused as well "
            "(NousResearch/hermes-agent#67978)",
            ONE_REPORT,
            _ALL,
        )
    ],
}
