"""Qwen3."""

from bedrock_flask.plugin import ONE_REPORT, Source
from bedrock_flask_plugins.converse.any_model import READS, SEES
from bedrock_flask_plugins.converse.pages import CARDS, CHOICE, EFFORTS, NO_PROFILE_REASONS, STOPS, Sources, cite

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
    "reasoning": [
        *cite(NO_PROFILE_REASONS, "qwen.qwen3-coder-*", "qwen.qwen3-next-*"),
        Source(
            "Live: Qwen3 Coder 480B refuses the field `thinking` (agno-agi/agno#5686). models.dev itself has reasoning "
            "for Qwen3 Coder Next",
            ONE_REPORT,
            "qwen.qwen3-coder-*",
        ),
    ],
    "images": cite(CARDS, _ALL),
    "video": cite(CARDS, _ALL),
    "audio": cite(CARDS, _ALL),
    "named_tools": cite(CHOICE, _ALL),
    "stop_sequences": cite(STOPS, _ALL),
    "efforts": cite(EFFORTS, "qwen.qwen3-235b-*"),
}
