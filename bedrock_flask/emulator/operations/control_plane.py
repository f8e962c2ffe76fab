"""The operations of the control plane, `bedrock`, about models and inference profiles.

Source: botocore's service model of bedrock, 2023-04-20.
"""

from bedrock_flask.emulator.account.account import ACCOUNT_ID
from bedrock_flask.emulator.calls import paging
from bedrock_flask.emulator.calls.errors import EmulatedError
from bedrock_flask.emulator.calls.request import EmulatorRequest, encode_json
from bedrock_flask.emulator.calls.response import EmulatorResponse, make_response
from bedrock_flask.models.catalogue import (
    APPLICATION,
    FILTERS,
    SYSTEM_DEFINED,
    FoundationModel,
    describe_model,
    describe_profile,
)


def list_foundation_models(request: EmulatorRequest) -> EmulatorResponse:
    """ListFoundationModels: with filters, in one page; what bedrock-mantle alone serves is not listed."""
    models = [describe_model(each, request.region) for each in request.account.catalogue.models if each.is_on_runtime]
    found = [
        model for model in models if all(matches(model, request.query.get(name)) for name, matches in FILTERS.items())
    ]
    return make_response(encode_json({"modelSummaries": found}))


def get_foundation_model(request: EmulatorRequest) -> EmulatorResponse:
    """GetFoundationModel: by id or ARN."""
    return make_response(
        encode_json({"modelDetails": describe_model(_find_model(request, "modelIdentifier"), request.region)})
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
    summaries = [describe_profile(profile, request.region, ACCOUNT_ID) for profile in page]
    return make_response(encode_json({"inferenceProfileSummaries": summaries, **token}))


def get_inference_profile(request: EmulatorRequest) -> EmulatorResponse:
    """GetInferenceProfile: by id or ARN."""
    profile = request.account.catalogue.find_profile(request.labels["inferenceProfileIdentifier"])
    if profile is None:
        raise EmulatedError("ResourceNotFoundException", "The specified inference profile was not found.")
    return make_response(encode_json(describe_profile(profile, request.region, ACCOUNT_ID)))


def _find_model(request: EmulatorRequest, label: str) -> FoundationModel:
    model = request.account.catalogue.find_model(request.labels[label])
    if model is None:
        raise EmulatedError(
            "ResourceNotFoundException", "Could not resolve the foundation model from the provided model identifier."
        )
    return model
