"""The pages of AWS, and the reports, that cover several families."""

from collections.abc import Mapping, Sequence

from bedrock_flask.plugin import DOCUMENTED, MEASURED, ONE_REPORT, Source

FEATURES = "AWS user guide, Supported models and model features"
_CARDS = "AWS user guide, the card of each model: input modalities"
_CHOICE = "AWS API reference, ToolChoice: `tool` is only supported by Anthropic Claude 3 and Amazon Nova models"
_MAKERS = "The maker's cards of the models: which of them reason"
_STRUCTURED = "AWS user guide, Get validated JSON results from models: the family is not on the list of models"
_LISTED = (
    "AWS user guide, Get validated JSON results from models; the ids as an engineer of AWS has entered them in "
    "anomalyco/models.dev#1326"
)
_STOPS = (
    "Live calls of August 2026: GPT-5.6, gpt-oss, Grok, DeepSeek V3, Gemma, MiniMax, Kimi, Qwen and GLM refuse "
    "`stopSequences`, DeepSeek R1 takes it. Also crewAIInc/crewAI#3317 (gpt-oss), "
    "langgenius/dify-official-plugins#1767 (Qwen3)"
)
_EFFORTS = (
    "Live calls of October 2026 (prog893/bedrock-bridge): `reasoning_effort` in additionalModelRequestFields is low, "
    "medium or high for GLM, Kimi K2, Qwen3 235B, Magistral, DeepSeek V3.2 and MiniMax M2.5, and GLM 5.3 takes low, "
    "high and max"
)

Sources = Mapping[str, Sequence[Source]]


def cards(pattern: str) -> Sequence[Source]:
    """What the cards of these models say about images, video and audio."""
    return [Source(_CARDS, DOCUMENTED, pattern)]


def makers(pattern: str) -> Sequence[Source]:
    """What the makers say of which models reason."""
    return [Source(_MAKERS, DOCUMENTED, pattern)]


def choice(pattern: str) -> Sequence[Source]:
    """AWS's sentence about a forced tool that is named."""
    return [Source(_CHOICE, DOCUMENTED, pattern)]


def unstructured(pattern: str) -> Sequence[Source]:
    """AWS's list of the models that answer in a JSON Schema, and that take strict tools."""
    return [Source(_STRUCTURED, DOCUMENTED, pattern)]


def listed(pattern: str) -> Sequence[Source]:
    """AWS's list of the models that answer in a JSON Schema has these."""
    return [Source(_LISTED, DOCUMENTED, pattern)]


def stops(pattern: str) -> Sequence[Source]:
    """The live calls with stop sequences."""
    return [Source(_STOPS, MEASURED, pattern)]


def efforts(pattern: str) -> Sequence[Source]:
    """The live calls with efforts for models of open weights."""
    return [Source(_EFFORTS, ONE_REPORT, pattern)]


def features(pattern: str) -> Sequence[Source]:
    """AWS's table of what each model takes in Converse."""
    return [Source(FEATURES, DOCUMENTED, pattern)]
