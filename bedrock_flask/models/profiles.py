"""Which id calls a model from a region: its own, or that of an inference profile."""

from bedrock_flask.adapter import KnownModel
from bedrock_flask.bedrock.geographies import find_geographies
from bedrock_flask.bedrock.offers import Offer


def choose_id(model: str, known: KnownModel, region: str) -> str:
    """The model's id where it can be called without a profile, else that of the narrowest profile of the region.

    Without a profile that the region can call, the id is unchanged: Bedrock says what is wrong.
    """
    if known.on_demand and (not known.regions or region in known.regions):
        return model
    return next(iter(list_profiles(model, known, region)), model)


def list_profiles(model: str, known: KnownModel, region: str) -> list[str]:
    """The ids of the profiles that call the model from a region, the narrowest geography first."""
    return [f"{geography}.{model}" for geography in find_geographies(region) if geography in known.profiles]


def list_offered_profiles(model: str, known: KnownModel | None, offer: Offer | None, region: str) -> list[str]:
    """The profiles of a model that the account's lists have; without those lists, the ones that its plugin knows."""
    if offer is not None:
        return offer.list_profiles(offer.find_foundation_model(model), region)
    return list_profiles(model, known, region) if known else []
