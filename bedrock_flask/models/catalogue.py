"""The models and inference profiles that can be listed, as the plugins describe them, in the words of AWS.

Listed are each adapter's default model and its `known_models`, whatever plugin but the generic one claims them.
Source: botocore's service model of bedrock, 2023-04-20.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from bedrock_flask.adapter import Adapter, KnownModel
from bedrock_flask.bedrock.operations import RUNTIME
from bedrock_flask.bedrock.surfaces import find_endpoints
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json
from bedrock_flask.models.registry import GENERIC, Registry

SYSTEM_DEFINED, APPLICATION = "SYSTEM_DEFINED", "APPLICATION"

_APPLICATION_PROFILE = ":application-inference-profile/"


@dataclass(frozen=True, kw_only=True)
class FoundationModel:
    """A foundation model."""

    id: str
    provider: str
    known: KnownModel
    capabilities: Capabilities

    @property
    def is_on_runtime(self) -> bool:
        """Whether bedrock-runtime serves it, and not bedrock-mantle alone."""
        surfaces = self.capabilities.surfaces
        return not surfaces or RUNTIME in find_endpoints(surfaces)

    def make_arn(self, region: str) -> str:
        """The model's ARN in a region."""
        return f"arn:aws:bedrock:{region}::foundation-model/{self.id}"


@dataclass(frozen=True, kw_only=True)
class InferenceProfile:
    """An inference profile: one of a geography (`us`, `global` …), or an application's, whose id hides the model."""

    id: str
    name: str
    model: FoundationModel
    geography: str = ""

    @property
    def type(self) -> str:
        """Who defined it: AWS or the account."""
        return SYSTEM_DEFINED if self.geography else APPLICATION

    def make_arn(self, region: str, account: str) -> str:
        """The profile's ARN in a region of an account, whose number may be unknown."""
        kind = "inference-profile" if self.geography else "application-inference-profile"
        return f"arn:aws:bedrock:{region}:{account}:{kind}/{self.id}"

    def list_regions(self, region: str) -> tuple[str, ...]:
        """The regions that may serve a call from a region."""
        return _REGIONS.get(self.geography, (region,))


@dataclass(frozen=True)
class Catalogue:
    """Everything that can be listed, in the order of the ids."""

    registry: Registry

    @cached_property
    def models(self) -> tuple[FoundationModel, ...]:
        """The foundation models."""
        defaults = (each.model for each in self.registry.adapters.values() if GENERIC not in each.models)
        found = (self.find_model(each) for each in sorted({*self.registry.known_models, *defaults}))
        return tuple(model for model in found if model is not None)

    @cached_property
    def profiles(self) -> tuple[InferenceProfile, ...]:
        """The inference profiles: one for each geography of each model, and an application's for each model."""
        geographical = (each for model in self.models for each in _make_geographical(model))
        return (*geographical, *map(_make_application, self.models))

    def find_model(self, identifier: str) -> FoundationModel | None:
        """The foundation model of an id or an ARN; any id that a plugin but the generic one claims has one."""
        model = identifier.rpartition("/")[2] if ":foundation-model/" in identifier else identifier
        claim = self.registry.find_claim(model)
        if claim is None or claim.is_generic or model.partition(".")[0] not in self.registry.providers:
            return None
        return self.make_model(model, claim.adapter, claim.capabilities)

    def make_model(self, model: str, adapter: Adapter, capabilities: Capabilities) -> FoundationModel:
        """The foundation model of an id that this adapter serves."""
        return FoundationModel(
            id=model,
            provider=_find_provider(adapter, model),
            known=self.registry.known_models.get(model, KnownModel(name=_make_name(model))),
            capabilities=capabilities,
        )

    def find_profile(self, identifier: str) -> InferenceProfile | None:
        """The inference profile of an id or an ARN."""
        bare = identifier.rpartition("/")[2] if identifier.startswith("arn:") else identifier
        return next((profile for profile in self.profiles if profile.id == bare), None)

    def resolve_profile(self, model: str) -> str:
        """The foundation model of an application's profile; any other name unchanged."""
        profile = self.find_profile(model) if _APPLICATION_PROFILE in model else None
        return profile.model.id if profile else model


def describe_model(model: FoundationModel, region: str) -> Json:
    """A foundation model as ListFoundationModels describes it."""
    types = (["ON_DEMAND"] if model.known.on_demand else []) + (["INFERENCE_PROFILE"] if model.known.profiles else [])
    return {
        "modelArn": model.make_arn(region),
        "modelId": model.id,
        "modelName": model.known.name,
        "providerName": model.provider,
        "inputModalities": _list_inputs(model.capabilities),
        "outputModalities": [model.capabilities.output.upper()],
        "responseStreamingSupported": model.capabilities.streaming,
        "customizationsSupported": [],
        "inferenceTypesSupported": types,
        "modelLifecycle": _describe_lifecycle(model.known),
    }


def _describe_lifecycle(known: KnownModel) -> Json:
    times = {"legacyTime": known.legacy_on, "endOfLifeTime": known.ends_on}
    dated = {name: f"{day}T00:00:00Z" for name, day in times.items() if day}
    return {"status": "ACTIVE" if known.active else "LEGACY", **dated}


def _list_inputs(capabilities: Capabilities) -> list[str]:
    kinds = (("IMAGE", capabilities.images), ("VIDEO", capabilities.video), ("AUDIO", capabilities.audio))
    return ["TEXT", *(name for name, is_supported in kinds if is_supported)]


def describe_profile(profile: InferenceProfile, region: str, account: str = "") -> Json:
    """An inference profile as ListInferenceProfiles describes it."""
    return {
        "inferenceProfileName": profile.name,
        "description": f"Routes requests to {profile.model.known.name}",
        "createdAt": _CREATED_AT,
        "updatedAt": _CREATED_AT,
        "inferenceProfileArn": profile.make_arn(region, account),
        "models": [{"modelArn": profile.model.make_arn(each)} for each in profile.list_regions(region)],
        "inferenceProfileId": profile.id,
        "status": "ACTIVE",
        "type": profile.type,
    }


def _make_geographical(model: FoundationModel) -> Iterator[InferenceProfile]:
    for geography in model.known.profiles:
        name = f"{geography.upper()} {model.known.name}"
        yield InferenceProfile(id=f"{geography}.{model.id}", name=name, model=model, geography=geography)


def _make_application(model: FoundationModel) -> InferenceProfile:
    identifier = sha256(model.id.encode()).hexdigest()[:12]
    return InferenceProfile(id=identifier, name=f"Application {model.known.name}", model=model)


def _find_provider(adapter: Adapter, model: str) -> str:
    return adapter.provider or model.partition(".")[0].capitalize()


def _make_name(model: str) -> str:
    words = model.partition(".")[2].partition(":")[0].replace(".", "-").split("-")
    return " ".join(word.capitalize() for word in words if word)


# For `global`, and for an application's profile, the caller's own region is listed.
_REGIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "us": ("us-east-1", "us-east-2", "us-west-2"),
        "eu": ("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-3"),
        "apac": ("ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
        "jp": ("ap-northeast-1", "ap-northeast-3"),
        "au": ("ap-southeast-2", "ap-southeast-4"),
    }
)
# Clients expect dates, which profiles do not have here.
_CREATED_AT = "2025-01-01T00:00:00Z"


def _equals(member: str) -> Callable[[Json, str | None], bool]:
    return lambda model, value: value is None or model[member].lower() == value.lower()


def _contains(member: str) -> Callable[[Json, str | None], bool]:
    def contains(model: Json, value: str | None) -> bool:
        values: Sequence[Any] = model[member]
        return value is None or value in values

    return contains


# Any value is accepted: live accounts answer more values than the service model lists.
FILTERS: dict[str, Callable[[Json, str | None], bool]] = {
    "byProvider": _equals("providerName"),
    "byCustomizationType": _contains("customizationsSupported"),
    "byOutputModality": _contains("outputModalities"),
    "byInferenceType": _contains("inferenceTypesSupported"),
}
