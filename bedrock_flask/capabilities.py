"""What a model can do, and how it wants to be asked, as data: no code anywhere asks what a model's id contains."""

from dataclasses import dataclass, field, fields, replace
from typing import Any


def _one_of(first: str, *others: str) -> Any:
    """A text of a few; the first is meant where nothing is said."""
    return field(default=first, metadata={"one_of": (first, *others)})


_KINDS = {bool: "true or false", int: "a whole number", str: "a text"}


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """One set of abilities, for one narrow pattern of model ids; everything but streaming is off until said.

    The others say how a model that is asked in another format than its own wants its Converse request; what they say
    where nothing is said leaves to Bedrock what only some models refuse.

    results_with_text      a user turn may hold tool results beside other content
    prefill                the conversation may end with an assistant turn, which the model continues
    forced_tools           the model can be made to use a tool: toolChoice `any` and `tool`
    root_unions            a tool's schema may have anyOf, oneOf and allOf at its root
    cache_tools            cache points may stand among the tools
    cache_after_results    a cache point may stand directly after a tool result
    structured             the answer can be held to a JSON Schema
    signs_reasoning        reasoning comes signed, and comes back only with its signature
    thinking               which forms of `thinking` the model knows: with a budget, adaptive, either, or none of them
    thinking_off           how reasoning is switched off: by saying nothing, by a type of `thinking`, or never
    batch                  texts that an embedding model takes in one call
    sampling               of temperature and topP the model takes both, one at a time, or none (nor topK)
    counts_tokens          Bedrock's CountTokens operation supports the model
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
    output: str = _one_of("text", "embedding", "image", "video", "speech")
    batch: int = 1
    results_with_text: bool = True
    prefill: bool = True
    forced_tools: bool = True
    root_unions: bool = False
    cache_tools: bool = True
    cache_after_results: bool = True
    structured: bool = True
    signs_reasoning: bool = False
    thinking: str = _one_of("", "budget", "either", "adaptive")
    thinking_off: str = _one_of("absent", "disabled", "between_tools", "never")
    sampling: str = _one_of("both", "one", "none")
    counts_tokens: bool = False

    def __post_init__(self) -> None:
        for each in fields(self):
            value, allowed = getattr(self, each.name), each.metadata.get("one_of")
            if type(value) is not type(each.default):
                kind = _KINDS[type(each.default)]
                raise TypeError(f"the capability '{each.name}' is {kind}, not {value!r}")
            if allowed is not None and value not in allowed:
                raise TypeError(f"the capability '{each.name}' is one of {allowed}, not {value!r}")

    def but(self, **changes: Any) -> "Capabilities":
        """The same, with some abilities changed."""
        return replace(self, **changes)
