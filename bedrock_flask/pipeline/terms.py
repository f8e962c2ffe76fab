"""What a call is as policies see it: the names of its model, its region, and where it is served."""

from collections.abc import Sequence
from dataclasses import replace

from bedrock_flask.bedrock.geographies import list_region_geographies
from bedrock_flask.bedrock.model_ids import is_application_profile, is_foundation_model, is_own_model
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.networks import find_address
from bedrock_flask.errors import PolicyRefused
from bedrock_flask.governance.policy import FREE_TERMS, Policy, Terms, find_refusal
from bedrock_flask.models.context_suffix import split_suffix
from bedrock_flask.models.resolver import Model
from bedrock_flask.pipeline.region import find_own_region


def describe_terms(exchange: Exchange, region: str, model: Model | None = None) -> Terms:
    """The terms of a call of a model, or of an operation on none; an empty region is the gateway's own."""
    policies, added = exchange.principal.policies, model.policies if model else ()
    if not policies and not added:
        return FREE_TERMS
    region = region or find_own_region(exchange)
    if model is None:
        return Terms(policies, dialect=exchange.dialect, region=region)
    names, geographies = _list_names(exchange, model), _find_geographies(exchange, model, region)
    return Terms(policies, exchange.dialect, region, names, geographies, added, find_address(exchange))


def list_policies(exchange: Exchange, model: Model | None) -> Sequence[Policy]:
    """The policies of a call, the outermost first: those of the caller, then those of the model's alias."""
    own = exchange.principal.policies
    return (*own, *model.policies) if model and model.policies else own


def reject_model(exchange: Exchange, model: Model) -> None:
    """Raise PolicyRefused for a model that no call of the caller's may name."""
    if refusal := find_model_refusal(exchange, model):
        raise PolicyRefused(refusal)


def find_model_refusal(exchange: Exchange, model: Model) -> str:
    """Why no call of the caller's may name a model; empty if one may."""
    return find_refusal(replace(describe_terms(exchange, model.region, model), dialect=None))


def _list_names(exchange: Exchange, model: Model) -> Sequence[str]:
    """The names by which a policy may allow a model: those of the operator's choice, and the ids."""
    models = exchange.state.models
    own = models.find_base(model)
    suffix = split_suffix(model.name)
    given = (model.name, suffix.name) if suffix else (model.name,)
    chosen = [name for name in given if name in models.aliases or name in models.registry.adapters]
    return tuple(dict.fromkeys((*chosen, model.id, own, _cut_arn(own))))


def _cut_arn(model: str) -> str:
    """The id of a foundation model that its ARN names; any other name is unchanged."""
    return model.rpartition("/")[2] if is_foundation_model(model) else model


def _find_geographies(exchange: Exchange, model: Model, region: str) -> Sequence[str]:
    """Those of the profile; without one the region's, and none where the id hides what it leads to."""
    called = model.base if model.base and is_application_profile(model.id) else model.id
    if prefix := exchange.state.models.registry.find_profile_prefix(called):
        return (prefix,)
    stays = not called.startswith("arn:") or is_foundation_model(called) or is_own_model(called)
    return list_region_geographies(region) if stays else ()
