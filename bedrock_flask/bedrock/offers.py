"""What a region offers to an account: the lists of Bedrock's control plane and of bedrock-mantle, as records.

Source: botocore's service model of bedrock, 2023-04-20: ListFoundationModels, which has no pages,
ListInferenceProfiles and FoundationModelLifecycle. Live accounts list more values than its enums have. Beside them is
the list of bedrock-mantle, in the form of OpenAI's Models API.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bedrock_flask.bedrock.geographies import find_geographies

ON_DEMAND = "ON_DEMAND"
_FOUNDATION = ":foundation-model/"


@dataclass(frozen=True, kw_only=True)
class OfferedModel:
    """A foundation model of the list.

    types      how it can be called: `ON_DEMAND`, `INFERENCE_PROFILE`, `PROVISIONED`; empty if the list does not say
    is_legacy  whether its status is LEGACY
    legacy_on  the day from which it is legacy, as `2026-03-31`; empty if the list has none
    ends_on    the day from which it is not served any more, alike
    """

    id: str
    name: str = ""
    types: tuple[str, ...] = ()
    is_legacy: bool = False
    legacy_on: str = ""
    ends_on: str = ""


@dataclass(frozen=True)
class OfferedProfile:
    """An inference profile of the list, and the ARNs of the models that it routes to."""

    id: str
    arn: str
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Offer:
    """The lists: foundation models by their ids, inference profiles, and the ids of bedrock-mantle; None if unknown."""

    models: Mapping[str, OfferedModel]
    profiles: tuple[OfferedProfile, ...] = ()
    mantle: frozenset[str] | None = None

    @property
    def ids(self) -> list[str]:
        """The ids of all models, on either endpoint."""
        return [*self.models, *sorted((self.mantle or frozenset()) - self.models.keys())]

    @cached_property
    def targets(self) -> Mapping[str, tuple[str, ...]]:
        """The ARNs that each profile routes to, by its id and by its ARN."""
        return {name: profile.targets for profile in self.profiles for name in (profile.id, profile.arn)}

    def is_on_demand(self, model: str) -> bool:
        """Whether bedrock-runtime takes the model's own id."""
        listed = self.models.get(model)
        return listed is not None and (not listed.types or ON_DEMAND in listed.types)

    def find_foundation_model(self, model: str) -> str:
        """The foundation model behind an id, a profile or an ARN; empty if the lists do not contain it."""
        arn = next(iter(self.targets.get(model, ())), model)
        return arn.rpartition("/")[2] if _FOUNDATION in arn else "" if arn.startswith("arn:") else arn

    def find_model(self, model: str) -> OfferedModel | None:
        """The listed model behind an id, a profile or an ARN."""
        return self.models.get(self.find_foundation_model(model))

    def list_profiles(self, model: str, region: str = "") -> list[str]:
        """The ids of the profiles that route to a foundation model: the narrowest geography of the region first."""
        found = [profile.id for profile in self.profiles if any(arn.endswith(f"/{model}") for arn in profile.targets)]
        geographies = [*find_geographies(region)]
        ranks = {f"{geography}.{model}": rank for rank, geography in enumerate(geographies)}
        return sorted(found, key=lambda name: ranks.get(name, len(ranks)))

    def is_offered(self, model: str) -> bool | None:
        """Whether a model can be called by this id, profile or ARN; None if the lists cannot say that."""
        if model in self.targets or model in (self.mantle or ()):
            return True
        if model.startswith("arn:") and _FOUNDATION not in model:
            # Provisioned, imported and custom models are in neither list.
            return False if "inference-profile/" in model else None
        return self.is_on_demand(self.find_foundation_model(model))


def read_models(document: Mapping[str, Any]) -> Iterator[OfferedModel]:
    """The models of an answer to ListFoundationModels; what is not an object in it is skipped."""
    for summary in _list_objects(document, "modelSummaries"):
        lifecycle = summary.get("modelLifecycle")
        lifecycle = lifecycle if isinstance(lifecycle, Mapping) else {}
        yield OfferedModel(
            id=str(summary.get("modelId", "")),
            name=str(summary.get("modelName", "")),
            types=tuple(map(str, summary.get("inferenceTypesSupported") or ())),
            is_legacy=lifecycle.get("status") == "LEGACY",
            legacy_on=_read_day(lifecycle.get("legacyTime")),
            ends_on=_read_day(lifecycle.get("endOfLifeTime")),
        )


def read_profiles(document: Mapping[str, Any]) -> Iterator[OfferedProfile]:
    """The profiles of one page of ListInferenceProfiles."""
    for summary in _list_objects(document, "inferenceProfileSummaries"):
        targets = tuple(str(model.get("modelArn", "")) for model in _list_objects(summary, "models"))
        yield OfferedProfile(
            str(summary.get("inferenceProfileId", "")), str(summary.get("inferenceProfileArn", "")), targets
        )


def read_mantle_models(document: Mapping[str, Any]) -> frozenset[str]:
    """The ids in an answer of bedrock-mantle's Models API."""
    return frozenset(str(model["id"]) for model in _list_objects(document, "data") if model.get("id"))


def make_offer(models: Mapping[str, Any], pages: Iterable[Mapping[str, Any]]) -> Offer:
    """The offer that these answers make."""
    return Offer(
        {model.id: model for model in read_models(models)},
        tuple(profile for page in pages for profile in read_profiles(page)),
    )


def _list_objects(document: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    items = document.get(name)
    yield from (item for item in (items if isinstance(items, list) else ()) if isinstance(item, Mapping))


def _read_day(time: Any) -> str:
    """The day of a timestamp, which the protocol writes as `2026-03-31T00:00:00Z` and botocore reads as a datetime."""
    text = time if isinstance(time, str) else time.isoformat() if hasattr(time, "isoformat") else ""
    return text[:10]
