"""GPT and gpt-oss by OpenAI."""

from bedrock_flask.plugin import DOCUMENTED, MEASURED, ONE_REPORT, Source
from bedrock_flask_plugins.converse.any_model import READS, SEES
from bedrock_flask_plugins.converse.pages import Sources, cards, choice, stops

EFFORTS = ("low", "medium", "high", "xhigh", "max")
OPEN = READS.but(
    stop_sequences=False,
    named_tools=False,
    efforts=("low", "medium", "high"),
    effort_field="additionalModelRequestFields.reasoning_effort",
)
GPT = SEES.but(
    sampling="none",
    stop_sequences=False,
    least_tokens=16,
    efforts=("none", *EFFORTS),
    effort_field="additionalModelRequestFields.reasoning.effort",
)
MODELS = {
    "openai.gpt-oss-*": OPEN,
    "openai.gpt-5*": GPT,
    "openai.gpt-6*": GPT,
    # Reports differ on whether it takes `none`.
    "openai.gpt-6-astra*": GPT.but(documents=False, efforts=EFFORTS),
    "openai.gpt-6.1-*": GPT.but(efforts=EFFORTS),
}

_ALL, _OPEN, _ASTRA = "openai.*", "openai.gpt-oss-*", "openai.gpt-6-astra*"
_NESTED = (
    "Live calls of September 2026: GPT-5.6 and GPT-6 take `reasoning.effort` and refuse `reasoning_effort`, `thinking` "
    "and the effort `minimal` (stdapi-ai/stdapi.ai#283, anomalyco/opencode#48195, BerriAI/litellm#38279)"
)
SOURCES: Sources = {
    "images": cards(_OPEN),
    "video": cards(_ALL),
    "audio": cards(_ALL),
    "documents": [
        Source("awslabs, GenAI IDP accelerator, OpenAI models: GPT-6 Astra refuses document blocks", ONE_REPORT, _ASTRA)
    ],
    "named_tools": choice(_OPEN),
    "stop_sequences": stops(_ALL),
    "sampling": [
        Source(
            "Live calls: GPT-5.6 and GPT-6 refuse temperature and topP, gpt-oss takes them "
            "(NousResearch/hermes-agent#110046)",
            MEASURED,
            _ALL,
        )
    ],
    "least_tokens": [
        Source("Live calls of September 2026: GPT-5.6 refuses a maxTokens below 16", ONE_REPORT, "openai.gpt-5*"),
        Source("Taken over from GPT-5.6, whose successor it is", ONE_REPORT, "openai.gpt-6*"),
    ],
    "efforts": [
        Source(
            "AWS user guide, OpenAI models: `reasoning_effort`; OpenAI, Introducing gpt-oss: low, medium, high "
            "(BerriAI/litellm#13959)",
            DOCUMENTED,
            _OPEN,
        ),
        Source(_NESTED, MEASURED, "openai.gpt-5*"),
        Source(_NESTED, MEASURED, "openai.gpt-6*"),
        Source("langchain-aws 1.9, profiles of the models: no effort `none`", ONE_REPORT, _ASTRA),
        Source("langchain-aws 1.9, profiles of the models: no effort `none`", ONE_REPORT, "openai.gpt-6.1-*"),
    ],
}
