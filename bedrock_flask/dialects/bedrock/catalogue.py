"""The control plane's lists: what may be called through this gateway, on the paths of `bedrock`. AWS is not called.

Source: the service model of bedrock in botocore, 2023-04-20.
"""

from collections.abc import Iterator

from bedrock_flask.converse import Json
from bedrock_flask.dialects.bedrock.operation_route import describe_operation
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.query import read_query
from bedrock_flask.edge.response import Response, make_json_response
from bedrock_flask.errors import UnknownModel
from bedrock_flask.models.catalogue import (
    APPLICATION,
    FILTERS,
    SYSTEM_DEFINED,
    Catalogue,
    describe_model,
    describe_profile,
)
from bedrock_flask.models.resolver import Model, is_id
from bedrock_flask.pipeline.region import choose_region, find_own_region
from bedrock_flask.pipeline.terms import find_model_refusal

SERVED = ("ListFoundationModels", "GetFoundationModel", "ListInferenceProfiles", "GetInferenceProfile")

_DEFAULT_REGION = "us-east-1"


def list_foundation_models(exchange: Exchange) -> Response:
    """ListFoundationModels: the models of the plugins, and each alias under its own name."""
    query = dict(reversed(read_query(exchange)))
    found = [
        model
        for model in _describe_models(exchange)
        if all(matches(model, query.get(name)) for name, matches in FILTERS.items())
        and _may_call(exchange, model["modelId"])
    ]
    return make_json_response({"modelSummaries": found})


def get_foundation_model(exchange: Exchange, name: str) -> Response:
    """GetFoundationModel: by id, ARN or alias."""
    models = exchange.state.models
    alias = models.aliases.get(name)
    found = _describe_alias(exchange, models.resolve(name)) if alias else None
    if found is None and (model := Catalogue(models.registry).find_model(name)):
        found = describe_model(model, _region(exchange))
    if found is None:
        raise UnknownModel(f"No plugin and no alias here describes '{name[:200]}'.")
    return make_json_response({"modelDetails": found})


def list_inference_profiles(exchange: Exchange) -> Response:
    """ListInferenceProfiles: AWS's own for the models of the plugins, or those of the models file; in one page."""
    kind = dict(reversed(read_query(exchange))).get("type", SYSTEM_DEFINED)
    # The profile of an alias has its name.
    found = [
        each
        for each in _describe_profiles(exchange)
        if each["type"] == kind and _may_call(exchange, each["inferenceProfileName"], each["inferenceProfileId"])
    ]
    return make_json_response({"inferenceProfileSummaries": found})


def get_inference_profile(exchange: Exchange, name: str) -> Response:
    """GetInferenceProfile: by id or ARN, or by the alias that calls it."""
    alias = exchange.state.models.aliases.get(name)
    wanted = alias.profile if alias and alias.profile else name
    keys = {wanted, wanted.rpartition("/")[2]}
    for profile in _describe_profiles(exchange):
        if keys & {profile["inferenceProfileArn"], profile["inferenceProfileId"]}:
            return make_json_response(profile)
    raise UnknownModel(
        f"No plugin knows the inference profile '{name[:200]}'. An alias with its `profile` and the `id` of its model "
        "in the models file makes it known."
    )


def _may_call(exchange: Exchange, *names: str) -> bool:
    """Whether the policies of the caller allow a call that names a model by one of these."""
    models = exchange.state.models
    return not exchange.principal.policies or any(
        not find_model_refusal(exchange, models.resolve(name))
        for name in names
        if name in models.aliases or is_id(name)
    )


def _region(exchange: Exchange, model: Model | None = None) -> str:
    chosen = choose_region(exchange, model.region, is_alias=True) if model else choose_region(exchange)
    return chosen or find_own_region(exchange) or _DEFAULT_REGION


def _describe_models(exchange: Exchange) -> Iterator[Json]:
    models = exchange.state.models
    for model in Catalogue(models.registry).models:
        yield describe_model(model, _region(exchange))
    for name in models.aliases:
        yield _describe_alias(exchange, models.resolve(name))


def _describe_alias(exchange: Exchange, alias: Model) -> Json:
    """An alias as a foundation model: its id is what a client sends as `modelId`."""
    model = Catalogue(exchange.state.models.registry).make_model(alias.base, alias.adapter, alias.capabilities)
    described = describe_model(model, _region(exchange, alias))
    return {**described, "modelId": alias.name, "modelName": alias.name, "inferenceTypesSupported": ["ON_DEMAND"]}


def _describe_profiles(exchange: Exchange) -> Iterator[Json]:
    models = exchange.state.models
    known: dict[str, Json] = {}
    for profile in Catalogue(models.registry).profiles:
        if profile.type == SYSTEM_DEFINED:
            known[profile.id] = describe_profile(profile, _region(exchange))
    for name, alias in models.aliases.items():
        # The id that an alias calls is not listed twice, but its ARN has the number of the account.
        if alias.profile:
            model = models.resolve(name)
            identifier = alias.profile.rpartition("/")[2]
            arn = f"arn:aws:bedrock:{_region(exchange, model)}::foundation-model/{model.base}"
            described = _describe_alias_profile(exchange, model, alias.profile)
            known[identifier] = {"models": [{"modelArn": arn}], **known.get(identifier, {}), **described}
    yield from known.values()


def _describe_alias_profile(exchange: Exchange, alias: Model, profile: str) -> Json:
    region, identifier = _region(exchange, alias), profile.rpartition("/")[2]
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


ROUTES = (
    describe_operation("ListFoundationModels", "/foundation-models", list_foundation_models),
    describe_operation("GetFoundationModel", "/foundation-models/<path:name>", get_foundation_model),
    describe_operation("ListInferenceProfiles", "/inference-profiles", list_inference_profiles),
    describe_operation("GetInferenceProfile", "/inference-profiles/<path:name>", get_inference_profile),
)
