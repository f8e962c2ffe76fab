"""GPT and gpt-oss by OpenAI."""

from bedrock_flask.plugin import DOCUMENTED, MEASURED, ONE_REPORT, Source
from bedrock_flask_plugins.converse.any_model import READS, SEES
from bedrock_flask_plugins.converse.pages import CARDS, CHOICE, STOPS, Sources, cite

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
_NESTED = Source(
    "Live calls of September 2026: GPT-5.6 and GPT-6 take `reasoning.effort` and refuse `reasoning_effort`, `thinking` "
    "and the effort `minimal` (stdapi-ai/stdapi.ai#283, anomalyco/opencode#48195, BerriAI/litellm#38279)",
    MEASURED,
)
_PROFILES = Source("langchain-aws 1.9, profiles of the models: no effort `none`", ONE_REPORT)
SOURCES: Sources = {
    "images": cite(CARDS, _OPEN),
    "video": cite(CARDS, _ALL),
    "audio": cite(CARDS, _ALL),
    "documents": [
        Source("awslabs, GenAI IDP accelerator, OpenAI models: GPT-6 Astra refuses document blocks", ONE_REPORT, _ASTRA)
    ],
    "named_tools": cite(CHOICE, _OPEN),
    "stop_sequences": cite(STOPS, _ALL),
    "sampling": [
        Source(
            "Live calls: GPT-5.6 and GPT-6 refuse temperature and topP, gpt-oss takes them "
            "(NousResearch/hermes-agent#110046)",
            MEASURED,
            _ALL,
        )
    ],
    "least_tokens": [
        Source(
            "Live calls: GPT-5.4, 5.5 and 5.6 refuse a `max_output_tokens` below 16 (renjfk/SimplyTrack#75, "
            "experientiallabs/experiential#538 of OpenAI's own Responses API)",
            MEASURED,
            "openai.gpt-5*",
        ),
        Source("No report names GPT-6: it is taken to have the limit of GPT-5", ONE_REPORT, "openai.gpt-6*"),
    ],
    "efforts": [
        Source(
            "AWS user guide, OpenAI models: `reasoning_effort`; OpenAI, Introducing gpt-oss: low, medium, high "
            "(BerriAI/litellm#13959)",
            DOCUMENTED,
            _OPEN,
        ),
        *cite(_NESTED, "openai.gpt-5*", "openai.gpt-6*"),
        *cite(_PROFILES, _ASTRA, "openai.gpt-6.1-*"),
    ],
}
