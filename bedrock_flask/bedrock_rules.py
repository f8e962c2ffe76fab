"""What Bedrock refuses, and what the gateway does instead, in words; docs/reference/bedrock-rules.md is made of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bedrock_flask.bedrock.sources import DOCUMENTED, MEASURED, Source


@dataclass(frozen=True)
class BedrockRule:
    """What a capability means for requests: what Bedrock refuses without it, and what the gateway does instead."""

    refuses: str
    remedy: str


# By the capability that has it; the adapters have the sources.
RULES: Mapping[str, BedrockRule] = MappingProxyType(
    {
        "tools": BedrockRule(
            "Whether a request may have tools.",
            "Without it the gateway refuses tools by name.",
        ),
        "streamed_tools": BedrockRule(
            "Whether ConverseStream takes tools.",
            "Without it the gateway calls Converse, and streams the answer when it is complete.",
        ),
        "tools_in_chat": BedrockRule(
            "With which efforts AWS's Chat Completions take tools: any, only without an effort, or only with `none`.",
            "With another effort the gateway calls the model's Responses, where it serves the model.",
        ),
        "forced_tools": BedrockRule(
            "Whether the model can be forced to use a tool (`toolChoice` with `any` or `tool`).",
            "Without it the gateway refuses the choice by name, or drops it if the caller allows that.",
        ),
        "forced_while_reasoning": BedrockRule(
            "Whether a tool can be forced while `thinking` asks for reasoning.",
            "Without it the gateway refuses the two by name through Converse, and a schema for the answer beside "
            "reasoning where the model has no structured output. In Anthropic's format a forced tool is sent.",
        ),
        "named_tools": BedrockRule(
            "Whether the tool that the model is forced to use can be named (`toolChoice` with `tool`).",
            "Without it the gateway offers the named tool alone, with `any`, and reports it.",
        ),
        "system": BedrockRule(
            "Whether a request may have a system prompt.",
            "Without it the system prompt becomes the first part of the user's first turn, within `<system>` and "
            "`</system>`. This is reported.",
        ),
        "images": BedrockRule("Whether a turn may have images.", "Without it the gateway refuses an image by name."),
        "documents": BedrockRule(
            "Whether a turn may have documents.", "Without it the gateway refuses a document by name."
        ),
        "video": BedrockRule("Whether a turn may have a video.", "Without it the gateway refuses a video by name."),
        "audio": BedrockRule("Whether a turn may have audio.", "Without it the gateway refuses audio by name."),
        "stop_sequences": BedrockRule(
            "Whether a request may have stop sequences.",
            "Without it the gateway refuses them by name, or drops them if the caller allows that.",
        ),
        "refused_in_chat": BedrockRule(
            "The members that AWS's Chat Completions refuse for the model.",
            "The gateway writes `max_tokens` as `max_completion_tokens`, and refuses the others by name, or drops them "
            "if the caller allows that.",
        ),
        "most_tokens": BedrockRule(
            "The largest `maxTokens`.",
            "The gateway lowers a larger one to it and reports that: the answer could not be longer anyway.",
        ),
        "least_tokens": BedrockRule(
            "The smallest `maxTokens`.",
            "The gateway raises a smaller one to it and reports that.",
        ),
        "efforts": BedrockRule(
            "The efforts of reasoning.",
            "The gateway sends the nearest one, of two the lower, and reports a change. It writes Anthropic's "
            "`thinking` as an effort for a model that has only efforts.",
        ),
        "results_with_text": BedrockRule(
            "Whether a turn may have the results of tools together with other content.",
            "Without it the gateway makes two turns of one, with the answer `OK.` between them.",
        ),
        "unlimited_effort": BedrockRule(
            "An effort with which a request may not have `maxTokens`.",
            "With `maxTokens` the gateway sends the effort below it, and reports that.",
        ),
        "cache": BedrockRule(
            "Whether a request may have cache points.",
            "Without it the gateway drops them and reports it.",
        ),
        "cache_tools": BedrockRule(
            "Whether cache points may be among the tools.",
            "Without it the gateway drops them there and reports it.",
        ),
        "cache_after_results": BedrockRule(
            "Whether a cache point may follow a tool result directly.",
            "Without it the gateway moves the point back, behind the last block that may have one, and reports it.",
        ),
        "shortest_call_id": BedrockRule(
            "The smallest length of the id of a tool call.",
            "The gateway replaces a shorter one by an alias, in the call and in its result.",
        ),
        "root_unions": BedrockRule(
            "Whether a tool's schema may have `oneOf`, `allOf` or `anyOf` at its root.",
            "Unless it is known to be accepted, the gateway makes one object of them, which takes as much, and reports "
            "it.",
        ),
        "streaming": BedrockRule(
            "Whether the model streams.",
            "Without it a client that wants a stream gets the whole answer as one, when it is there.",
        ),
        "reasoning": BedrockRule(
            "Whether the model can reason before it answers.",
            "Without it the gateway refuses an effort and `thinking` by name, or drops them if the caller allows that; "
            "it drops reasoning in the history, and reports it.",
        ),
        "signs_reasoning": BedrockRule(
            "Whether reasoning in the history needs the signature that it came with.",
            "With it the gateway drops reasoning without a signature and reports it.",
        ),
        "signatures": BedrockRule(
            "Whether reasoning in the history may have a signature.",
            "Without it the gateway drops the signature, which another model has given, and reports it.",
        ),
        "prefill": BedrockRule(
            "Whether the last turn may be the assistant's, which the model then continues.",
            "Without it the gateway refuses such a conversation through Converse. In Anthropic's format it is sent: "
            "Anthropic's API refuses it, too.",
        ),
        "any_turns": BedrockRule(
            "Whether the turns of a conversation may come in any order. Otherwise they alternate, and the first is the "
            "user's.",
            "The gateway joins turns of one role in requests of the other APIs, and so makes no use of it.",
        ),
        "same_address": BedrockRule(
            "Whether `model` and `stream` in a body of InvokeModel, if it has them, must be those of its address.",
            "With it the gateway refuses a native body that names another model, or streams where its route does not.",
        ),
        "sampling": BedrockRule(
            "Whether `temperature` and `topP` are taken together (`both`), one at a time (`one`), or, like `topK`, "
            "only with their defaults (`none`).",
            "Through Converse the gateway drops defaults, and of two values the second, which it reports; it refuses "
            "what the model never takes, or drops it if the caller allows that. In Anthropic's format it drops "
            "defaults; other values are sent: Anthropic's API refuses them, too.",
        ),
        "thinking": BedrockRule(
            "The types of `thinking`: with a budget, adaptive, either, or none.",
            "Through Converse the gateway translates one into the other, and an effort into what the model has. In "
            "Anthropic's format it is sent: Anthropic's API refuses what the model does not take, too.",
        ),
        "thinking_off": BedrockRule(
            "How reasoning is disabled: by no `thinking` (`absent`), by its type `disabled` or `between_tools`, or "
            "never.",
            "Through Converse the gateway writes what the model takes, and refuses it where it never can. In "
            "Anthropic's format it drops `disabled` for models that reason only if `adaptive` asks for it.",
        ),
        "api_versions": BedrockRule(
            "The versions that InvokeModel takes as `anthropic_version`.",
            "In Anthropic's API the gateway sends the newest version that is not later than the caller's.",
        ),
        "system_turns": BedrockRule(
            "Whether InvokeModel accepts a message of the role `system` among the others. Converse accepts none.",
            "The gateway moves those that come first to the system prompt. A later one becomes a part of the user's "
            "turn in its place, within `<system>` and `</system>`, so that the cached prefix stays the same. This is "
            "reported.",
        ),
        "long_cache": BedrockRule(
            "Whether a cache mark may have the lifetime of an hour (`ttl: 1h`).",
            "Without it the gateway leaves the default lifetime and reports it.",
        ),
        "counts_tokens": BedrockRule(
            "Whether CountTokens counts for the model, by its own id or ARN and not by an inference profile's.",
            "The gateway sends the model's own id. Where Bedrock counts nothing it refuses, or estimates if the caller "
            "asks for that.",
        ),
        "refused_betas": BedrockRule(
            "Betas that InvokeModel takes for other models, and refuses for this one (`invalid beta flag`).",
            "In Anthropic's API the gateway drops the beta and reports it, and with it the members that need it.",
        ),
        "long_context": BedrockRule(
            "Whether the context window has a million tokens: by itself (`native`), only if the beta "
            "`context-1m-2025-08-07` asks for it (`beta`), or `never`.",
            "A suffix of the model's name, such as `[1m]`, is not sent. Where the model needs the beta for it, the "
            "gateway names the beta; where the model has no such window, it refuses the name.",
        ),
        "cache_after_media": BedrockRule(
            "Whether a cache point may follow an image, a PDF, video or audio directly.",
            "Without it the gateway moves the point back, behind the last text, and reports it.",
        ),
        "strict_tools": BedrockRule(
            "Whether a tool may have `strict`.",
            "Without it the gateway drops `strict` and reports it.",
        ),
        "structured": BedrockRule(
            "Whether a request can require a JSON Schema for the answer (`outputConfig.textFormat`, "
            "`output_config.format`).",
            "Without it the gateway has the model call a tool whose input is the answer, and reports it. So it does "
            "for a schema that is open or leads back to itself, and for any JSON object (`json_object`). Where the "
            "model cannot be forced to call a tool, or reasons, the schema is refused by name, whatever the policy.",
        ),
        "closed_schemas": BedrockRule(
            "Whether the schema of an answer, and those of strict tools, must be in the part of JSON Schema that "
            "Bedrock supports: every object has `additionalProperties: false`, and there are no bounds (`minimum`, "
            "`maxLength`, `minItems` over 1 …), other formats, `oneOf`, references to other documents or circles of "
            "references.",
            "The gateway closes objects, writes bounds into the descriptions, and reports both. A schema that allows "
            "more than Bedrock can express is required by a tool, and `strict` of such a tool is dropped and reported.",
        ),
        "closed_tools": BedrockRule(
            "Whether an object in the schema of a strict tool must have `additionalProperties: false`. Otherwise it "
            "may also lack the member.",
            "The gateway closes the objects of strict tools in either case, and reports it.",
        ),
        "media_in_results": BedrockRule(
            "Whether a tool result may contain images. Of documents and video nothing is known; they are moved alike.",
            "Without it the gateway puts the image, the document or the video beside the results in the same turn, "
            "with a number that the result names. This is reported.",
        ),
        "empty_results": BedrockRule(
            "Whether a tool result may have no content.",
            "Unless it is known to be accepted, the gateway writes `(no output)` into it.",
        ),
        "tool_schemas": BedrockRule(
            "What is refused of a tool's schema. `plain`: members of its root other than `type`, `properties` and "
            "`required`. `named`: `anyOf`, `oneOf` and `allOf` at its root, and names of its properties that are not 1 "
            "to 64 letters, digits, `_`, `.` and `-`. `any`: nothing that is known.",
            "For `plain` the gateway replaces each `$ref` by what it refers to, leaves the three members, and reports "
            "what is lost. It makes one object of a union, which it reports, for every model without `root_unions`. It "
            "refuses the name of a property.",
        ),
        "reasoning_history": BedrockRule(
            "Whether the answers of earlier turns may have reasoning.",
            "Without it the gateway drops the reasoning and reports it.",
        ),
        "blank_stops": BedrockRule(
            "Whether a stop sequence may consist of white space.",
            "Without it the gateway drops such stop sequences and reports them.",
        ),
    }
)

# What Converse refuses for every model, with the words of the reports. The gateway repairs it; the emulator refuses it.
CONVERSE_RULES: tuple[tuple[BedrockRule, Source], ...] = (
    (
        BedrockRule("A blank text, in a message, in a tool result and in the system prompt.", "The gateway drops it."),
        Source("LibreChat-AI/agents#501, OpenHands/OpenHands#5339, NousResearch/hermes-agent#64858", MEASURED),
    ),
    (
        BedrockRule(
            "A message without content.",
            "The gateway drops an empty answer and reports it, and refuses an empty message of the user by name.",
        ),
        Source("anomalyco/opencode#11210, archestra-ai/archestra#4220", MEASURED),
    ),
    (
        BedrockRule("Roles that do not alternate.", "The gateway joins messages of one role."),
        Source("langchain-ai/langchain-aws#130, Portkey-AI/gateway#748, cline/cline#431", MEASURED),
    ),
    (
        BedrockRule(
            "Tool calls or results without `toolConfig`.",
            "Without tools in the request, the gateway writes calls and results as text and reports it.",
        ),
        Source("langgenius/dify#17545, onyx-dot-app/onyx#7842, patriceckhart/zot#18", MEASURED),
    ),
    (
        BedrockRule(
            "A tool call without its result in the next message, a result without its call, two of one id.",
            "The gateway refuses it by name.",
        ),
        Source(
            "agno-agi/agno#6698, Just-Curieous/Curie#16, pydantic/pydantic-ai#2327, BerriAI/litellm#20047", MEASURED
        ),
    ),
    (
        BedrockRule(
            "A tool schema without `type: object` at its root.",
            "The gateway adds it, and refuses a schema of something else by name.",
        ),
        Source("aaif-goose/goose#5064, kirodotdev/Kiro#11026", MEASURED),
    ),
    (
        BedrockRule("A document in a message without text.", "The gateway adds the text `Document.`"),
        Source("AWS API reference, ContentBlock; BerriAI/litellm#36499, maximhq/bifrost#5817", DOCUMENTED),
    ),
    (
        BedrockRule(
            "The name of a document that has other characters than letters, digits, single spaces, hyphens, "
            "parentheses and square brackets, and a name that another document has.",
            "The gateway changes the name.",
        ),
        Source("AWS API reference, DocumentBlock; vercel/ai#20365, maximhq/bifrost#7003", DOCUMENTED),
    ),
    (
        BedrockRule(
            "A document given as text without citations.",
            "The gateway sends its bytes.",
        ),
        Source("maximhq/bifrost#7072, #7079, strands-agents/harness-sdk#3582", MEASURED),
    ),
    (
        BedrockRule(
            "A cache point directly after reasoning, directly after a document that is not a PDF, or without a block "
            "before it in its message.",
            "The gateway moves it back, behind the last block that may have one, and reports it.",
        ),
        Source(
            "anomalyco/opencode#36517, langchain-ai/langchain-aws#1290; aws/aws-sdk-java-v2#6277, "
            "strands-agents/harness-sdk#1966; strands-agents/harness-sdk#3677. All of Claude",
            MEASURED,
        ),
    ),
    (
        BedrockRule(
            "More than four cache points.",
            "In translated requests the gateway drops the first ones of the messages and reports them. In Claude's own "
            "format it refuses the fifth by name, as Anthropic's API does.",
        ),
        Source("AWS user guide, Prompt caching; twentyhq/twenty#26217", DOCUMENTED),
    ),
    (
        BedrockRule(
            "Claude Code's line `x-anthropic-billing-header: …` in the system prompt.",
            "The gateway drops the line and reports it. The emulator accepts it, because reports differ: Claude Code "
            "sends it to Bedrock itself.",
        ),
        Source("anthropics/claude-code-action#928, musistudio/claude-code-router#1161", MEASURED),
    ),
    (
        BedrockRule("More than five documents.", "The gateway leaves it to Bedrock, whose words name the limit."),
        Source("AWS user guide, API restrictions; aaif-goose/goose#1267", DOCUMENTED),
    ),
    (
        BedrockRule("Images and documents in a message of the assistant.", "The gateway leaves it to Bedrock."),
        Source("AWS user guide, API restrictions", DOCUMENTED),
    ),
    (
        BedrockRule("Reasoning in a message of the user.", "No API that clients speak has it."),
        Source("langchain-ai/langchain-aws#401, zed-industries/zed#32341", MEASURED),
    ),
)
