"""Amazon Nova: understanding models with a native format close to Converse."""

from collections.abc import Callable, Iterator

from bedrock_flask.plugin import (
    DOCUMENTED,
    MEASURED,
    ONE_REPORT,
    Adapter,
    Capabilities,
    Json,
    KnownModel,
    Schema,
    Source,
    converse_body,
    fields,
    hookimpl,
)

TEXT = Capabilities(
    tools=True,
    system=True,
    cache=True,
    cache_tools=False,
    cache_after_results=False,
    cache_after_media=False,
    tool_schemas="plain",
    structured=False,
    closed_schemas=True,
    strict_tools=False,
    most_tokens=10_000,
    signatures=False,
)
SEES = TEXT.but(images=True, documents=True, video=True)
REASONS = SEES.but(
    reasoning=True,
    reasoning_history=False,
    most_tokens=65_535,
    efforts=("none", "low", "medium", "high"),
    unlimited_effort="high",
)

_STRUCTURED = "AWS user guide, Get validated JSON results from models: Nova is not on the list of models"
_FEATURES = "AWS user guide, Supported models and model features"
_CACHING = "AWS user guide, Prompt caching"
SOURCES = {
    "signatures": [
        Source(
            "Nova and MiniMax refuse an empty signature (maximhq/bifrost#6942); earendil-works/pi sends none but to "
            "Claude",
            ONE_REPORT,
        )
    ],
    "reasoning": [
        Source("AWS user guide for Nova 2, Reasoning capabilities: Nova 2 Lite reasons", DOCUMENTED, "amazon.nova-2-*"),
        Source(
            "Live calls: `reasoningConfig` is refused by Nova Pro (UKGovernmentBEIS/inspect_ai#5301) and Nova Premier "
            "(charmbracelet/fantasy#117)",
            MEASURED,
        ),
    ],
    "cache_tools": [
        Source(
            "AWS user guide, Prompt caching: system and messages. Live calls: extraneous key [cachePoint] is not "
            "permitted (danny-avila/LibreChat#13838, NousResearch/hermes-agent#97281)",
            MEASURED,
        ),
    ],
    "cache_after_results": [
        Source(
            "Live calls: refused directly after a tool result, taken elsewhere (aws-samples/bedrock-engineer#71, "
            "earendil-works/pi#2053)",
            MEASURED,
        ),
    ],
    "cache_after_media": [
        Source(
            "Refused directly after an image; after documents and video it is not supported "
            "(aws-samples/generative-ai-use-cases#1077)",
            ONE_REPORT,
        ),
    ],
    "tool_schemas": [
        Source(
            "AWS user guide for Nova, Troubleshooting tool calls: only three fields at the top level. Live calls: "
            "extraneous key [$defs] is not permitted (lastmile-ai/mcp-agent#126, zed-industries/zed#31815, "
            "pydantic/pydantic-ai#1623)",
            MEASURED,
        ),
    ],
    "reasoning_history": [
        Source(
            "Nova's own reasoning: User messages cannot contain reasoning content (can1357/oh-my-pi#9086). AWS user "
            "guide for Nova 2: its text is redacted anyway",
            ONE_REPORT,
            "amazon.nova-2-*",
        ),
    ],
    "efforts": [
        Source(
            "AWS user guide for Nova 2, Using the Converse API: `reasoningConfig` with low, medium or high; AWS's blog "
            "of Nova 2 Lite (stdapi-ai/stdapi.ai#7)",
            DOCUMENTED,
            "amazon.nova-2-*",
        )
    ],
    "most_tokens": [
        Source("AWS user guide for Nova: 10,000 tokens for Nova 1; live calls say so of Lite and Pro", MEASURED),
        Source("Live calls: the model limit of Nova 2 Lite is 65535", ONE_REPORT, "amazon.nova-2-*"),
    ],
    "unlimited_effort": [
        Source(
            "Converse takes no maxTokens with the effort `high` (UKGovernmentBEIS/inspect_ai#3767, #3848, "
            "langchain-aws 1.9)",
            MEASURED,
            "amazon.nova-2-*",
        )
    ],
    "images": [Source(f"{_FEATURES}: Nova Micro reads text only", DOCUMENTED, "amazon.nova-micro-*")],
    "documents": [Source(f"{_FEATURES}: Nova Micro reads text only", DOCUMENTED, "amazon.nova-micro-*")],
    "video": [Source(f"{_FEATURES}: Nova Micro reads text only", DOCUMENTED, "amazon.nova-micro-*")],
    "audio": [Source("AWS user guide for Nova: only Nova 2 Omni and Sonic take audio", DOCUMENTED)],
    "cache": [Source(f"{_CACHING}: Nova caches the system prompt and messages", DOCUMENTED)],
    "counts_tokens": [
        Source("Live calls: The provided model doesn't support counting tokens (alchemy.run, CountTokens)", MEASURED)
    ],
    "structured": [Source(f"{_STRUCTURED}; langchain4j/langchain4j#4552", DOCUMENTED)],
    "media_in_results": [
        Source(
            "AWS API reference, ToolResultContentBlock: images for Nova and Claude; anomalyco/opencode#49443",
            DOCUMENTED,
        ),
    ],
    "strict_tools": [
        Source(_STRUCTURED, DOCUMENTED),
        Source("Families without strict tools refuse the member (BerriAI/litellm#31582, #34388)", MEASURED),
    ],
}

# "Supported foundation models" and "Supported Regions and models for inference profiles" (AWS user guide).
GEOGRAPHIES = ("us", "eu", "apac")
KNOWN = {
    "amazon.nova-micro-v1:0": KnownModel(name="Nova Micro", profiles=GEOGRAPHIES),
    "amazon.nova-lite-v1:0": KnownModel(name="Nova Lite", profiles=GEOGRAPHIES),
    "amazon.nova-pro-v1:0": KnownModel(name="Nova Pro", profiles=GEOGRAPHIES),
    "amazon.nova-2-lite-v1:0": KnownModel(name="Nova 2 Lite", profiles=("us", "eu", "jp", "global"), on_demand=False),
}

KINDS = ("text", "image", "document", "video", "audio", "toolUse", "toolResult", "reasoningContent")
CACHE_POINT = fields.Nested(
    converse_body.CachePoint,
    description="Caches everything up to this text. In Nova's native body it accompanies text; alone it is invalid.",
)


class ReasoningConfig(Schema):
    """Reasoning settings; Nova 2 only."""

    type = fields.String(one_of=("enabled", "disabled"), description="Whether the model reasons before it answers.")
    maxReasoningEffort = fields.String(
        one_of=("low", "medium", "high"), description="How much effort the model puts into reasoning."
    )


class InferenceConfig(Schema):
    """Inference parameters."""

    maxTokens = fields.Integer(min=1, unverified_max=65_536, description="Maximum number of output tokens.")
    # AWS's pages differ: "greater than 0" in the schema, 0 for greedy decoding under "Troubleshooting tool calls".
    temperature = fields.Number(min=0, max=1, description="Sampling temperature; default 0.7.")
    topP = fields.Number(
        min=0, max=1, description="Nucleus sampling: the probability mass to sample from; default 0.9."
    )
    topK = fields.Integer(min=0, max=128, description="The number of most likely tokens to sample from.")
    stopSequences = fields.List(fields.String(), description="Texts at which the model stops generating.")
    reasoningConfig = fields.Nested(ReasoningConfig, description="Reasoning settings; Nova 2 only.")
    max_new_tokens = fields.Integer(min=1, description="A former name of `maxTokens`.")
    top_p = fields.Number(min=0, max=1, description="A former name of `topP`.")
    top_k = fields.Integer(min=0, description="A former name of `topK`.")


class Message(converse_body.Message):
    """One turn of a conversation."""

    content = fields.List(
        fields.OneKey({kind: converse_body.CONTENT[kind] for kind in KINDS}, beside={"cachePoint": CACHE_POINT}),
        required=True,
        description="The content blocks.",
    )


class NovaBody(converse_body.Conversation):
    """A request in Nova's native format."""

    schemaVersion = fields.String(one_of=("messages-v1",), description="The version of the format.")
    messages = fields.List(
        fields.Nested(Message), required=True, description="The conversation; the first turn is the user's."
    )
    system = fields.List(
        fields.OneKey(
            {"text": fields.String(min_length=1, description="Instructions for the model.")},
            beside={"cachePoint": CACHE_POINT},
        ),
        description="The system prompt.",
    )
    inferenceConfig = fields.Nested(InferenceConfig, description="Inference parameters.")


def check_first_turn(body: Json) -> Iterator[tuple[str, str]]:
    """The first turn must be the user's."""
    if not body["messages"]:
        yield "messages", "must have at least one turn"
    elif body["messages"][0]["role"] != "user":
        yield "messages[0].role", "must be user: the first turn is the user's"


def encode_effort(effort: str, request: Json) -> Json:
    """Encode the effort as the reasoningConfig that Nova 2 takes among the additional fields of Converse."""
    config = {"type": "enabled", "maxReasoningEffort": effort} if effort != "none" else {"type": "disabled"}
    return {"additionalModelRequestFields": {"reasoningConfig": config}}


SAMPLE = {
    "schemaVersion": "messages-v1",
    "system": [{"text": "Be terse."}],
    "messages": [{"role": "user", "content": [{"text": "What is 2+2?"}]}],
    "inferenceConfig": {"maxTokens": 64, "temperature": 0.7},
}


@hookimpl
def register_adapters(register: Callable[[Adapter], None]) -> None:
    register(
        Adapter(
            name="nova",
            description="Amazon Nova: text, images, video and tools in a native format close to Converse.",
            body=NovaBody,
            rules=[check_first_turn],
            limit="inferenceConfig.maxTokens",
            speaks={"nova": "InvokeModel", "converse": "Converse"},
            models={
                "amazon.nova-micro-*": TEXT,
                "amazon.nova-lite-*": SEES,
                "amazon.nova-pro-*": SEES,
                "amazon.nova-premier-*": SEES,
                "amazon.nova-2-lite-*": REASONS,
                "amazon.nova-2-pro-*": REASONS,
                "amazon.nova-2-omni-*": REASONS.but(audio=True),
            },
            default="amazon.nova-lite-v1:0",
            is_common=True,
            known_models=KNOWN,
            sources=SOURCES,
            extras={
                "top_k": "additionalModelRequestFields.inferenceConfig.topK",
                "effort": encode_effort,
            },
            sample=SAMPLE,
        )
    )
