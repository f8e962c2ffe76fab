"""Grok by xAI."""

from collections.abc import Callable

from bedrock_flask.plugin import (
    CHAT,
    MEASURED,
    ONE_REPORT,
    Adapter,
    KnownModel,
    Source,
    converse_body,
    hookimpl,
    sources,
)

EFFORTS = ("low", "medium", "high", "xhigh")
GROK = CHAT.but(
    images=True,
    sampling="none",
    stop_sequences=False,
    least_tokens=16,
    refused_in_chat=("frequency_penalty", "presence_penalty"),
    efforts=EFFORTS,
    effort_field="additionalModelRequestFields.reasoning.effort",
)
RUNTIME, MANTLE = ("runtime/chat", "converse", "invoke"), ("mantle/openai/chat", "mantle/openai/responses")
MODELS = {
    "xai.grok-*": GROK.but(surfaces=RUNTIME),
    "xai.grok-4.3*": GROK.but(surfaces=MANTLE),
    "xai.grok-4.6*": GROK.but(
        documents=False, efforts=("none", *EFFORTS), surfaces=("runtime/responses", *RUNTIME, *MANTLE)
    ),
}
_PROFILES = ("us", "global")
KNOWN_MODELS = {
    "xai.grok-4.3": KnownModel(name="Grok 4.3", names=("grok-4.3",), context=1_048_576, output=16_384),
    "xai.grok-4.6": KnownModel(
        name="Grok 4.6", profiles=_PROFILES, on_demand=False, names=("grok-4.6",), context=500_000, output=500_000
    ),
    "xai.grok-4.7": KnownModel(
        name="Grok 4.7", profiles=_PROFILES, on_demand=False, names=("grok-4.7",), context=524_288, output=524_288
    ),
}

_ALL = "xai.grok-*"
_LIVE = Source(
    "aws-samples/sample-per-model-bedrock, Grok 4.6 (live calls of August 2026): Responses and Chat Completions on "
    "both endpoints, the efforts none to xhigh",
    MEASURED,
    "xai.grok-4.6*",
)
SOURCES = {
    **sources.CHAT,
    "surfaces": [
        Source(
            "bedrock-models 0.1.165, lists of models and profiles of October 2026: Grok 4.3 on bedrock-mantle alone, "
            "4.6 on both endpoints, 4.7 by profiles alone; litellm 1.109 (checked live): Chat Completions on "
            "bedrock-runtime, and the prefix `/openai/v1` on bedrock-mantle",
            MEASURED,
            _ALL,
        ),
        _LIVE,
    ],
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
    "refused_in_chat": [
        Source("BerriAI/litellm 1.109, `bedrock/chat/chat_completions` (live calls): no penalties", MEASURED, _ALL)
    ],
    "least_tokens": [Source("Live calls of September 2026: Grok 4.6 refuses a maxTokens below 16", ONE_REPORT, _ALL)],
    "efforts": [
        Source(
            "awslabs, GenAI IDP accelerator: `reasoning.effort`, and no `max`; langchain-aws 1.9: low to xhigh",
            MEASURED,
            _ALL,
        ),
        _LIVE,
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
            known_models=KNOWN_MODELS,
            provider="xAI",
            sources=SOURCES,
            sample=converse_body.SAMPLE,
        )
    )
