"""Gemma by Google."""

from bedrock_flask_plugins.converse.any_model import SEES
from bedrock_flask_plugins.converse.pages import Sources, cards, choice, makers, stops, unstructured

GEMMA = SEES.but(reasoning=False, stop_sequences=False, named_tools=False)
MODELS = {
    "google.gemma-3-*": GEMMA,
    "google.gemma-3-4b-*": GEMMA.but(structured=False, strict_tools=False),
}

_ALL, _4B = "google.gemma-3-*", "google.gemma-3-4b-*"
SOURCES: Sources = {
    "reasoning": makers(_ALL),
    "video": cards(_ALL),
    "audio": cards(_ALL),
    "named_tools": choice(_ALL),
    "stop_sequences": stops(_ALL),
    "structured": unstructured(_4B),
    "strict_tools": unstructured(_4B),
}
