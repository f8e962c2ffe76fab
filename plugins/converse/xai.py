"""Grok by xAI."""

from bedrock_flask.plugin import MEASURED, ONE_REPORT, Source
from bedrock_flask_plugins.converse.any_model import SEES
from bedrock_flask_plugins.converse.pages import CARDS, STOPS, Sources, cite

GROK = SEES.but(
    sampling="none",
    stop_sequences=False,
    least_tokens=16,
    efforts=("low", "medium", "high", "xhigh"),
    effort_field="additionalModelRequestFields.reasoning.effort",
)
MODELS = {
    "xai.grok-*": GROK,
    "xai.grok-4.6*": GROK.but(documents=False),
}

_ALL = "xai.grok-*"
SOURCES: Sources = {
    "video": cite(CARDS, _ALL),
    "audio": cite(CARDS, _ALL),
    "documents": [
        Source("Live call: This model doesn't support documents (awslabs, GenAI IDP accelerator)", ONE_REPORT, _ALL)
    ],
    "stop_sequences": cite(STOPS, _ALL),
    "sampling": [
        Source("Live calls: temperature and topP are refused (NousResearch/hermes-agent#111043)", MEASURED, _ALL)
    ],
    "least_tokens": [Source("Live calls of September 2026: Grok 4.6 refuses a maxTokens below 16", ONE_REPORT, _ALL)],
    "efforts": [
        Source(
            "awslabs, GenAI IDP accelerator: `reasoning.effort`, and no `max`; langchain-aws 1.9: low to xhigh",
            MEASURED,
            _ALL,
        )
    ],
}
