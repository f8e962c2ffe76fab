"""Kimi by Moonshot AI, whose ids begin with `moonshot.` or `moonshotai.`: OpenAI's Chat Completions in InvokeModel."""

from collections.abc import Callable

from bedrock_flask.plugin import (
    CHAT,
    DOCUMENTED,
    MEASURED,
    ONE_REPORT,
    Adapter,
    KnownModel,
    Source,
    hookimpl,
    invoke_chat_body,
    open_weights,
    sources,
)

_SHARED = {"stop_sequences": False, "named_tools": False}
K2 = CHAT.but(**_SHARED, **open_weights.EFFORTS)
SEES = CHAT.but(images=True, **_SHARED, documents=False)
MODELS = {
    "moonshot.kimi-*": K2.but(surfaces=("invoke", "converse")),
    "moonshotai.kimi-*": SEES.but(**open_weights.EFFORTS, surfaces=open_weights.SURFACES),
    # The id of bedrock-mantle.
    "moonshotai.kimi-k2-thinking*": K2.but(surfaces=open_weights.MANTLE),
    # It accepts `reasoning_effort` and ignores it, so no effort can be set.
    "moonshotai.kimi-k3*": SEES.but(
        sampling="none", reasoning_history=False, surfaces=(*open_weights.RUNTIME, "runtime/responses")
    ),
}
# Sources: bedrock-models 0.1.165 (October 2026) for K2 Thinking and K3; the card of K3 for its context, and its output
# is not known; anomalyco/models.dev of July 2026 for the other limits.
KNOWN_MODELS = {
    "moonshot.kimi-k2-thinking": KnownModel(
        name="Kimi K2 Thinking",
        regions=("us-east-1", "us-east-2", "us-west-2", "ap-northeast-1", "ap-south-1", "ap-southeast-2", "sa-east-1"),
        context=262_143,
        output=16_000,
    ),
    # The id of bedrock-mantle.
    "moonshotai.kimi-k2-thinking": KnownModel(name="Kimi K2 Thinking", context=262_143, output=16_000),
    "moonshotai.kimi-k2.5": KnownModel(
        name="Kimi K2.5", regions=open_weights.REGIONS_OF_LARGE, context=262_143, output=16_000
    ),
    "moonshotai.kimi-k3": KnownModel(
        name="Kimi K3", profiles=("us", "in", "global"), on_demand=False, context=1_000_000
    ),
}

_ALL, _AI, _K3 = "moonshot*", "moonshotai.kimi-*", "moonshotai.kimi-k3*"
_K3_CARD = [Source("AWS user guide, model card of Kimi K3 (September 2026)", DOCUMENTED, _K3)]
SOURCES = {
    **sources.CHAT,
    "surfaces": [
        sources.APIS,
        Source(
            "AWS user guide, API compatibility by models (2026): K2 Thinking has neither Chat Completions nor "
            "Responses on bedrock-runtime",
            DOCUMENTED,
            "moonshot.kimi-*",
        ),
        *_K3_CARD,
    ],
    "structured": sources.cite(sources.LISTED, "moonshot*.kimi-*"),
    **sources.MODALITIES,
    "documents": [Source("Live calls: This model doesn't support documents", ONE_REPORT, _AI), *_K3_CARD],
    "reasoning_history": _K3_CARD,
    "named_tools": sources.cite(sources.CHOICE, _ALL),
    "stop_sequences": sources.cite(sources.STOPS, _ALL),
    "sampling": [
        Source(
            "Several programs report it of Kimi K3: This model doesn't support the temperature field, nor topP",
            MEASURED,
            _K3,
        )
    ],
    "efforts": sources.cite(sources.EFFORTS, _ALL),
}


class KimiBody(invoke_chat_body.Body):
    """A Chat Completions request to Kimi; K2 Thinking sees no images."""

    messages = invoke_chat_body.make_messages(user=invoke_chat_body.ImageUserMessage)


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        invoke_chat_body.make_adapter(
            name="kimi",
            description="Kimi by Moonshot AI.",
            provider="Moonshot AI",
            body=KimiBody,
            models=MODELS,
            default="moonshotai.kimi-k2.5",
            known_models=KNOWN_MODELS,
            sources=SOURCES,
            # LiteLLM reads the tags of K2 Thinking; of the others no page or report says how they reason.
            reasoning="tags",
        )
    )
