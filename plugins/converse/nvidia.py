"""Nemotron by NVIDIA."""

from bedrock_flask_plugins.converse.any_model import READS, SEES
from bedrock_flask_plugins.converse.pages import Sources, cards, choice

MODELS = {
    "nvidia.nemotron-*": READS.but(named_tools=False),
    "nvidia.nemotron-nano-12b-*": SEES.but(named_tools=False),
}

_ALL = "nvidia.nemotron-*"
SOURCES: Sources = {
    "images": cards(_ALL),
    "video": cards(_ALL),
    "audio": cards(_ALL),
    "named_tools": choice(_ALL),
}
