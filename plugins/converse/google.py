"""Gemma by Google."""

from bedrock_flask_plugins.converse.any_model import SEES
from bedrock_flask_plugins.converse.pages import CARDS, CHOICE, NO_PROFILE_REASONS, STOPS, UNLISTED, Sources, cite

GEMMA = SEES.but(reasoning=False, stop_sequences=False, named_tools=False)
MODELS = {
    "google.gemma-3-*": GEMMA,
    "google.gemma-3-4b-*": GEMMA.but(structured=False, strict_tools=False),
}

_ALL, _4B = "google.gemma-3-*", "google.gemma-3-4b-*"
SOURCES: Sources = {
    "reasoning": cite(NO_PROFILE_REASONS, _ALL),
    "video": cite(CARDS, _ALL),
    "audio": cite(CARDS, _ALL),
    "named_tools": cite(CHOICE, _ALL),
    "stop_sequences": cite(STOPS, _ALL),
    "structured": cite(UNLISTED, _4B),
    "strict_tools": cite(UNLISTED, _4B),
}
