"""The pages of AWS, and the reports, that cover several families."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bedrock_flask.plugin import DOCUMENTED, MEASURED, ONE_REPORT, Source

# What AWS's table says of each model in Converse.
FEATURES = Source("AWS user guide, Supported models and model features", DOCUMENTED)
CARDS = Source("AWS user guide, the card of each model: input modalities", DOCUMENTED)
CHOICE = Source(
    "AWS API reference, ToolChoice: `tool` is only supported by Anthropic Claude 3 and Amazon Nova models", DOCUMENTED
)
# The page is older than the models of December 2025 and later.
NOT_REASONING = Source(
    "AWS user guide, Enhance model responses with model reasoning (2025): the table of the models that reason has "
    "Claude and DeepSeek R1 alone",
    DOCUMENTED,
)
# Newer models, of which no page of AWS says it.
NO_PROFILE_REASONS = Source(
    "langchain-aws 1.9, profiles of the models (from anomalyco/models.dev): no reasoning. AWS's pages do not say it",
    ONE_REPORT,
)
UNLISTED = Source(
    "AWS user guide, Get validated JSON results from models: the family is not on the list of models", DOCUMENTED
)
LISTED = Source(
    "AWS user guide, Get validated JSON results from models; the ids as an engineer of AWS has entered them in "
    "anomalyco/models.dev#1326",
    DOCUMENTED,
)
STOPS = Source(
    "Live calls of August 2026: GPT-5.6, gpt-oss, Grok, DeepSeek V3, Gemma, MiniMax, Kimi, Qwen and GLM refuse "
    "`stopSequences`, DeepSeek R1 takes it. Also crewAIInc/crewAI#3317 (gpt-oss), "
    "langgenius/dify-official-plugins#1767 (Qwen3)",
    MEASURED,
)
# Models of open weights.
EFFORTS = Source(
    "Live calls of October 2026 (prog893/bedrock-bridge): `reasoning_effort` in additionalModelRequestFields is low, "
    "medium or high for GLM, Kimi K2, Qwen3 235B, Magistral, DeepSeek V3.2 and MiniMax M2.5, and GLM 5.3 takes low, "
    "high and max",
    ONE_REPORT,
)

Sources = Mapping[str, Sequence[Source]]


def cite(source: Source, *patterns: str) -> Sequence[Source]:
    """The source for the models of each pattern."""
    return [replace(source, models=pattern) for pattern in patterns]
