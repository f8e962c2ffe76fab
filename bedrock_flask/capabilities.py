"""What a model can do, and which requests it accepts, as data: no code inspects a model's id."""

from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

# The efforts of reasoning that any API knows, the lowest first.
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def _make_enum(first: str, *others: str) -> Any:
    """A string enum; the first value is the default."""
    return field(default=first, metadata={"one_of": (first, *others)})


_TYPES = {bool: "true or false", int: "an integer", str: "a string", tuple: "a tuple"}


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """The capabilities of the models of one narrow pattern.

    The defaults: a model takes text alone, streams, and otherwise leaves to Bedrock what only some models refuse.

    What the model takes and writes:
        tools, system, images, documents, video, audio
        reasoning           the model can reason before it answers
        cache               cache points
        streaming           it streams its answers
        output              what it writes
        batch               the number of texts that an embedding model accepts per call
        mixed_inputs        whether one input of an embedding model may have a text and images: one of the two alone
                            (never), a text and an image (pair), or any number of both (any)
        dimensions          the lengths of an embedding model's vectors, the default first; empty: unknown
        surfaces            the APIs of AWS that serve it (`bedrock/surfaces.py`), the preferred one first; empty: those
                            that the adapter speaks

    Conversations:
        results_with_text   a user turn may contain tool results with other content
        media_in_results    a tool result may contain images, documents and video
        empty_results       whether a tool result may have no content
        prefill             the conversation may end with an assistant turn, which the model continues
        any_turns           turns may come in any order, also the assistant's first
        same_address        `model` and `stream` in a body of InvokeModel must be those of its address
        system_turns        InvokeModel accepts a system message among the others

    Tools:
        forced_tools        the model can be forced to use a tool: toolChoice `any` and `tool`
        forced_while_reasoning
                            a tool can be forced while `thinking` asks for reasoning
        named_tools         the tool that the model is forced to use can be named: toolChoice `tool`
        streamed_tools      tools are accepted in a streamed request
        tools_in_chat       the efforts with which OpenAI's chat completions take tools on AWS's surfaces: any, no
                            effort or none, or none alone
        strict_tools        a tool may have `strict`
        tool_schemas        what the model takes of a tool's schema: anything that is known; no unions at the root and
                            names of letters, digits and signs there (named); type, properties and required (plain)
        shortest_call_id    the smallest length of a tool call's id
        root_unions         a tool's schema may have anyOf, oneOf and allOf at its root

    Answers in JSON:
        structured          the answer can be required to conform to a JSON Schema
        closed_schemas      that schema, and those of strict tools, must be closed and have no bounds
        closed_tools        the objects of a strict tool must have `additionalProperties: false`, and not leave it out

    Reasoning:
        thinking            the types of `thinking` that the model accepts: with a budget, adaptive, either, or none
        thinking_off        how reasoning is disabled: by leaving it out, by a type of `thinking`, or never
        efforts             the efforts of reasoning that the model accepts, in the order of EFFORTS; empty: unknown
        effort_field        the path of the effort in a Converse request; empty: where the adapter's `extras` put it
        unlimited_effort    the effort with which the model accepts no maxTokens
        signs_reasoning     reasoning is signed, and accepted only with its signature
        signatures          a signature of reasoning is accepted
        reasoning_history   the answers of earlier turns may have reasoning

    Sampling and limits:
        sampling            the model accepts temperature and topP together, one at a time, or not at all (nor topK)
        stop_sequences      the model accepts stop sequences
        blank_stops         a stop sequence may consist of white space
        refused_in_chat     members of OpenAI's chat completions that AWS's surfaces refuse for the model
        most_tokens         the largest maxTokens that the model accepts; 0: unknown
        least_tokens        the smallest maxTokens that the model accepts

    Caching:
        cache_tools         cache points are allowed among the tools
        cache_after_results a cache point is allowed directly after a tool result
        cache_after_media   a cache point is allowed directly after an image, a PDF, video and audio
        long_cache          a prefix can be cached for an hour

    Claude's own format, and CountTokens:
        api_versions        the versions of the model's own format that Bedrock takes, the oldest first; empty: unknown
        refused_betas       patterns of betas that other models of the family take, and this one refuses
        long_context        whether the model has a context window of a million tokens: by itself, if a beta asks for
                            it, never, or it is not known
        counts_tokens       Bedrock's CountTokens operation supports the model
    """

    # What the model takes and writes.
    tools: bool = False
    system: bool = False
    images: bool = False
    documents: bool = False
    video: bool = False
    audio: bool = False
    reasoning: bool = False
    cache: bool = False
    streaming: bool = True
    output: str = _make_enum("text", "embedding", "ranking", "image", "video", "speech")
    batch: int = 1
    mixed_inputs: str = _make_enum("never", "pair", "any")
    dimensions: tuple[int, ...] = ()
    surfaces: tuple[str, ...] = ()
    # Conversations.
    results_with_text: bool = True
    media_in_results: bool = True
    empty_results: str = _make_enum("unknown", "accepted", "refused")
    prefill: bool = True
    any_turns: bool = False
    same_address: bool = False
    system_turns: bool = False
    # Tools.
    forced_tools: bool = True
    forced_while_reasoning: bool = False
    named_tools: bool = True
    streamed_tools: bool = True
    tools_in_chat: str = _make_enum("any", "no_effort", "none")
    strict_tools: bool = True
    tool_schemas: str = _make_enum("any", "named", "plain")
    shortest_call_id: int = 1
    root_unions: bool = False
    # Answers in JSON.
    structured: bool = True
    closed_schemas: bool = False
    closed_tools: bool = False
    # Reasoning.
    thinking: str = _make_enum("", "budget", "either", "adaptive")
    thinking_off: str = _make_enum("absent", "disabled", "between_tools", "never")
    efforts: tuple[str, ...] = ()
    effort_field: str = ""
    unlimited_effort: str = ""
    signs_reasoning: bool = False
    signatures: bool = True
    reasoning_history: bool = True
    # Sampling and limits.
    sampling: str = _make_enum("both", "one", "none")
    stop_sequences: bool = True
    blank_stops: bool = True
    refused_in_chat: tuple[str, ...] = ()
    most_tokens: int = 0
    least_tokens: int = 1
    # Caching.
    cache_tools: bool = True
    cache_after_results: bool = True
    cache_after_media: bool = True
    long_cache: bool = False
    # Claude's own format, and CountTokens.
    api_versions: tuple[str, ...] = ()
    refused_betas: tuple[str, ...] = ()
    long_context: str = _make_enum("unknown", "native", "beta", "never")
    counts_tokens: bool = False

    def __post_init__(self) -> None:
        for each in fields(self):
            value, allowed = getattr(self, each.name), each.metadata.get("one_of")
            if type(value) is not type(each.default):
                kind = _TYPES[type(each.default)]
                raise TypeError(f"the capability '{each.name}' must be {kind}, not {value!r}")
            if allowed is not None and value not in allowed:
                raise TypeError(f"the capability '{each.name}' must be one of {allowed}, not {value!r}")

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        # Found once: what is chosen for a model is looked up by its capabilities for each request.
        return hash(tuple(getattr(self, each.name) for each in fields(self)))

    def but(self, **changes: Any) -> "Capabilities":
        """Return a copy with some capabilities changed."""
        return replace(self, **changes)


def is_effort_beta_needed(capabilities: Capabilities) -> bool:
    """Whether Claude's own format has an effort only with its beta: models that reason with a budget, and have efforts.

    Source: AWS user guide, Anthropic Claude Messages API, for Opus 4.5 (live: coder/coder#25356).
    """
    return capabilities.thinking == "budget" and bool(capabilities.efforts)


# What the cards of most models that Converse serves say: text in and out, tools, reasoning, and schemas for answers.
CHAT = Capabilities(
    tools=True,
    system=True,
    documents=True,
    reasoning=True,
    media_in_results=False,
    closed_schemas=True,
    signatures=False,
)
