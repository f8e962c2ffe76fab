"""The operations of the control plane, `bedrock`, about models and inference profiles.

Source: botocore's service model of bedrock, 2023-04-20.
"""

from collections.abc import Callable, Sequence
from typing import Any

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json
from bedrock_flask.emulator.account.catalogue import APPLICATION, SYSTEM_DEFINED, FoundationModel, InferenceProfile
from bedrock_flask.emulator.calls import paging
from bedrock_flask.emulator.calls.errors import EmulatedError
from bedrock_flask.emulator.calls.request import EmulatorRequest, encode_json
from bedrock_flask.emulator.calls.response import EmulatorResponse, make_response

# Clients expect dates, which profiles do not have here.
_CREATED_AT = "2025-01-01T00:00:00Z"


def list_foundation_models(request: EmulatorRequest) -> EmulatorResponse:
    """ListFoundationModels: with filters, in one page."""
    models = [_describe_model(model, request.region) for model in request.account.catalogue.models]
    found = [
        model for model in models if all(matches(model, request.query.get(name)) for name, matches in _FILTERS.items())
    ]
    return make_response(encode_json({"modelSummaries": found}))


def get_foundation_model(request: EmulatorRequest) -> EmulatorResponse:
    """GetFoundationModel: by id or ARN."""
    return make_response(
        encode_json({"modelDetails": _describe_model(_find_model(request, "modelIdentifier"), request.region)})
    )


def get_foundation_model_availability(request: EmulatorRequest) -> EmulatorResponse:
    """GetFoundationModelAvailability: the account may call every model."""
    return make_response(
        encode_json(
            {
                "modelId": _find_model(request, "modelId").id,
                "agreementAvailability": {"status": "AVAILABLE"},
                "authorizationStatus": "AUTHORIZED",
                "entitlementAvailability": "AVAILABLE",
                "regionAvailability": "AVAILABLE",
            }
        )
    )


def list_inference_profiles(request: EmulatorRequest) -> EmulatorResponse:
    """ListInferenceProfiles: those that AWS defines unless a type is given, in pages."""
    kind = paging.read_choice(request.query, "type", (SYSTEM_DEFINED, APPLICATION)) or SYSTEM_DEFINED
    profiles = [profile for profile in request.account.catalogue.profiles if profile.type == kind]
    page, token = paging.paginate(profiles, request.query, lambda profile: profile.id)
    summaries = [_describe_profile(profile, request.region) for profile in page]
    return make_response(encode_json({"inferenceProfileSummaries": summaries, **token}))


def get_inference_profile(request: EmulatorRequest) -> EmulatorResponse:
    """GetInferenceProfile: by id or ARN."""
    profile = request.account.catalogue.find_profile(request.labels["inferenceProfileIdentifier"])
    if profile is None:
        raise EmulatedError("ResourceNotFoundException", "The specified inference profile was not found.")
    return make_response(encode_json(_describe_profile(profile, request.region)))


def _find_model(request: EmulatorRequest, label: str) -> FoundationModel:
    model = request.account.catalogue.find_model(request.labels[label])
    if model is None:
        raise EmulatedError(
            "ResourceNotFoundException", "Could not resolve the foundation model from the provided model identifier."
        )
    return model


def _describe_model(model: FoundationModel, region: str) -> Json:
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
        "modelLifecycle": {"status": "ACTIVE" if model.known.active else "LEGACY"},
    }


def _list_inputs(capabilities: Capabilities) -> list[str]:
    kinds = (("IMAGE", capabilities.images), ("VIDEO", capabilities.video), ("AUDIO", capabilities.audio))
    return ["TEXT", *(name for name, is_supported in kinds if is_supported)]


def _describe_profile(profile: InferenceProfile, region: str) -> Json:
    return {
        "inferenceProfileName": profile.name,
        "description": f"Routes requests to {profile.model.known.name}",
        "createdAt": _CREATED_AT,
        "updatedAt": _CREATED_AT,
        "inferenceProfileArn": profile.make_arn(region),
        "models": [{"modelArn": profile.model.make_arn(each)} for each in profile.list_regions(region)],
        "inferenceProfileId": profile.id,
        "status": "ACTIVE",
        "type": profile.type,
    }


def _equals(member: str) -> Callable[[Json, str | None], bool]:
    return lambda model, value: value is None or model[member].lower() == value.lower()


def _contains(member: str) -> Callable[[Json, str | None], bool]:
    def contains(model: Json, value: str | None) -> bool:
        values: Sequence[Any] = model[member]
        return value is None or value in values

    return contains


# Any value is accepted: live accounts answer more values than the service model lists.
_FILTERS: dict[str, Callable[[Json, str | None], bool]] = {
    "byProvider": _equals("providerName"),
    "byCustomizationType": _contains("customizationsSupported"),
    "byOutputModality": _contains("outputModalities"),
    "byInferenceType": _contains("inferenceTypesSupported"),
}
