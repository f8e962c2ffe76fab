"""What a model can do, as data: no code anywhere asks what a model's id contains."""

from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """One set of abilities, for one narrow pattern of model ids; everything but streaming is off until said."""

    tools: bool = False
    system: bool = False
    cache: bool = False
    images: bool = False
    documents: bool = False
    video: bool = False
    audio: bool = False
    reasoning: bool = False
    streaming: bool = True
    output: str = "text"

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if type(value) is not type(each.default):
                kind = "a text" if each.name == "output" else "true or false"
                raise TypeError(f"the capability '{each.name}' is {kind}, not {value!r}")

    def but(self, **changes: Any) -> "Capabilities":
        """The same, with some abilities changed."""
        return replace(self, **changes)
