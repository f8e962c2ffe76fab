"""Where facts about models are known from: kinds of sources, and the pages and reports that cover several families."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

DOCUMENTED, MEASURED, ONE_REPORT = "documented", "measured", "one report"


@dataclass(frozen=True)
class Source:
    """Where a capability is known from.

    text     the page or the report
    basis    DOCUMENTED, MEASURED (several reports, or one with live probes), or ONE_REPORT
    models   a pattern that covers the models' own patterns; empty for all of the adapter
    """

    text: str
    basis: str
    models: str = ""

    def __post_init__(self) -> None:
        if self.basis not in (DOCUMENTED, MEASURED, ONE_REPORT):
            raise ValueError(f"the basis of a source must be documented, measured or one report, not {self.basis!r}")


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
MODELS_DEV = Source(
    "anomalyco/models.dev has it (langchain-aws 1.9 takes it over); AWS's list of February 2026 is older than the "
    "model",
    ONE_REPORT,
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

APIS = Source(
    "AWS user guide, API compatibility by models and Endpoint availability by models, as of October 2026", DOCUMENTED
)
PROBED_APIS = Source(
    "aws-samples/sample-per-model-bedrock, live calls of August 2026: each API on bedrock-runtime and bedrock-mantle",
    MEASURED,
)

Sources = Mapping[str, Sequence[Source]]

# What models take besides text, where their cards are the source for all of an adapter's models.
MODALITIES: Sources = {"images": [CARDS], "video": [CARDS], "audio": [CARDS]}


def cite(source: Source, *patterns: str) -> Sequence[Source]:
    """The source for the models of each pattern."""
    return [replace(source, models=pattern) for pattern in patterns]


# What `capabilities.CHAT` says.
CHAT: Sources = {
    "signatures": [
        Source(
            "Live calls: Kimi K3 refuses the signature of Claude's reasoning (xiehust/strands-darwin); so do GPT, Qwen "
            "and MiniMax (earendil-works/pi)",
            MEASURED,
        ),
    ],
    "media_in_results": [
        Source(
            "AWS API reference, ToolResultContentBlock: images for Nova and Claude. Live calls: refused by "
            "GPT-5.6, GPT-6, Pixtral and others, taken beside the result (anomalyco/opencode#49443, #48069; "
            "can1357/oh-my-pi#11685)",
            MEASURED,
        ),
    ],
    "closed_schemas": [
        Source("AWS user guide, Get validated JSON results from models, supported and unsupported features", DOCUMENTED)
    ],
    "closed_tools": [
        Source(
            "AWS user guide, Get validated JSON results from models: its strict tools for open weights and for "
            "Converse have no additionalProperties",
            DOCUMENTED,
        )
    ],
}
