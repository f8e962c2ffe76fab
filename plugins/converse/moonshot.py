"""Kimi by Moonshot AI, whose ids begin with `moonshot.` or `moonshotai.`."""

from bedrock_flask.plugin import MEASURED, ONE_REPORT, Source
from bedrock_flask_plugins.converse.any_model import READS, SEES
from bedrock_flask_plugins.converse.pages import CARDS, CHOICE, EFFORTS, STOPS, Sources, cite

_SHARED = {"stop_sequences": False, "named_tools": False}
_EFFORTS = {
    "efforts": ("low", "medium", "high"),
    "effort_field": "additionalModelRequestFields.reasoning_effort",
}
MODELS = {
    "moonshot.kimi-*": READS.but(**_SHARED, **_EFFORTS),
    "moonshotai.kimi-*": SEES.but(**_SHARED, **_EFFORTS, documents=False),
    # It accepts `reasoning_effort` and ignores it, so no effort can be set.
    "moonshotai.kimi-k3*": SEES.but(**_SHARED, documents=False, sampling="none"),
}

_ALL, _AI = "moonshot*", "moonshotai.kimi-*"
SOURCES: Sources = {
    "images": cite(CARDS, _ALL),
    "video": cite(CARDS, _ALL),
    "audio": cite(CARDS, _ALL),
    "documents": [Source("Live calls: This model doesn't support documents", ONE_REPORT, _AI)],
    "named_tools": cite(CHOICE, _ALL),
    "stop_sequences": cite(STOPS, _ALL),
    "sampling": [
        Source(
            "Several programs report it of Kimi K3: This model doesn't support the temperature field, nor topP",
            MEASURED,
            "moonshotai.kimi-k3*",
        )
    ],
    "efforts": cite(EFFORTS, _ALL),
}
