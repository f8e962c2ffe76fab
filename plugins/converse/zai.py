"""GLM by Z.ai."""

from bedrock_flask_plugins.converse.any_model import READS
from bedrock_flask_plugins.converse.pages import Sources, cards, choice, efforts, stops

GLM = READS.but(
    stop_sequences=False,
    named_tools=False,
    efforts=("low", "medium", "high"),
    effort_field="additionalModelRequestFields.reasoning_effort",
)
MODELS = {
    "zai.glm-*": GLM,
    "zai.glm-5.3*": GLM.but(named_tools=True, efforts=("low", "high", "max")),
}

_ALL = "zai.glm-*"
SOURCES: Sources = {
    "images": cards(_ALL),
    "video": cards(_ALL),
    "audio": cards(_ALL),
    "named_tools": choice(_ALL),
    "stop_sequences": stops(_ALL),
    "efforts": efforts(_ALL),
}
