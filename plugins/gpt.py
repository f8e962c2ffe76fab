"""gpt-oss and GPT by OpenAI: gpt-oss takes OpenAI's Chat Completions in InvokeModel."""

from collections.abc import Callable
from dataclasses import replace

from bedrock_flask.plugin import (
    CHAT,
    DOCUMENTED,
    MEASURED,
    ONE_REPORT,
    Adapter,
    KnownModel,
    Source,
    converse_body,
    fields,
    hookimpl,
    invoke_chat_body,
    open_weights,
    sources,
)

EFFORTS = ("low", "medium", "high", "xhigh", "max")
OPEN = CHAT.but(
    stop_sequences=False,
    named_tools=False,
    **open_weights.EFFORTS,
    refused_in_chat=("logit_bias",),
    any_turns=True,
    same_address=True,
    surfaces=open_weights.RUNTIME,
)
GPT = CHAT.but(
    images=True,
    sampling="none",
    stop_sequences=False,
    least_tokens=16,
    efforts=("none", *EFFORTS),
    effort_field="additionalModelRequestFields.reasoning.effort",
    tools_in_chat="none",
    refused_in_chat=("max_tokens",),
)
# The ids of bedrock-mantle, which has no `-1:0`.
_ON_MANTLE = OPEN.but(surfaces=(*open_weights.MANTLE, "mantle/responses"))
OPEN_MODELS = {
    "openai.gpt-oss-*": OPEN,
    "openai.gpt-oss-120b": _ON_MANTLE,
    "openai.gpt-oss-20b": _ON_MANTLE,
    "openai.gpt-oss-safeguard-*": OPEN.but(surfaces=open_weights.SURFACES),
}
# bedrock-runtime serves these through inference profiles alone, bedrock-mantle by their own ids.
_MANTLE = ("mantle/openai/responses", "mantle/openai/chat")
NEW = GPT.but(surfaces=("runtime/responses", "runtime/chat", "converse", "invoke", *_MANTLE))
OLDER = GPT.but(
    tools_in_chat="no_effort", refused_in_chat=(), surfaces=(*_MANTLE, "runtime/responses", "converse", "invoke")
)
ON_MANTLE = GPT.but(surfaces=("mantle/openai/responses",))
MODELS = {
    "openai.gpt-5*": NEW,
    "openai.gpt-5.4*": OLDER,
    "openai.gpt-5.5*": OLDER,
    "openai.gpt-5.6-cyber*": ON_MANTLE,
    "openai.gpt-daybreak-*": ON_MANTLE.but(least_tokens=1),
    "openai.gpt-6*": NEW,
    # Reports differ on whether it takes `none`.
    "openai.gpt-6-astra*": NEW.but(documents=False, efforts=EFFORTS),
    "openai.gpt-6.1-*": NEW.but(efforts=EFFORTS),
}
_US, _INDIA = ("us", "global"), ("us", "in", "global")


def _describe(name: str, profiles: tuple[str, ...] = _US, *names: str) -> KnownModel:
    """A model of GPT-5.4 and later. Sources: the card of each model; bedrock-models 0.1.165 (October 2026)."""
    return KnownModel(
        name=name,
        profiles=profiles,
        on_demand=not profiles,
        names=(name.lower().replace(" ", "-"), *names),
        context=1_050_000,
        output=128_000,
    )


KNOWN_MODELS = {
    "openai.gpt-5.4": _describe("GPT-5.4"),
    "openai.gpt-5.4-2026-03-05": _describe("GPT-5.4 2026-03-05", ()),
    "openai.gpt-5.5": _describe("GPT-5.5"),
    "openai.gpt-5.5-2026-04-23": _describe("GPT-5.5 2026-04-23", ()),
    "openai.gpt-5.6-sol": _describe("GPT-5.6 Sol", _US, "gpt-5.6"),
    "openai.gpt-5.6-terra": _describe("GPT-5.6 Terra", _INDIA),
    "openai.gpt-5.6-luna": _describe("GPT-5.6 Luna", _INDIA),
    "openai.gpt-5.6-cyber": _describe("GPT-5.6 Cyber", ()),
    "openai.gpt-6-astra": _describe("GPT-6 Astra"),
    "openai.gpt-6-sol": _describe("GPT-6 Sol"),
    "openai.gpt-6-luna": _describe("GPT-6 Luna"),
    "openai.gpt-6.1-sol": _describe("GPT-6.1 Sol"),
    "openai.gpt-6.1-terra": _describe("GPT-6.1 Terra"),
}

# Sources: the models' cards; of the output, anomalyco/models.dev of July 2026.
_KNOWN = KnownModel(name="", regions=(*open_weights.MORE_REGIONS, *open_weights.US_GOV), context=128_000, output=16_384)
_SAFEGUARD = replace(_KNOWN, regions=open_weights.REGIONS)
KNOWN_OPEN_MODELS = {
    "openai.gpt-oss-120b-1:0": replace(_KNOWN, name="gpt-oss-120b"),
    "openai.gpt-oss-20b-1:0": replace(_KNOWN, name="gpt-oss-20b"),
    # The ids of bedrock-mantle.
    "openai.gpt-oss-120b": replace(_KNOWN, name="gpt-oss-120b", regions=()),
    "openai.gpt-oss-20b": replace(_KNOWN, name="gpt-oss-20b", regions=()),
    "openai.gpt-oss-safeguard-120b": replace(_SAFEGUARD, name="GPT OSS Safeguard 120B"),
    "openai.gpt-oss-safeguard-20b": replace(_SAFEGUARD, name="GPT OSS Safeguard 20B"),
}

_ASTRA = "openai.gpt-6-astra*"
_NESTED = Source(
    "Live calls of September 2026: GPT-5.6 and GPT-6 take `reasoning.effort` and refuse `reasoning_effort`, `thinking` "
    "and the effort `minimal` (stdapi-ai/stdapi.ai#283, anomalyco/opencode#48195, BerriAI/litellm#38279)",
    MEASURED,
)
_PROBED = Source("Live calls of September 2026 for GPT-5.6 and GPT-6 (anomalyco/models.dev#6792)", MEASURED)
_PROFILES = Source("langchain-aws 1.9, profiles of the models: no effort `none`", ONE_REPORT)
_SAMPLING = Source(
    "Live calls: GPT-5.6 and GPT-6 refuse temperature and topP, gpt-oss takes them (NousResearch/hermes-agent#110046)",
    MEASURED,
)
_LITELLM = Source("BerriAI/litellm 1.109, `bedrock/chat/chat_completions` (live calls): no logit_bias", MEASURED)
OPEN_SOURCES = {
    **sources.CHAT,
    "surfaces": [sources.APIS, sources.PROBED_APIS],
    "structured": [sources.LISTED],
    **sources.MODALITIES,
    "named_tools": [sources.CHOICE],
    "stop_sequences": [sources.STOPS],
    "sampling": [_SAMPLING],
    "refused_in_chat": [_LITELLM],
    "any_turns": [
        Source(
            "AWS user guide, OpenAI models: its Converse program begins with the assistant, its request has two turns "
            "of the user's",
            DOCUMENTED,
        )
    ],
    "same_address": [
        Source("AWS user guide, OpenAI models, considerations when constructing the request body", DOCUMENTED)
    ],
    "efforts": [
        Source(
            "AWS user guide, OpenAI models: `reasoning_effort`; OpenAI, Introducing gpt-oss: low, medium, high "
            "(BerriAI/litellm#13959)",
            DOCUMENTED,
        )
    ],
}
_CRAWL = Source(
    "bedrock-models 0.1.165 (MIT-0), ListFoundationModels, ListInferenceProfiles and bedrock-mantle's list of October "
    "2026; litellm 1.109, the model's surfaces",
    MEASURED,
)
_CARD = Source(
    "AWS user guide, the cards of GPT-5.6 (August 2026), as quoted in awslabs/startups#237: Converse, Invoke, Chat "
    "Completions and Responses on bedrock-runtime by `us.`, `in.` and `global.` profiles, guardrails by Converse only; "
    "the own id is refused there (aws-samples/sample-apj-sup-sa#228). Responses API: the prefix `/openai/v1` on "
    "bedrock-mantle",
    DOCUMENTED,
)
_LIVE = Source(
    "aws-samples/sample-per-model-bedrock, OpenAI's models (live calls of August 2026): GPT-5.4, 5.5 and 5.6 answer "
    "Chat Completions on bedrock-mantle, below `/openai/v1`",
    MEASURED,
    "openai.gpt-5*",
)
SOURCES = {
    **sources.CHAT,
    "refused_in_chat": [
        Source(
            "aws-samples/sample-per-model-bedrock: GPT-5.6 refuses `max_tokens`, older ones take it",
            MEASURED,
            "openai.gpt-5*",
        ),
        Source("No report names these: they are taken to be as GPT-5.6", ONE_REPORT, "openai.gpt-6*"),
        Source("No report names these: they are taken to be as GPT-5.6", ONE_REPORT, "openai.gpt-daybreak-*"),
    ],
    "tools_in_chat": [
        Source(
            "aws-samples/sample-per-model-bedrock: GPT-5.6 on bedrock-runtime takes tools in Chat Completions with the "
            "effort `none` alone. OpenAI's own API: the same with and without an effort (BerriAI/litellm#34569), "
            "GPT-5.4 and 5.5 with an effort (pipecat-ai/pipecat#4043, charmbracelet/crush#2913)",
            MEASURED,
            "openai.gpt-5*",
        ),
        Source("No report names these: they are taken to be as GPT-5.6", ONE_REPORT, "openai.gpt-6*"),
        Source("No report names these: they are taken to be as GPT-5.6", ONE_REPORT, "openai.gpt-daybreak-*"),
    ],
    "surfaces": [
        _CRAWL,
        *sources.cite(_CARD, "openai.gpt-5*", "openai.gpt-6*"),
        _LIVE,
        Source("OpenAI, Amazon Bedrock guide: GPT-6 on both endpoints", DOCUMENTED, "openai.gpt-6*"),
    ],
    "structured": [_PROBED],
    "video": [sources.CARDS],
    "audio": [sources.CARDS],
    "documents": [
        Source("awslabs, GenAI IDP accelerator, OpenAI models: GPT-6 Astra refuses document blocks", ONE_REPORT, _ASTRA)
    ],
    "stop_sequences": [sources.STOPS],
    "sampling": [_SAMPLING],
    "least_tokens": [
        Source(
            "Live calls: GPT-5.4, 5.5 and 5.6 refuse a `max_output_tokens` below 16 (renjfk/SimplyTrack#75, "
            "experientiallabs/experiential#538 of OpenAI's own Responses API)",
            MEASURED,
            "openai.gpt-5*",
        ),
        Source("No report names GPT-6: it is taken to have the limit of GPT-5", ONE_REPORT, "openai.gpt-6*"),
    ],
    "efforts": [_NESTED, *sources.cite(_PROFILES, _ASTRA, "openai.gpt-6.1-*")],
}


class OpenBody(invoke_chat_body.ChatRequest):
    """A Chat Completions request to gpt-oss.

    Sources: AWS user guide, OpenAI models; OpenAI, API reference, Create chat completion.
    """

    stop = invoke_chat_body.make_stop(max_items=4)
    reasoning_effort = fields.String(
        one_of=("low", "medium", "high"),
        allow_none=True,
        description="How much effort the model puts into reasoning; default `medium`.",
    )
    metadata = fields.Object(
        fields.String(max_length=512),
        max_items=16,
        allow_none=True,
        description="Names and values attached to the request.",
    )
    store = fields.Boolean(allow_none=True, description="Whether the answer is stored.")
    safety_identifier = fields.String(allow_none=True, description="An opaque id of the end user.")
    prompt_cache_key = fields.String(allow_none=True, description="Routes similar requests to the same cache.")
    inferenceConfig = invoke_chat_body.make_inference_config()


OPEN_SAMPLE = {
    "messages": [
        {"role": "developer", "content": "Be terse."},
        {"role": "user", "content": "What is 2+2?"},
    ],
    "max_completion_tokens": 150,
    "temperature": 0.7,
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        invoke_chat_body.make_adapter(
            name="gpt-oss",
            description="gpt-oss by OpenAI: models of open weights.",
            body=OpenBody,
            models=OPEN_MODELS,
            default="openai.gpt-oss-120b-1:0",
            known_models=KNOWN_OPEN_MODELS,
            sources=OPEN_SOURCES,
            sample=OPEN_SAMPLE,
            reasoning="tags",
        )
    )
    register(
        Adapter(
            name="gpt",
            description="GPT by OpenAI.",
            body=converse_body.Body,
            speaks={"converse": "Converse"},
            models=MODELS,
            default="us.openai.gpt-5.6-sol",
            known_models=KNOWN_MODELS,
            sources=SOURCES,
            sample=converse_body.SAMPLE,
        )
    )
