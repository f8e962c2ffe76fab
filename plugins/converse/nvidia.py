"""Nemotron by NVIDIA."""

from bedrock_flask.plugin import ONE_REPORT, Source
from bedrock_flask_plugins.converse.any_model import READS, SEES
from bedrock_flask_plugins.converse.pages import CARDS, CHOICE, Sources, cite

MODELS = {
    "nvidia.nemotron-*": READS.but(named_tools=False, empty_results="refused"),
    "nvidia.nemotron-nano-12b-*": SEES.but(named_tools=False, empty_results="refused"),
}

_ALL = "nvidia.nemotron-*"
SOURCES: Sources = {
    "images": cite(CARDS, _ALL),
    "video": cite(CARDS, _ALL),
    "audio": cite(CARDS, _ALL),
    "named_tools": cite(CHOICE, _ALL),
    "empty_results": [
        Source(
            "Refused by Nemotron (strands-agents/harness-sdk#2122, with a program); a blank text is refused as well "
            "(NousResearch/hermes-agent#67978)",
            ONE_REPORT,
            _ALL,
        )
    ],
}
