"""The control plane's lists: what may be called through this gateway, on the paths of `bedrock`. AWS is not called.

Source: the service model of bedrock in botocore, 2023-04-20.
"""

from collections.abc import Iterator

from flask import Blueprint, Response, current_app, jsonify, request

from bedrock_flask.converse import Json
from bedrock_flask.errors import UnknownModel
from bedrock_flask.models.catalogue import (
    APPLICATION,
    FILTERS,
    SYSTEM_DEFINED,
    Catalogue,
    describe_model,
    describe_profile,
)
from bedrock_flask.models.resolver import Model, Models
from bedrock_flask.pipeline.region import choose_region, find_own_region
from bedrock_flask.state import state_of

SERVED = ("ListFoundationModels", "GetFoundationModel", "ListInferenceProfiles", "GetInferenceProfile")

blueprint = Blueprint("catalogue", __name__)
_DEFAULT_REGION = "us-east-1"


@blueprint.get("/foundation-models")
def list_foundation_models() -> Response:
    """ListFoundationModels: the models of the plugins, and each alias under its own name."""
    found = [
        model
        for model in _describe_models()
        if all(matches(model, request.args.get(name)) for name, matches in FILTERS.items())
    ]
    return jsonify(modelSummaries=found)


@blueprint.get("/foundation-models/<path:name>")
def get_foundation_model(name: str) -> Response:
    """GetFoundationModel: by id, ARN or alias."""
    models = _models()
    alias = models.aliases.get(name)
    found = _describe_alias(models.resolve(name)) if alias else None
    if found is None and (model := Catalogue(models.registry).find_model(name)):
        found = describe_model(model, _region())
    if found is None:
        raise UnknownModel(f"No plugin and no alias here describes '{name[:200]}'.")
    return jsonify(modelDetails=found)


@blueprint.get("/inference-profiles")
def list_inference_profiles() -> Response:
    """ListInferenceProfiles: AWS's own for the models of the plugins, or those of the models file; in one page."""
    kind = request.args.get("type", SYSTEM_DEFINED)
    return jsonify(inferenceProfileSummaries=[each for each in _describe_profiles() if each["type"] == kind])


@blueprint.get("/inference-profiles/<path:name>")
def get_inference_profile(name: str) -> Response:
    """GetInferenceProfile: by id or ARN, or by the alias that calls it."""
    alias = _models().aliases.get(name)
    wanted = alias.profile if alias and alias.profile else name
    keys = {wanted, wanted.rpartition("/")[2]}
    for profile in _describe_profiles():
        if keys & {profile["inferenceProfileArn"], profile["inferenceProfileId"]}:
            return jsonify(profile)
    raise UnknownModel(
        f"No plugin knows the inference profile '{name[:200]}'. An alias with its `profile` and the `id` of its model "
        "in the models file makes it known."
    )


def _models() -> Models:
    return state_of(current_app).models


def _region(model: Model | None = None) -> str:
    chosen = choose_region(model.region, is_alias=True) if model else choose_region()
    return chosen or find_own_region() or _DEFAULT_REGION


def _describe_models() -> Iterator[Json]:
    models = _models()
    for model in Catalogue(models.registry).models:
        yield describe_model(model, _region())
    for name in models.aliases:
        yield _describe_alias(models.resolve(name))


def _describe_alias(alias: Model) -> Json:
    """An alias as a foundation model: its id is what a client sends as `modelId`."""
    model = Catalogue(_models().registry).make_model(alias.base, alias.adapter, alias.capabilities)
    described = describe_model(model, _region(alias))
    return {**described, "modelId": alias.name, "modelName": alias.name, "inferenceTypesSupported": ["ON_DEMAND"]}


def _describe_profiles() -> Iterator[Json]:
    models = _models()
    known: dict[str, Json] = {}
    for profile in Catalogue(models.registry).profiles:
        if profile.type == SYSTEM_DEFINED:
            known[profile.id] = describe_profile(profile, _region())
    for name, alias in models.aliases.items():
        # The id that an alias calls is not listed twice, but its ARN has the number of the account.
        if alias.profile:
            model = models.resolve(name)
            identifier = alias.profile.rpartition("/")[2]
            arn = f"arn:aws:bedrock:{_region(model)}::foundation-model/{model.base}"
            described = _describe_alias_profile(model, alias.profile)
            known[identifier] = {"models": [{"modelArn": arn}], **known.get(identifier, {}), **described}
    yield from known.values()


def _describe_alias_profile(alias: Model, profile: str) -> Json:
    region, identifier = _region(alias), profile.rpartition("/")[2]
    own = ":application-inference-profile/" in profile
    arn = profile if profile.startswith("arn:") else f"arn:aws:bedrock:{region}::inference-profile/{identifier}"
    return {
        "inferenceProfileName": alias.name,
        "description": alias.description,
        "inferenceProfileArn": arn,
        "inferenceProfileId": identifier,
        "status": "ACTIVE",
        "type": APPLICATION if own else SYSTEM_DEFINED,
    }
