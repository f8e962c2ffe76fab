"""Gemma by Google: Gemma 3 takes OpenAI's Chat Completions in InvokeModel, and bedrock-mantle alone serves Gemma 4."""

from collections.abc import Callable

from bedrock_flask.plugin import (
    CHAT,
    MEASURED,
    Adapter,
    KnownModel,
    Source,
    hookimpl,
    invoke_chat_body,
    open_weights,
    sources,
)

GEMMA = CHAT.but(images=True, reasoning=False, stop_sequences=False, named_tools=False, surfaces=open_weights.SURFACES)
# No source names more of what Gemma 4 takes: what is not known is left to AWS.
FOUR = CHAT.but(
    images=True,
    video=True,
    audio=True,
    least_tokens=16,
    efforts=("none", "low", "medium", "high"),
    surfaces=("mantle/openai/chat", "mantle/openai/responses"),
)
MODELS = {
    "google.gemma-3-*": GEMMA,
    "google.gemma-3-4b-*": GEMMA.but(structured=False, strict_tools=False),
    "google.gemma-4-*": FOUR,
}
# Source of the limits: anomalyco/models.dev of July 2026.
KNOWN_MODELS = {
    "google.gemma-3-4b-it": KnownModel(
        name="Gemma 3 4B IT", regions=open_weights.REGIONS, context=128_000, output=4_096
    ),
    "google.gemma-3-12b-it": KnownModel(
        name="Gemma 3 12B IT", regions=open_weights.REGIONS, context=131_072, output=8_192
    ),
    "google.gemma-3-27b-it": KnownModel(
        name="Gemma 3 27B PT", regions=open_weights.REGIONS, context=202_752, output=8_192
    ),
    # Source of the limits: litellm 1.109, prices and limits.
    "google.gemma-4-31b": KnownModel(name="Gemma 4 31B", names=("gemma-4-31b",), context=256_000, output=256_000),
    "google.gemma-4-26b-a4b": KnownModel(
        name="Gemma 4 26B A4B", names=("gemma-4-26b-a4b",), context=256_000, output=256_000
    ),
    "google.gemma-4-e2b": KnownModel(name="Gemma 4 E2B", names=("gemma-4-e2b",), context=128_000, output=128_000),
}

_ALL, _4B = "google.gemma-3-*", "google.gemma-3-4b-*"
_FOUR = Source(
    "bedrock-models 0.1.165, lists of models of July to October 2026: bedrock-mantle alone; AWS user guide, Responses "
    "API, and litellm 1.109: the prefix `/openai/v1`, images, reasoning and tools. No source names the others",
    MEASURED,
    "google.gemma-4-*",
)
_LIVE = Source(
    "aws-samples/sample-per-model-bedrock, Gemma 4 (live calls of August 2026): a JSON Schema is taken, the efforts "
    "none to high, and a `max_output_tokens` of 16 or more; Converse and InvokeModel are refused",
    MEASURED,
    "google.gemma-4-*",
)
SOURCES = {
    **sources.CHAT,
    "efforts": [_LIVE],
    "least_tokens": [_LIVE],
    "surfaces": [*sources.cite(sources.APIS, _ALL), _FOUR],
    "images": [_FOUR],
    "reasoning": sources.cite(sources.NO_PROFILE_REASONS, _ALL),
    "video": sources.cite(sources.CARDS, _ALL),
    "audio": sources.cite(sources.CARDS, _ALL),
    "named_tools": sources.cite(sources.CHOICE, _ALL),
    "stop_sequences": sources.cite(sources.STOPS, _ALL),
    "structured": [*sources.cite(sources.LISTED, "google.gemma-3-*"), *sources.cite(sources.UNLISTED, _4B), _LIVE],
    "strict_tools": sources.cite(sources.UNLISTED, _4B),
}


class GemmaBody(invoke_chat_body.Body):
    """A Chat Completions request to Gemma 3, which sees images."""

    messages = invoke_chat_body.make_messages(user=invoke_chat_body.ImageUserMessage)


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        invoke_chat_body.make_adapter(
            name="gemma",
            description="Gemma by Google.",
            body=GemmaBody,
            models=MODELS,
            default="google.gemma-3-27b-it",
            known_models=KNOWN_MODELS,
            sources=SOURCES,
        )
    )
