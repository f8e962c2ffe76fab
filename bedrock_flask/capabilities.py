"""What a model can do, and which requests it accepts, as data: no code inspects a model's id."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

DOCUMENTED, MEASURED, ONE_REPORT = "documented", "measured", "one report"
# The efforts of reasoning that any API knows, the lowest first.
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def _make_enum(first: str, *others: str) -> Any:
    """A string enum; the first value is the default."""
    return field(default=first, metadata={"one_of": (first, *others)})


_TYPES = {bool: "true or false", int: "an integer", str: "a string", tuple: "a tuple of strings"}


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


@dataclass(frozen=True)
class Rule:
    """What a capability means for requests: what Bedrock refuses without it, and what the gateway does instead."""

    refuses: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """The capabilities of the models of one narrow pattern; everything but streaming is off by default.

    The ones below describe the Converse requests that the model accepts if a caller uses another format than its native
    one; their defaults leave to Bedrock what only some models refuse.

    results_with_text      a user turn may contain tool results with other content
    prefill                the conversation may end with an assistant turn, which the model continues
    forced_tools           the model can be forced to use a tool: toolChoice `any` and `tool`
    named_tools            the tool that the model is forced to use can be named: toolChoice `tool`
    streamed_tools         tools are accepted in a streamed request
    root_unions            a tool's schema may have anyOf, oneOf and allOf at its root
    cache_tools            cache points are allowed among the tools
    cache_after_results    a cache point is allowed directly after a tool result
    cache_after_media      a cache point is allowed directly after an image, a PDF, video and audio
    structured             the answer can be required to conform to a JSON Schema
    closed_schemas         that schema, and those of strict tools, must be closed and have no bounds
    signs_reasoning        reasoning is signed, and accepted only with its signature
    signatures             a signature of reasoning is accepted
    thinking               the types of `thinking` that the model accepts: with a budget, adaptive, either, or none
    thinking_off           how reasoning is disabled: by leaving it out, by a type of `thinking`, or never
    batch                  the number of texts that an embedding model accepts per call
    sampling               the model accepts temperature and topP together, one at a time, or not at all (nor topK)
    stop_sequences         the model accepts stop sequences
    most_tokens            the largest maxTokens that the model accepts; 0: unknown
    least_tokens           the smallest maxTokens that the model accepts
    efforts                the efforts of reasoning that the model accepts, in the order of EFFORTS; empty: unknown
    unlimited_effort       the effort with which the model accepts no maxTokens
    effort_field           the path of the effort in a Converse request; empty: where the adapter's `extras` put it
    counts_tokens          Bedrock's CountTokens operation supports the model
    strict_tools           a tool may have `strict`
    long_cache             a prefix can be cached for an hour
    system_turns           InvokeModel accepts a system message among the others
    refused_betas          patterns of betas that other models of the family take, and this one refuses
    long_context           whether the model has a context window of a million tokens: by itself, if a beta asks for it,
                           never, or it is not known
    api_versions           the versions of the model's own format that Bedrock takes, the oldest first; empty: unknown
    media_in_results       a tool result may contain images, documents and video
    empty_results          whether a tool result may have no content
    tool_schemas           what the model takes of a tool's schema: anything that is known; no unions at the root and
                           names of letters, digits and signs there (named); type, properties and required (plain)
    reasoning_history      the answers of earlier turns may have reasoning
    blank_stops            a stop sequence may consist of white space
    """

    tools: bool = False
    system: bool = False
    cache: bool = False
    images: bool = False
    documents: bool = False
    video: bool = False
    audio: bool = False
    reasoning: bool = False
    streaming: bool = True
    output: str = _make_enum("text", "embedding", "image", "video", "speech")
    batch: int = 1
    results_with_text: bool = True
    prefill: bool = True
    forced_tools: bool = True
    named_tools: bool = True
    streamed_tools: bool = True
    root_unions: bool = False
    cache_tools: bool = True
    cache_after_results: bool = True
    cache_after_media: bool = True
    structured: bool = True
    closed_schemas: bool = False
    signs_reasoning: bool = False
    signatures: bool = True
    thinking: str = _make_enum("", "budget", "either", "adaptive")
    thinking_off: str = _make_enum("absent", "disabled", "between_tools", "never")
    sampling: str = _make_enum("both", "one", "none")
    stop_sequences: bool = True
    most_tokens: int = 0
    least_tokens: int = 1
    efforts: tuple[str, ...] = ()
    unlimited_effort: str = ""
    effort_field: str = ""
    counts_tokens: bool = False
    strict_tools: bool = True
    long_cache: bool = False
    system_turns: bool = False
    refused_betas: tuple[str, ...] = ()
    long_context: str = _make_enum("unknown", "native", "beta", "never")
    api_versions: tuple[str, ...] = ()
    media_in_results: bool = True
    empty_results: str = _make_enum("unknown", "accepted", "refused")
    tool_schemas: str = _make_enum("any", "named", "plain")
    reasoning_history: bool = True
    blank_stops: bool = True

    def __post_init__(self) -> None:
        for each in fields(self):
            value, allowed = getattr(self, each.name), each.metadata.get("one_of")
            if type(value) is not type(each.default):
                kind = _TYPES[type(each.default)]
                raise TypeError(f"the capability '{each.name}' must be {kind}, not {value!r}")
            if allowed is not None and value not in allowed:
                raise TypeError(f"the capability '{each.name}' must be one of {allowed}, not {value!r}")

    def but(self, **changes: Any) -> "Capabilities":
        """Return a copy with some capabilities changed."""
        return replace(self, **changes)


def is_effort_beta_needed(capabilities: Capabilities) -> bool:
    """Whether Claude's own format has an effort only with its beta: models that reason with a budget, and have efforts.

    Source: AWS user guide, Anthropic Claude Messages API, for Opus 4.5 (live: coder/coder#25356).
    """
    return capabilities.thinking == "budget" and bool(capabilities.efforts)


# The capabilities that describe what Bedrock refuses. docs/reference/bedrock-rules.md lists them with their sources.
RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "tools": Rule(
            "Whether a request may have tools.",
            "Without it the gateway refuses tools by name.",
        ),
        "streamed_tools": Rule(
            "Whether ConverseStream takes tools.",
            "Without it the gateway calls Converse, and streams the answer when it is complete.",
        ),
        "forced_tools": Rule(
            "Whether the model can be forced to use a tool (`toolChoice` with `any` or `tool`).",
            "Without it the gateway refuses the choice by name, or drops it if the caller allows that.",
        ),
        "named_tools": Rule(
            "Whether the tool that the model is forced to use can be named (`toolChoice` with `tool`).",
            "Without it the gateway offers the named tool alone, with `any`, and reports it.",
        ),
        "system": Rule(
            "Whether a request may have a system prompt.",
            "Without it the system prompt becomes the first part of the user's first turn, within `<system>` and "
            "`</system>`. This is reported.",
        ),
        "images": Rule("Whether a turn may have images.", "Without it the gateway refuses an image by name."),
        "documents": Rule("Whether a turn may have documents.", "Without it the gateway refuses a document by name."),
        "video": Rule("Whether a turn may have a video.", "Without it the gateway refuses a video by name."),
        "audio": Rule("Whether a turn may have audio.", "Without it the gateway refuses audio by name."),
        "stop_sequences": Rule(
            "Whether a request may have stop sequences.",
            "Without it the gateway refuses them by name, or drops them if the caller allows that.",
        ),
        "most_tokens": Rule(
            "The largest `maxTokens`.",
            "The gateway lowers a larger one to it and reports that: the answer could not be longer anyway.",
        ),
        "least_tokens": Rule(
            "The smallest `maxTokens`.",
            "The gateway raises a smaller one to it and reports that.",
        ),
        "efforts": Rule(
            "The efforts of reasoning.",
            "The gateway sends the nearest one, of two the lower, and reports a change. It writes Anthropic's "
            "`thinking` as an effort for a model that has only efforts.",
        ),
        "results_with_text": Rule(
            "Whether a turn may have the results of tools together with other content.",
            "Without it the gateway makes two turns of one, with the answer `OK.` between them.",
        ),
        "unlimited_effort": Rule(
            "An effort with which a request may not have `maxTokens`.",
            "With `maxTokens` the gateway sends the effort below it, and reports that.",
        ),
        "cache": Rule(
            "Whether a request may have cache points.",
            "Without it the gateway drops them and reports it.",
        ),
        "cache_tools": Rule(
            "Whether cache points may be among the tools.",
            "Without it the gateway drops them there and reports it.",
        ),
        "cache_after_results": Rule(
            "Whether a cache point may follow a tool result directly.",
            "Without it the gateway moves the point back, behind the last block that may have one, and reports it.",
        ),
        "root_unions": Rule(
            "Whether a tool's schema may have `oneOf`, `allOf` or `anyOf` at its root.",
            "Unless it is known to be accepted, the gateway makes one object of them, which takes as much, and reports "
            "it.",
        ),
        "streaming": Rule(
            "Whether the model streams.",
            "Without it a client that wants a stream gets the whole answer as one, when it is there.",
        ),
        "reasoning": Rule(
            "Whether the model can reason before it answers.",
            "Without it the gateway refuses an effort and `thinking` by name, or drops them if the caller allows that; "
            "it drops reasoning in the history, and reports it.",
        ),
        "signs_reasoning": Rule(
            "Whether reasoning in the history needs the signature that it came with.",
            "With it the gateway drops reasoning without a signature and reports it.",
        ),
        "signatures": Rule(
            "Whether reasoning in the history may have a signature.",
            "Without it the gateway drops the signature, which another model has given, and reports it.",
        ),
        "prefill": Rule(
            "Whether the last turn may be the assistant's, which the model then continues.",
            "Without it the gateway refuses such a conversation through Converse. In Anthropic's format it is sent: "
            "Anthropic's API refuses it, too.",
        ),
        "sampling": Rule(
            "Whether `temperature` and `topP` are taken together (`both`), one at a time (`one`), or, like `topK`, "
            "only with their defaults (`none`).",
            "Through Converse the gateway drops defaults, and of two values the second, which it reports; it refuses "
            "what the model never takes, or drops it if the caller allows that. In Anthropic's format it drops "
            "defaults; other values are sent: Anthropic's API refuses them, too.",
        ),
        "thinking": Rule(
            "The types of `thinking`: with a budget, adaptive, either, or none.",
            "Through Converse the gateway translates one into the other, and an effort into what the model has. In "
            "Anthropic's format it is sent: Anthropic's API refuses what the model does not take, too.",
        ),
        "thinking_off": Rule(
            "How reasoning is disabled: by no `thinking` (`absent`), by its type `disabled` or `between_tools`, or "
            "never.",
            "Through Converse the gateway writes what the model takes, and refuses it where it never can. In "
            "Anthropic's format it drops `disabled` for models that reason only if `adaptive` asks for it.",
        ),
        "api_versions": Rule(
            "The versions that InvokeModel takes as `anthropic_version`.",
            "In Anthropic's API the gateway sends the newest version that is not later than the caller's.",
        ),
        "system_turns": Rule(
            "Whether InvokeModel accepts a message of the role `system` among the others. Converse accepts none.",
            "The gateway moves those that come first to the system prompt. A later one becomes a part of the user's "
            "turn in its place, within `<system>` and `</system>`, so that the cached prefix stays the same. This is "
            "reported.",
        ),
        "long_cache": Rule(
            "Whether a cache mark may have the lifetime of an hour (`ttl: 1h`).",
            "Without it the gateway leaves the default lifetime and reports it.",
        ),
        "counts_tokens": Rule(
            "Whether CountTokens counts for the model, by its own id or ARN and not by an inference profile's.",
            "The gateway sends the model's own id. Where Bedrock counts nothing it refuses, or estimates if the caller "
            "asks for that.",
        ),
        "refused_betas": Rule(
            "Betas that InvokeModel takes for other models, and refuses for this one (`invalid beta flag`).",
            "In Anthropic's API the gateway drops the beta and reports it, and with it the members that need it.",
        ),
        "long_context": Rule(
            "Whether the context window has a million tokens: by itself (`native`), only if the beta "
            "`context-1m-2025-08-07` asks for it (`beta`), or `never`.",
            "A suffix of the model's name, such as `[1m]`, is not sent. Where the model needs the beta for it, the "
            "gateway names the beta; where the model has no such window, it refuses the name.",
        ),
        "cache_after_media": Rule(
            "Whether a cache point may follow an image, a PDF, video or audio directly.",
            "Without it the gateway moves the point back, behind the last text, and reports it.",
        ),
        "strict_tools": Rule(
            "Whether a tool may have `strict`.",
            "Without it the gateway drops `strict` and reports it.",
        ),
        "structured": Rule(
            "Whether a request can require a JSON Schema for the answer (`outputConfig.textFormat`, "
            "`output_config.format`).",
            "Without it the gateway has the model call a tool whose input is the answer, and reports it. So it does "
            "for a schema that is open or leads back to itself, and for any JSON object (`json_object`). Where the "
            "model cannot be forced to call a tool, or reasons, the schema is refused by name, whatever the policy.",
        ),
        "closed_schemas": Rule(
            "Whether the schema of an answer, and those of strict tools, must be in the part of JSON Schema that "
            "Bedrock supports: every object has `additionalProperties: false`, and there are no bounds (`minimum`, "
            "`maxLength`, `minItems` over 1 …), other formats, `oneOf`, references to other documents or circles of "
            "references.",
            "The gateway closes objects, writes bounds into the descriptions, and reports both. A schema that allows "
            "more than Bedrock can express is required by a tool, and `strict` of such a tool is dropped and reported.",
        ),
        "media_in_results": Rule(
            "Whether a tool result may contain images. Of documents and video nothing is known; they are moved alike.",
            "Without it the gateway puts the image, the document or the video beside the results in the same turn, "
            "with a number that the result names. This is reported.",
        ),
        "empty_results": Rule(
            "Whether a tool result may have no content.",
            "Unless it is known to be accepted, the gateway writes `(no output)` into it.",
        ),
        "tool_schemas": Rule(
            "What is refused of a tool's schema. `plain`: members of its root other than `type`, `properties` and "
            "`required`. `named`: `anyOf`, `oneOf` and `allOf` at its root, and names of its properties that are not 1 "
            "to 64 letters, digits, `_`, `.` and `-`. `any`: nothing that is known.",
            "For `plain` the gateway replaces each `$ref` by what it refers to, leaves the three members, and reports "
            "what is lost. It makes one object of a union, which it reports, for every model without `root_unions`. It "
            "refuses the name of a property.",
        ),
        "reasoning_history": Rule(
            "Whether the answers of earlier turns may have reasoning.",
            "Without it the gateway drops the reasoning and reports it.",
        ),
        "blank_stops": Rule(
            "Whether a stop sequence may consist of white space.",
            "Without it the gateway drops such stop sequences and reports them.",
        ),
    }
)

# What Converse refuses for every model, with the words of the reports. The gateway repairs it; the emulator refuses it.
CONVERSE_RULES: tuple[tuple[Rule, Source], ...] = (
    (
        Rule("A blank text, in a message, in a tool result and in the system prompt.", "The gateway drops it."),
        Source("LibreChat-AI/agents#501, OpenHands/OpenHands#5339, NousResearch/hermes-agent#64858", MEASURED),
    ),
    (
        Rule(
            "A message without content.",
            "The gateway drops an empty answer and reports it, and refuses an empty message of the user by name.",
        ),
        Source("anomalyco/opencode#11210, archestra-ai/archestra#4220", MEASURED),
    ),
    (
        Rule("Roles that do not alternate.", "The gateway joins messages of one role."),
        Source("langchain-ai/langchain-aws#130, Portkey-AI/gateway#748, cline/cline#431", MEASURED),
    ),
    (
        Rule(
            "Tool calls or results without `toolConfig`.",
            "Without tools in the request, the gateway writes calls and results as text and reports it.",
        ),
        Source("langgenius/dify#17545, onyx-dot-app/onyx#7842, patriceckhart/zot#18", MEASURED),
    ),
    (
        Rule(
            "A tool call without its result in the next message, a result without its call, two of one id.",
            "The gateway refuses it by name.",
        ),
        Source(
            "agno-agi/agno#6698, Just-Curieous/Curie#16, pydantic/pydantic-ai#2327, BerriAI/litellm#20047", MEASURED
        ),
    ),
    (
        Rule(
            "A tool schema without `type: object` at its root.",
            "The gateway adds it, and refuses a schema of something else by name.",
        ),
        Source("aaif-goose/goose#5064, kirodotdev/Kiro#11026", MEASURED),
    ),
    (
        Rule("A document in a message without text.", "The gateway adds the text `Document.`"),
        Source("AWS API reference, ContentBlock; BerriAI/litellm#36499, maximhq/bifrost#5817", DOCUMENTED),
    ),
    (
        Rule(
            "The name of a document that has other characters than letters, digits, single spaces, hyphens, "
            "parentheses and square brackets, and a name that another document has.",
            "The gateway changes the name.",
        ),
        Source("AWS API reference, DocumentBlock; vercel/ai#20365, maximhq/bifrost#7003", DOCUMENTED),
    ),
    (
        Rule(
            "A document given as text without citations.",
            "The gateway sends its bytes.",
        ),
        Source("maximhq/bifrost#7072, #7079, strands-agents/harness-sdk#3582", MEASURED),
    ),
    (
        Rule(
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
        Rule("More than four cache points.", "The gateway refuses the fifth by name."),
        Source("AWS user guide, Prompt caching; twentyhq/twenty#26217", DOCUMENTED),
    ),
    (
        Rule("More than five documents.", "The gateway leaves it to Bedrock, whose words name the limit."),
        Source("AWS user guide, API restrictions; aaif-goose/goose#1267", DOCUMENTED),
    ),
    (
        Rule("Images and documents in a message of the assistant.", "The gateway leaves it to Bedrock."),
        Source("AWS user guide, API restrictions", DOCUMENTED),
    ),
    (
        Rule("Reasoning in a message of the user.", "No API that clients speak has it."),
        Source("langchain-ai/langchain-aws#401, zed-industries/zed#32341", MEASURED),
    ),
)
