"""GPT and gpt-oss by OpenAI."""

from collections.abc import Callable

from bedrock_flask.plugin import (
    CHAT,
    DOCUMENTED,
    MEASURED,
    ONE_REPORT,
    Adapter,
    Source,
    converse_body,
    hookimpl,
    sources,
)

EFFORTS = ("low", "medium", "high", "xhigh", "max")
OPEN = CHAT.but(
    stop_sequences=False,
    named_tools=False,
    efforts=("low", "medium", "high"),
    effort_field="additionalModelRequestFields.reasoning_effort",
)
GPT = CHAT.but(
    images=True,
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
_PROBED = Source("Live calls of September 2026 for GPT-5.6 and GPT-6 (anomalyco/models.dev#6792)", MEASURED)
_PROFILES = Source("langchain-aws 1.9, profiles of the models: no effort `none`", ONE_REPORT)
SOURCES = {
    **sources.CHAT,
    "structured": [
        *sources.cite(sources.LISTED, _OPEN),
        *sources.cite(_PROBED, "openai.gpt-5*", "openai.gpt-6*"),
    ],
    "images": sources.cite(sources.CARDS, _OPEN),
    "video": sources.cite(sources.CARDS, _ALL),
    "audio": sources.cite(sources.CARDS, _ALL),
    "documents": [
        Source("awslabs, GenAI IDP accelerator, OpenAI models: GPT-6 Astra refuses document blocks", ONE_REPORT, _ASTRA)
    ],
    "named_tools": sources.cite(sources.CHOICE, _OPEN),
    "stop_sequences": sources.cite(sources.STOPS, _ALL),
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
        *sources.cite(_NESTED, "openai.gpt-5*", "openai.gpt-6*"),
        *sources.cite(_PROFILES, _ASTRA, "openai.gpt-6.1-*"),
    ],
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="gpt",
            description="GPT and gpt-oss by OpenAI.",
            body=converse_body.Body,
            speaks={"converse": "Converse"},
            models=MODELS,
            default="openai.gpt-oss-120b-1:0",
            sources=SOURCES,
            sample=converse_body.SAMPLE,
        )
    )
