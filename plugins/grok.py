"""Grok by xAI."""

from collections.abc import Callable

from bedrock_flask.plugin import CHAT, MEASURED, ONE_REPORT, Adapter, Source, converse_body, hookimpl, sources

GROK = CHAT.but(
    images=True,
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
SOURCES = {
    **sources.CHAT,
    "structured": sources.cite(sources.MODELS_DEV, "xai.grok-*"),
    "video": sources.cite(sources.CARDS, _ALL),
    "audio": sources.cite(sources.CARDS, _ALL),
    "documents": [
        Source("Live call: This model doesn't support documents (awslabs, GenAI IDP accelerator)", ONE_REPORT, _ALL)
    ],
    "stop_sequences": sources.cite(sources.STOPS, _ALL),
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


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="grok",
            description="Grok by xAI.",
            body=converse_body.Body,
            speaks={"converse": "Converse"},
            models=MODELS,
            default="xai.grok-4.6",
            sources=SOURCES,
            sample=converse_body.SAMPLE,
        )
    )
