"""A model of which nothing is known: what it refuses is Bedrock's to decide, except for what AWS has a list of."""

from bedrock_flask.plugin import DOCUMENTED, MEASURED, ONE_REPORT, Capabilities, Source
from bedrock_flask_plugins.converse.pages import LISTED, Sources, cite

ANY_MODEL = Capabilities(
    tools=True,
    system=True,
    images=True,
    documents=True,
    video=True,
    audio=True,
    reasoning=True,
    media_in_results=False,
    structured=False,
    closed_schemas=True,
)
# What the cards of most models say: text, or text and images, and nothing else.
SEES = ANY_MODEL.but(video=False, audio=False, structured=True, signatures=False)
READS = SEES.but(images=False)

_LISTED = (
    "qwen.qwen3-*",
    "openai.gpt-oss-*",
    "deepseek.v3*",
    "google.gemma-3-*",
    "minimax.minimax-*",
    "mistral.*",
    "moonshot*.kimi-*",
    "nvidia.nemotron-*",
)
_PROBED = Source("Live calls of September 2026 for GPT-5.6 and GPT-6 (anomalyco/models.dev#6792)", MEASURED)
_MODELS_DEV = Source(
    "anomalyco/models.dev has it (langchain-aws 1.9 takes it over); AWS's list of February 2026 is older than the "
    "model",
    ONE_REPORT,
)
MODELS = {"*": ANY_MODEL}
SOURCES: Sources = {
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
    "structured": [
        Source(
            "AWS user guide, Get validated JSON results from models: no model but those of the list", DOCUMENTED, "*"
        ),
        *cite(LISTED, *_LISTED),
        *cite(_PROBED, "openai.gpt-5*", "openai.gpt-6*"),
        *cite(_MODELS_DEV, "xai.grok-*", "zai.glm-*"),
        Source("anomalyco/models.dev says no, AWS's list has MiniMax M2", ONE_REPORT, "minimax.minimax-*"),
    ],
    "closed_schemas": [
        Source(
            "AWS user guide, Get validated JSON results from models, supported and unsupported features",
            DOCUMENTED,
            "*",
        )
    ],
}
