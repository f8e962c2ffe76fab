"""The operations of the control plane, `bedrock`, that list models and inference profiles.

Source: botocore's service model of bedrock, 2023-04-20.
"""

from collections.abc import Callable, Sequence
from typing import Any

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json
from bedrock_flask.emulator.account.catalogue import APPLICATION, SYSTEM_DEFINED, Model, Profile
from bedrock_flask.emulator.calls import paging
from bedrock_flask.emulator.calls.delivery import Answer, whole
from bedrock_flask.emulator.calls.refusals import Refusal
from bedrock_flask.emulator.calls.request import Asked, encoded

# A profile has no dates of its own here, and clients expect some.
_MADE = "2025-01-01T00:00:00Z"


def list_foundation_models(asked: Asked) -> Answer:
    """ListFoundationModels: with filters, in one page."""
    told = [_model(model, asked.region) for model in asked.account.catalogue.models]
    chosen = [each for each in told if all(fits(each, asked.query.get(name)) for name, fits in _FILTERS.items())]
    return whole(encoded({"modelSummaries": chosen}))


def get_foundation_model(asked: Asked) -> Answer:
    """GetFoundationModel: by id or ARN."""
    return whole(encoded({"modelDetails": _model(_found_model(asked, "modelIdentifier"), asked.region)}))


def get_foundation_model_availability(asked: Asked) -> Answer:
    """GetFoundationModelAvailability: the account may call whatever is there."""
    return whole(
        encoded(
            {
                "modelId": _found_model(asked, "modelId").id,
                "agreementAvailability": {"status": "AVAILABLE"},
                "authorizationStatus": "AUTHORIZED",
                "entitlementAvailability": "AVAILABLE",
                "regionAvailability": "AVAILABLE",
            }
        )
    )


def list_inference_profiles(asked: Asked) -> Answer:
    """ListInferenceProfiles: AWS's own unless the type says otherwise, in pages."""
    kind = paging.one_of(asked.query, "type", (SYSTEM_DEFINED, APPLICATION)) or SYSTEM_DEFINED
    profiles = [profile for profile in asked.account.catalogue.profiles if profile.type == kind]
    page, token = paging.page(profiles, asked.query, lambda profile: profile.id)
    told = [_profile(profile, asked.region) for profile in page]
    return whole(encoded({"inferenceProfileSummaries": told, **token}))


def get_inference_profile(asked: Asked) -> Answer:
    """GetInferenceProfile: by id or ARN."""
    profile = asked.account.catalogue.profile(asked.labels["inferenceProfileIdentifier"])
    if profile is None:
        raise Refusal("ResourceNotFoundException", "The specified inference profile was not found.")
    return whole(encoded(_profile(profile, asked.region)))


def _found_model(asked: Asked, label: str) -> Model:
    model = asked.account.catalogue.model(asked.labels[label])
    if model is None:
        raise Refusal(
            "ResourceNotFoundException", "Could not resolve the foundation model from the provided model identifier."
        )
    return model


def _model(model: Model, region: str) -> Json:
    types = (["ON_DEMAND"] if model.known.on_demand else []) + (["INFERENCE_PROFILE"] if model.known.profiles else [])
    return {
        "modelArn": model.arn(region),
        "modelId": model.id,
        "modelName": model.known.name,
        "providerName": model.provider,
        "inputModalities": _inputs(model.capabilities),
        "outputModalities": [model.capabilities.output.upper()],
        "responseStreamingSupported": model.capabilities.streaming,
        "customizationsSupported": [],
        "inferenceTypesSupported": types,
        "modelLifecycle": {"status": "ACTIVE" if model.known.active else "LEGACY"},
    }


def _inputs(capabilities: Capabilities) -> list[str]:
    kinds = (("IMAGE", capabilities.images), ("VIDEO", capabilities.video), ("AUDIO", capabilities.audio))
    return ["TEXT", *(name for name, able in kinds if able)]


def _profile(profile: Profile, region: str) -> Json:
    return {
        "inferenceProfileName": profile.name,
        "description": f"Routes requests to {profile.model.known.name}",
        "createdAt": _MADE,
        "updatedAt": _MADE,
        "inferenceProfileArn": profile.arn(region),
        "models": [{"modelArn": profile.model.arn(each)} for each in profile.regions(region)],
        "inferenceProfileId": profile.id,
        "status": "ACTIVE",
        "type": profile.type,
    }


def _is(member: str) -> Callable[[Json, str | None], bool]:
    return lambda told, wanted: wanted is None or told[member].lower() == wanted.lower()


def _has(member: str) -> Callable[[Json, str | None], bool]:
    def holds(told: Json, wanted: str | None) -> bool:
        found: Sequence[Any] = told[member]
        return wanted is None or wanted in found

    return holds


# The values are any: what live accounts answer goes beyond what the service model lists.
_FILTERS: dict[str, Callable[[Json, str | None], bool]] = {
    "byProvider": _is("providerName"),
    "byCustomizationType": _has("customizationsSupported"),
    "byOutputModality": _has("outputModalities"),
    "byInferenceType": _has("inferenceTypesSupported"),
}
