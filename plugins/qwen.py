"""Qwen3 by Alibaba: OpenAI's Chat Completions in InvokeModel."""

from collections.abc import Callable

from bedrock_flask.plugin import (
    CHAT,
    ONE_REPORT,
    Adapter,
    KnownModel,
    Source,
    fields,
    hookimpl,
    invoke_chat_body,
    open_weights,
    sources,
)

QWEN = CHAT.but(stop_sequences=False, named_tools=False, surfaces=open_weights.RUNTIME)
_235B = QWEN.but(**open_weights.EFFORTS)
_PLAIN, _SEES = QWEN.but(reasoning=False), QWEN.but(images=True)
_ON_MANTLE = {"surfaces": open_weights.MANTLE}
MODELS = {
    "qwen.qwen3-*": QWEN,
    "qwen.qwen3-235b-*": _235B,
    "qwen.qwen3-coder-*": _PLAIN,
    "qwen.qwen3-coder-next*": _PLAIN.but(surfaces=open_weights.SURFACES),
    "qwen.qwen3-next-*": _PLAIN,
    "qwen.qwen3-vl-*": _SEES,
    # The ids of bedrock-mantle.
    "qwen.qwen3-32b": QWEN.but(**_ON_MANTLE),
    "qwen.qwen3-235b-a22b-2507": _235B.but(**_ON_MANTLE),
    "qwen.qwen3-coder-*-instruct": _PLAIN.but(**_ON_MANTLE),
    "qwen.qwen3-next-*-instruct": _PLAIN.but(**_ON_MANTLE),
    "qwen.qwen3-vl-*-instruct": _SEES.but(**_ON_MANTLE),
}
# Sources of the limits: the models' cards, as braintrust's list quotes them; anomalyco/models.dev of July 2026 for
# Qwen3-Coder-30B and Qwen3 Next.
KNOWN_MODELS = {
    "qwen.qwen3-32b-v1:0": KnownModel(
        name="Qwen3 32B", regions=open_weights.MORE_REGIONS, context=32_000, output=8_192
    ),
    "qwen.qwen3-235b-a22b-2507-v1:0": KnownModel(
        name="Qwen3 235B A22B 2507",
        regions=(*open_weights.REGIONS_OF_2025, "eu-central-1", "eu-south-1"),
        context=256_000,
        output=8_192,
    ),
    "qwen.qwen3-coder-30b-a3b-v1:0": KnownModel(
        name="Qwen3-Coder-30B-A3B-Instruct", regions=open_weights.MORE_REGIONS, context=262_144, output=131_072
    ),
    "qwen.qwen3-coder-480b-a35b-v1:0": KnownModel(
        name="Qwen3 Coder 480B A35B Instruct", regions=open_weights.REGIONS_OF_2025, context=131_072, output=16_384
    ),
    "qwen.qwen3-coder-next": KnownModel(
        name="Qwen3 Coder Next", regions=("us-east-1", "eu-west-2", "ap-southeast-2"), context=256_000, output=16_384
    ),
    "qwen.qwen3-next-80b-a3b": KnownModel(
        name="Qwen3 Next 80B A3B", regions=open_weights.REGIONS, context=262_000, output=262_000
    ),
    "qwen.qwen3-vl-235b-a22b": KnownModel(
        name="Qwen3 VL 235B A22B", regions=open_weights.REGIONS, context=256_000, output=8_192
    ),
    # The ids of bedrock-mantle, as litellm 1.109 has their prices.
    "qwen.qwen3-32b": KnownModel(name="Qwen3 32B", context=32_000, output=8_192),
    "qwen.qwen3-235b-a22b-2507": KnownModel(name="Qwen3 235B A22B 2507", context=256_000, output=8_192),
    "qwen.qwen3-coder-30b-a3b-instruct": KnownModel(
        name="Qwen3-Coder-30B-A3B-Instruct", context=262_144, output=131_072
    ),
    "qwen.qwen3-coder-480b-a35b-instruct": KnownModel(
        name="Qwen3 Coder 480B A35B Instruct", context=131_072, output=16_384
    ),
    "qwen.qwen3-next-80b-a3b-instruct": KnownModel(name="Qwen3 Next 80B A3B", context=262_000, output=262_000),
    "qwen.qwen3-vl-235b-a22b-instruct": KnownModel(name="Qwen3 VL 235B A22B", context=256_000, output=8_192),
}

_ALL = "qwen.qwen3-*"
SOURCES = {
    **sources.CHAT,
    "surfaces": [sources.APIS, sources.PROBED_APIS],
    "structured": sources.cite(sources.LISTED, "qwen.qwen3-*"),
    "reasoning": [
        *sources.cite(sources.NO_PROFILE_REASONS, "qwen.qwen3-coder-*", "qwen.qwen3-next-*"),
        Source(
            "Live: Qwen3 Coder 480B refuses the field `thinking` (agno-agi/agno#5686). models.dev itself has reasoning "
            "for Qwen3 Coder Next",
            ONE_REPORT,
            "qwen.qwen3-coder-*",
        ),
    ],
    **sources.MODALITIES,
    "named_tools": sources.cite(sources.CHOICE, _ALL),
    "stop_sequences": sources.cite(sources.STOPS, _ALL),
    "efforts": sources.cite(sources.EFFORTS, "qwen.qwen3-235b-*"),
}


class QwenBody(invoke_chat_body.Body):
    """A Chat Completions request to Qwen3; only Qwen3 VL sees images."""

    messages = invoke_chat_body.make_messages(user=invoke_chat_body.ImageUserMessage)
    enable_thinking = fields.Boolean(allow_none=True, description="Whether a model that can reason does so.")


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        invoke_chat_body.make_adapter(
            name="qwen",
            description="Qwen3 by Alibaba.",
            body=QwenBody,
            models=MODELS,
            default="qwen.qwen3-32b-v1:0",
            known_models=KNOWN_MODELS,
            sources=SOURCES,
        )
    )
