"""The foundation models and inference profiles that a region offers to an account."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

_FOUNDATION = ":foundation-model/"


@dataclass(frozen=True)
class ModelAccess:
    """The two lists of Bedrock's control plane.

    `models` holds the inference types of each foundation model (`ON_DEMAND` …), by id; `profiles` the ARNs of the
    models that each inference profile routes to, both by the profile's id and by its ARN.
    """

    models: Mapping[str, tuple[str, ...]]
    profiles: Mapping[str, tuple[str, ...]]

    @property
    def profile_ids(self) -> list[str]:
        """The ids of the inference profiles."""
        return [name for name in self.profiles if not name.startswith("arn:")]

    def find_profile_targets(self, model: str) -> tuple[str, ...]:
        """The ARNs of the models that an inference profile routes to; empty if `model` is not a profile."""
        return self.profiles.get(model, ())

    def find_foundation_model(self, model: str) -> str:
        """The foundation model behind an id, a profile or an ARN; empty if the lists do not contain it."""
        arn = next(iter(self.find_profile_targets(model)), model)
        return arn.rpartition("/")[2] if _FOUNDATION in arn else "" if arn.startswith("arn:") else arn

    def find_problem(self, model: str) -> tuple[str, str]:
        """Why a model cannot be called according to the lists, and a hint; empty if it can, or if that is unknown."""
        if model in self.profiles:
            return "", ""
        if model.startswith("arn:") and _FOUNDATION not in model:
            return ("the inference profile does not exist", "") if "inference-profile/" in model else ("", "")
        bare = model.rpartition("/")[2] if model.startswith("arn:") else model
        if bare not in self.models:
            return "it is not offered in this region", suggest_nearest(bare, [*self.models, *self.profile_ids])
        if self.models[bare] and "ON_DEMAND" not in self.models[bare]:
            profiles = [name for name in self.profile_ids if self._routes_to(name, bare)]
            hint = f"use one of: {', '.join(profiles)}" if profiles else ""
            return "it can only be called through an inference profile", hint
        return "", ""

    def _routes_to(self, profile: str, model: str) -> bool:
        return any(arn.endswith(f"/{model}") for arn in self.profiles[profile])


def suggest_nearest(name: str, names: Collection[str]) -> str:
    """A hint with the names closest to `name`; empty if none is close."""
    near = difflib.get_close_matches(name, names, 3, 0.6)
    return f"nearest: {', '.join(near)}" if near else ""
