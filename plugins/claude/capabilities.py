"""What each generation of Claude can do, and where it is known from."""

from bedrock_flask.plugin import DOCUMENTED, MEASURED, ONE_REPORT, Capabilities, Source, anthropic_body

SEES = Capabilities(
    tools=True,
    system=True,
    images=True,
    documents=True,
    structured=False,
    closed_schemas=True,
    closed_tools=True,
    strict_tools=False,
    long_context="never",
    api_versions=(anthropic_body.VERSION,),
    empty_results="accepted",
    tool_schemas="named",
    blank_stops=False,
    surfaces=("invoke", "converse", "runtime/messages"),
)
COUNTS = SEES.but(counts_tokens=True)
CACHES = COUNTS.but(cache=True)
# Reasoning and sampling by generation: "Adaptive thinking" and "Structured outputs" (AWS user guide), Anthropic's
# migration guides.
REASONS = CACHES.but(reasoning=True, signs_reasoning=True, thinking="budget")
ONE_AT_A_TIME = REASONS.but(sampling="one")
FOUR_FIVE = ONE_AT_A_TIME.but(structured=True, strict_tools=True, long_cache=True)
FOUR_SIX = FOUR_FIVE.but(
    thinking="either", prefill=False, long_context="native", efforts=("low", "medium", "high", "max")
)
FOUR_SEVEN = FOUR_SIX.but(
    thinking="adaptive",
    efforts=("low", "medium", "high", "xhigh", "max"),
    sampling="none",
    structured=False,
    strict_tools=False,
    # Adaptive thinking is interleaved by itself.
    refused_betas=("interleaved-thinking-*",),
    api_versions=(anthropic_body.VERSION, "2026-10-21"),
    counts_tokens=False,
    # Since this generation bedrock-mantle serves the same ids.
    surfaces=(*SEES.surfaces, "mantle/messages"),
)
FOUR_EIGHT = FOUR_SEVEN.but(system_turns=True, forced_while_reasoning=True)
# What is not known of a newer model's strict tools is not a rule.
FIVE = FOUR_EIGHT.but(thinking_off="disabled", strict_tools=True, refused_betas=())
ALWAYS = FIVE.but(thinking_off="never")

MODELS = {
    "anthropic.claude-3-*": SEES,
    "anthropic.claude-3-5-*": COUNTS,
    "anthropic.claude-3-5-haiku-*": CACHES,
    "anthropic.claude-3-5-sonnet-20241022-*": CACHES,
    "anthropic.claude-3-7-*": REASONS,
    # Followed by a date, not a version: the first Claude 4 models.
    "anthropic.claude-opus-4-2025*": REASONS.but(strict_tools=True),
    "anthropic.claude-sonnet-4-2025*": REASONS.but(long_context="beta"),
    "anthropic.claude-opus-4-1-*": ONE_AT_A_TIME.but(strict_tools=True),
    "anthropic.claude-opus-4-5-*": FOUR_FIVE.but(efforts=("low", "medium", "high")),
    "anthropic.claude-sonnet-4-5-*": FOUR_FIVE.but(long_context="beta", refused_betas=("thinking-binding-controls-*",)),
    "anthropic.claude-haiku-4-5-*": FOUR_FIVE,
    "anthropic.claude-opus-4-6*": FOUR_SIX,
    "anthropic.claude-sonnet-4-6*": FOUR_SIX,
    "anthropic.claude-opus-4-7*": FOUR_SEVEN,
    "anthropic.claude-opus-4-8*": FOUR_EIGHT,
    "anthropic.claude-opus-5-5*": ALWAYS.but(forced_tools=False, strict_tools=False),
    "anthropic.claude-sonnet-5-5*": FIVE.but(thinking_off="between_tools", forced_tools=False),
    "anthropic.claude-fable-5-1*": ALWAYS.but(forced_tools=False, strict_tools=False),
    "anthropic.claude-opus-*": FIVE,
    "anthropic.claude-sonnet-*": FIVE.but(strict_tools=False),
    "anthropic.claude-haiku-*": FIVE,
    "anthropic.claude-fable-*": ALWAYS,
    "anthropic.claude-mythos-*": ALWAYS,
    # A name that Anthropic has not used yet gets the newest capabilities.
    "anthropic.claude-*": FIVE,
}

SOURCES = {
    "surfaces": [
        Source(
            "AWS user guide, Inference using Anthropic Messages API: bedrock-runtime where Claude is available, and "
            "bedrock-mantle",
            DOCUMENTED,
        ),
        Source(
            "bedrock-models 0.1.165 and litellm 1.109, bedrock-mantle's models of October 2026: Opus 4.7 and later",
            MEASURED,
        ),
    ],
    "video": [Source("AWS user guide, the card of each model: text and images", DOCUMENTED)],
    "audio": [Source("AWS user guide, the card of each model: text and images", DOCUMENTED)],
    "cache": [
        Source("AWS user guide, Prompt caching: Claude 3.5 Haiku, 3.5 Sonnet v2 and later", DOCUMENTED),
        Source("Live calls: Claude 3 refuses it (posit-dev/positron#12142)", MEASURED, "anthropic.claude-3-*"),
    ],
    "reasoning": [Source("AWS user guide, Extended thinking: Claude 3.7 and later", DOCUMENTED)],
    "signs_reasoning": [Source("AWS user guide, Extended thinking: signatures", DOCUMENTED)],
    "root_unions": [
        Source("Live calls (trycua/cua#3303, aaif-goose/goose#2150, code-yeongyu/senpi#1947)", MEASURED),
    ],
    "forced_tools": [
        Source(
            "Live calls: refused by Opus 5.5 (vercel/ai#21364, run-llama/llama_index#23207) and Fable 5.1 "
            "(langchain-ai/langchain-aws#1273, #1274). Reports differ on Fable 5 (#1273 refused, #1141 taken)",
            MEASURED,
        ),
        Source("LiteLLM's table of models", ONE_REPORT, "anthropic.claude-sonnet-5-5*"),
    ],
    "forced_while_reasoning": [
        Source(
            "Live calls: Opus 4.8, Sonnet 5 and Fable 5 take adaptive thinking with a forced tool, Claude up to 4.7 "
            "refuses it (langchain-ai/langchain-aws#1141, #1151); langchain-aws 1.9 has it for all of Claude 5",
            MEASURED,
        ),
    ],
    "counts_tokens": [
        Source(
            "AWS user guide, Count tokens: some models are not counted on bedrock-runtime, among them those that came "
            "with inference profiles only. AWS's lists of 2026 go from 3.5 to 4.6 (danilop/ttok4bedrock)",
            DOCUMENTED,
        ),
        Source(
            "Live calls of June to August 2026, by the model's own id: 3.7, Sonnet 4.5, Haiku 4.5 and Sonnet 4.6 are "
            "counted; Opus 4.7 and 4.8, Sonnet 5, Opus 5 and Fable 5 are not (Boise-State-Development/"
            "agentcore-public-stack#430, xiehust/strands-darwin, anthropics/claude-code#86628)",
            MEASURED,
        ),
    ],
    "api_versions": [
        Source(
            "Anthropic, API versioning: `2026-10-21` is available on Bedrock for Claude 4.7 and later. AWS user guide, "
            "Anthropic Claude Messages API: `bedrock-2023-05-31`",
            DOCUMENTED,
        ),
    ],
    "system_turns": [
        Source(
            "Live calls: refused by Haiku 4.5, Sonnet 4.6 and Opus 4.7, taken by Opus 4.8 (BerriAI/litellm#32831, "
            "#30443, #32882)",
            MEASURED,
        ),
    ],
    "long_cache": [
        Source(
            "AWS user guide, Prompt caching: an hour for Claude 4.5 and later. Older models refuse it "
            "(earendil-works/pi#1570) or shorten it (openclaw/openclaw#47121): reports differ. Live, for models that "
            "are not Claude: Extended TTL prompt caching is only supported for Anthropic models",
            DOCUMENTED,
        ),
    ],
    "refused_betas": [
        Source(
            "`interleaved-thinking-2025-05-14` is refused by Opus 4.7 (anthropics/claude-code#49490, #49648; "
            "earendil-works/pi#3290); one report of the same day says that it is taken (#49370). It has no "
            "effect beside adaptive thinking",
            MEASURED,
            "anthropic.claude-opus-4-7*",
        ),
        Source(
            "The same for Opus 4.8 (tinovyatkin/amazon-bedrock-copilot-chat#661)",
            ONE_REPORT,
            "anthropic.claude-opus-4-8*",
        ),
        Source(
            "`thinking-binding-controls-2026-08-01`: live, invalid beta flag for Sonnet 4.5 (BerriAI/litellm#41203)",
            ONE_REPORT,
            "anthropic.claude-sonnet-4-5-*",
        ),
    ],
    "prefill": [
        Source(
            "Refused by Opus 4.6 and Sonnet 4.6 (anomalyco/opencode#29760, openclaw/openclaw#72865, vercel/ai#12296); "
            "Anthropic, Migration guide: by all later models",
            MEASURED,
        ),
    ],
    "sampling": [
        Source(
            "Anthropic, Migration guide: one of temperature and top_p from Opus 4.1 and the models 4.5 on (live for "
            "Sonnet 4.5: BerriAI/litellm#15070)",
            DOCUMENTED,
        ),
        Source(
            "AWS user guide, card of Opus 4.7, and live calls for Opus 4.7 and 4.8: no sampling parameters "
            "(Mintplex-Labs/anything-llm#5461, #5821; NousResearch/hermes-agent#36151). Anthropic documents that "
            "defaults are taken; logancyang/obsidian-copilot#2600 saw them refused without thinking",
            MEASURED,
            "anthropic.claude-opus-4-7*",
        ),
    ],
    "thinking": [
        Source(
            "AWS user guide, Adaptive thinking: only adaptive from Opus 4.7 on, both for 4.6, only a budget for 4.5 "
            "and older (live: anthropics/claude-code#50209, #49238)",
            DOCUMENTED,
        ),
    ],
    "thinking_off": [
        Source(
            "AWS user guide, Adaptive thinking: `disabled` is refused by Opus 4.7, Fable 5 and Mythos 5; taken to be "
            "the same for Opus 4.8. Anthropic: Opus 5.5 and Fable 5.1 always reason, Sonnet 5.5 has `between_tools`. "
            "AWS user guide, card of Haiku 5.5: it can be turned off",
            DOCUMENTED,
        ),
    ],
    "efforts": [
        Source(
            "Anthropic, Effort: `max` from 4.6 on, `xhigh` from Opus 4.7 on. Live: Opus 4.5 takes low, medium and high "
            "(coder/coder#25356); Sonnet 4.5 takes none (anthropics/claude-code-action#1005); 4.6 refuses `xhigh` "
            "(BerriAI/litellm#27074), where one change of LiteLLM says otherwise (#28898)",
            DOCUMENTED,
        ),
    ],
    "long_context": [
        Source(
            "AWS user guide, model cards: a million tokens for Opus and Sonnet from 4.6 on, Haiku 5.5 and Fable",
            DOCUMENTED,
        ),
        Source(
            "AWS user guide, Anthropic Claude Messages API: `context-1m-2025-08-07` for Sonnet 4, and in use for "
            "Sonnet 4.5 (anomalyco/opencode#12452). Anthropic ended it for its own API in April 2026; whether Bedrock "
            "still takes it is not known",
            ONE_REPORT,
            "anthropic.claude-sonnet-4-5-*",
        ),
    ],
    "strict_tools": [
        Source(
            "Live calls of July 2026: refused by Opus 4.7 and 4.8, Sonnet 4 and Sonnet 5, taken by Sonnet 4.5 and 4.6, "
            "Opus up to 4.6, and Opus 5 (BerriAI/litellm#33193, vercel/ai#16237)",
            MEASURED,
        ),
        Source(
            "Live calls of September 2026: refused by Opus 5.5 and Fable 5.1, taken by Opus 5 and Fable 5, which "
            "refused it in July by another report (lobehub/lobehub#19876, BerriAI/litellm#32455)",
            MEASURED,
        ),
        Source(
            "AWS user guide, Get validated JSON results from models: Claude from 4.5 on",
            DOCUMENTED,
            "anthropic.claude-3-*",
        ),
    ],
    "media_in_results": [
        Source(
            "AWS API reference, ToolResultContentBlock: images for Nova and Claude; anomalyco/opencode#49443",
            DOCUMENTED,
        ),
    ],
    "empty_results": [
        Source("Accepted by Claude, refused by Nemotron (strands-agents/harness-sdk#2122, with a program)", ONE_REPORT),
    ],
    "tool_schemas": [
        Source(
            "Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$': live calls of Converse "
            "(aws-solutions-library-samples/accelerated-intelligent-document-processing-on-aws#709), Anthropic's API "
            "(ComposioHQ/composio#3500, anthropics/claude-code#79418)",
            MEASURED,
        ),
        Source(
            "input_schema does not support oneOf, allOf, or anyOf at the top level: Claude in Converse and Anthropic's "
            "API, and no other model (code-yeongyu/senpi#1947, trycua/cua#3303, anthropics/claude-code#5973)",
            MEASURED,
        ),
    ],
    "blank_stops": [
        Source("Anthropic: each stop sequence must contain non-whitespace (BerriAI/litellm#3286)", ONE_REPORT),
    ],
    "closed_schemas": [
        Source(
            "AWS user guide, Get validated JSON results from models, supported and unsupported features; Bedrock's "
            "answers in BerriAI/litellm#29168, AgentToolkit/altk-boost#118, future-agi/future-agi#412",
            DOCUMENTED,
        ),
        Source(
            "Anthropic, Structured outputs: at most 20 strict tools, 24 optional properties and 16 unions in a request",
            DOCUMENTED,
        ),
    ],
    "closed_tools": [
        Source("Bedrock's answers in AgentToolkit/altk-boost#118, of a strict tool", ONE_REPORT),
    ],
    "structured": [
        Source(
            "AWS user guide, Get validated JSON results from models: Sonnet 4.5, Haiku 4.5, Opus 4.5, Opus 4.6; for "
            "Sonnet 4.6 its model card (BerriAI/litellm#27876)",
            DOCUMENTED,
        ),
        Source(
            "Refused by Opus 4.7, 4.8 and 5, Sonnet 5, Fable 5 until September 2026 (vercel/ai#14773, #17919; "
            "anthropics/anthropic-sdk-python#1759; ax-llm/ax#667), by Sonnet 5 still in September "
            "(presenton/presenton#939), and by Opus 5.5, which cannot be forced to call a tool either "
            "(BerriAI/litellm#42717)",
            MEASURED,
        ),
        Source(
            "@ai-sdk/amazon-bedrock 5.0.131 (November 2026) sends it again to some Claude 5, which it does not name. "
            "A forced tool serves these models in either case",
            ONE_REPORT,
        ),
        Source(
            "Haiku 4.5 refuses it in some accounts since August 2026 (vercel/ai#19988, vectorize-io/hindsight#3300); "
            "AWS's list has it",
            MEASURED,
        ),
    ],
}
