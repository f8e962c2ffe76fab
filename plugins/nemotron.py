"""Nemotron by NVIDIA: OpenAI's Chat Completions in InvokeModel."""

from collections.abc import Callable

from bedrock_flask.plugin import (
    CHAT,
    ONE_REPORT,
    Adapter,
    KnownModel,
    Source,
    hookimpl,
    invoke_chat_body,
    open_weights,
    sources,
)

NEMOTRON = CHAT.but(named_tools=False, empty_results="refused", surfaces=open_weights.SURFACES)
MODELS = {
    "nvidia.nemotron-*": NEMOTRON,
    "nvidia.nemotron-nano-12b-*": NEMOTRON.but(images=True),
}
_REGIONS = (*open_weights.REGIONS, *open_weights.US_GOV)
_WITHOUT_MUMBAI = tuple(region for region in open_weights.MORE_REGIONS if region != "ap-south-1")
# Source of the limits: anomalyco/models.dev of July 2026.
KNOWN_MODELS = {
    "nvidia.nemotron-nano-9b-v2": KnownModel(
        name="NVIDIA Nemotron Nano 9B v2", regions=_REGIONS, context=128_000, output=4_096
    ),
    "nvidia.nemotron-nano-12b-v2": KnownModel(
        name="NVIDIA Nemotron Nano 12B v2 VL BF16", regions=_REGIONS, context=128_000, output=4_096
    ),
    "nvidia.nemotron-nano-3-30b": KnownModel(
        name="Nemotron Nano 3 30B", regions=_REGIONS, context=128_000, output=4_096
    ),
    "nvidia.nemotron-super-3-120b": KnownModel(
        name="NVIDIA Nemotron 3 Super 120B",
        regions=(*_WITHOUT_MUMBAI, *open_weights.US_GOV),
        context=262_144,
        output=131_072,
    ),
}

_ALL = "nvidia.nemotron-*"
SOURCES = {
    **sources.CHAT,
    "surfaces": [sources.APIS, sources.PROBED_APIS],
    "structured": sources.cite(sources.LISTED, "nvidia.nemotron-*"),
    **sources.MODALITIES,
    "named_tools": sources.cite(sources.CHOICE, _ALL),
    "empty_results": [
        Source(
            "Refused by Nemotron (strands-agents/harness-sdk#2122, with a program); a blank text is refused as well "
            "(NousResearch/hermes-agent#67978)",
            ONE_REPORT,
            _ALL,
        )
    ],
}


class NemotronBody(invoke_chat_body.Body):
    """A Chat Completions request to Nemotron; only Nemotron Nano 12B VL sees images."""

    messages = invoke_chat_body.make_messages(user=invoke_chat_body.ImageUserMessage)


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        invoke_chat_body.make_adapter(
            name="nemotron",
            description="Nemotron by NVIDIA.",
            provider="NVIDIA",
            body=NemotronBody,
            models=MODELS,
            default="nvidia.nemotron-nano-3-30b",
            known_models=KNOWN_MODELS,
            sources=SOURCES,
            reasoning="member",
        )
    )
