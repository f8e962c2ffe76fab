"""MiniMax."""

from bedrock_flask_plugins.converse.any_model import READS
from bedrock_flask_plugins.converse.pages import CARDS, CHOICE, EFFORTS, STOPS, Sources, cite

MODELS = {
    "minimax.minimax-*": READS.but(
        stop_sequences=False,
        named_tools=False,
        efforts=("low", "medium", "high"),
        effort_field="additionalModelRequestFields.reasoning_effort",
    ),
}

_ALL = "minimax.minimax-*"
SOURCES: Sources = {
    "images": cite(CARDS, _ALL),
    "video": cite(CARDS, _ALL),
    "audio": cite(CARDS, _ALL),
    "named_tools": cite(CHOICE, _ALL),
    "stop_sequences": cite(STOPS, _ALL),
    "efforts": cite(EFFORTS, _ALL),
}
