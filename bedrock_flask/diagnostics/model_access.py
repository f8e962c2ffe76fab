"""What a region offers to an account: foundation models, and inference profiles that lead to them."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

_FOUNDATION = ":foundation-model/"


@dataclass(frozen=True)
class ModelAccess:
    """The two lists of Bedrock's control plane.

    `models` are the inference types of each foundation model (`ON_DEMAND` …), by id; `profiles` the ARNs of the models
    that each inference profile leads to, by the profile's id and by its ARN.
    """

    models: Mapping[str, tuple[str, ...]]
    profiles: Mapping[str, tuple[str, ...]]

    @property
    def names(self) -> list[str]:
        """The ids of the inference profiles."""
        return [name for name in self.profiles if not name.startswith("arn:")]

    def through(self, model: str) -> tuple[str, ...]:
        """The ARNs of the models that an inference profile leads to; none where the name is no profile's."""
        return self.profiles.get(model, ())

    def foundation(self, model: str) -> str:
        """The foundation model behind an id, a profile or an ARN; empty where the lists do not tell."""
        arn = next(iter(self.through(model)), model)
        return arn.rpartition("/")[2] if _FOUNDATION in arn else "" if arn.startswith("arn:") else arn

    def problem(self, model: str) -> tuple[str, str]:
        """What the lists say against calling a model, and what to do; empty where nothing or unknown."""
        if model in self.profiles:
            return "", ""
        if model.startswith("arn:") and _FOUNDATION not in model:
            return ("there is no such inference profile", "") if "inference-profile/" in model else ("", "")
        bare = model.rpartition("/")[2] if model.startswith("arn:") else model
        if bare not in self.models:
            return "the region does not offer it", suggest_nearest(bare, [*self.models, *self.names])
        if self.models[bare] and "ON_DEMAND" not in self.models[bare]:
            through = [name for name in self.names if any(arn.endswith(f"/{bare}") for arn in self.profiles[name])]
            return (
                "it is called through an inference profile only",
                f"name one: {', '.join(through)}" if through else "",
            )
        return "", ""


def suggest_nearest(name: str, names: Collection[str]) -> str:
    """The nearest names in words; empty where none is near."""
    near = difflib.get_close_matches(name, names, 3, 0.6)
    return f"nearest: {', '.join(near)}" if near else ""
