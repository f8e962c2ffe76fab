"""Qwen3."""

from bedrock_flask_plugins.converse.any_model import READS, SEES
from bedrock_flask_plugins.converse.pages import Sources, cards, choice, efforts, makers, stops

QWEN = READS.but(stop_sequences=False, named_tools=False)
MODELS = {
    "qwen.qwen3-*": QWEN,
    "qwen.qwen3-235b-*": QWEN.but(
        efforts=("low", "medium", "high"), effort_field="additionalModelRequestFields.reasoning_effort"
    ),
    "qwen.qwen3-coder-*": QWEN.but(reasoning=False),
    "qwen.qwen3-next-*": QWEN.but(reasoning=False),
    "qwen.qwen3-vl-*": SEES.but(stop_sequences=False, named_tools=False),
}

_ALL = "qwen.qwen3-*"
SOURCES: Sources = {
    "reasoning": [*makers("qwen.qwen3-coder-*"), *makers("qwen.qwen3-next-*")],
    "images": cards(_ALL),
    "video": cards(_ALL),
    "audio": cards(_ALL),
    "named_tools": choice(_ALL),
    "stop_sequences": stops(_ALL),
    "efforts": efforts("qwen.qwen3-235b-*"),
}
