"""The models that can be called, for lists: what the plugins know, joined with what the account is offered.

The account decides where its lists could be read; without them the plugins' own catalogue is listed.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date

from bedrock_flask.adapter import Adapter, KnownModel
from bedrock_flask.bedrock.offers import Offer
from bedrock_flask.bedrock.surfaces import MANTLE, find_endpoints, name_surface
from bedrock_flask.errors import UnknownModel
from bedrock_flask.models.discovery import Finding
from bedrock_flask.models.lifecycle import RETIRED, Lifecycle, find_lifecycle
from bedrock_flask.models.profiles import list_offered_profiles, list_profiles
from bedrock_flask.models.resolver import LISTED, Model, Models

FindOffer = Callable[[str], Finding]


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A row of a list: a model, and what is known of it in its region.

    surfaces    the APIs of AWS that serve it
    profiles    the inference profiles that reach it from its region
    is_offered  whether the account's lists have it; None if they could not be read, or cannot say
    """

    model: Model
    known: KnownModel | None
    lifecycle: Lifecycle
    surfaces: tuple[str, ...]
    profiles: tuple[str, ...]
    is_offered: bool | None


def list_callable(models: Models, find_offer: FindOffer, today: date) -> list[Listed]:
    """Every model that can be called: those with names of their own, then the other ids of the account or the plugins.

    What the account is not offered, or AWS does not serve any more, is listed only if the models file names it.
    """
    named = [describe(models, model, find_offer) for model in models.list_named()]
    shown = [row for row in named if row.model.name in models.aliases or _can_be_called(row, today)]
    taken = {row.model.id for row in named}
    others = (describe(models, model, find_offer) for model in _list_ids(models, find_offer, taken))
    return shown + [row for row in others if _can_be_called(row, today)]


def describe(models: Models, model: Model, find_offer: FindOffer) -> Listed:
    """One model with what is known of it."""
    region = model.region or models.region
    offer = find_offer(region).offer
    base = models.find_base(model)
    known = models.registry.known_models.get(base)
    return Listed(
        model=model,
        known=known,
        lifecycle=find_lifecycle(known, offer.find_model(base) if offer else None),
        surfaces=list_surfaces(model),
        profiles=tuple(list_offered_profiles(base, known, offer, region)),
        is_offered=is_offered(model, offer),
    )


def list_surfaces(model: Model) -> tuple[str, ...]:
    """The APIs of AWS that serve a model."""
    return model.capabilities.surfaces or list_spoken(model.adapter)


def list_spoken(adapter: Adapter) -> tuple[str, ...]:
    """The APIs of AWS that an adapter speaks."""
    return tuple(dict.fromkeys(name_surface(operation) for operation in adapter.speaks.values()))


def is_offered(model: Model, offer: Offer | None) -> bool | None:
    """Whether the account's lists have a model; None if there are none, or if they cannot say that."""
    if offer is None:
        return None
    found = offer.is_offered(model.id)
    # The lists of bedrock-runtime do not have what only bedrock-mantle serves.
    is_unknown = offer.mantle is None and is_on_mantle(model) and offer.find_model(model.id) is None
    return None if found is False and is_unknown else found


def is_on_mantle(model: Model) -> bool:
    """Whether bedrock-mantle serves a model."""
    return MANTLE in find_endpoints(list_surfaces(model))


def _can_be_called(row: Listed, today: date) -> bool:
    return row.is_offered is not False and row.lifecycle.find_stage(today) != RETIRED


def _list_ids(models: Models, find_offer: FindOffer, taken: set[str]) -> Iterator[Model]:
    """The models that only their ids name: those that the account is offered, or else those that the plugins know."""
    region, registry = models.region, models.registry
    offer = find_offer(region).offer
    ids = offer.ids if offer is not None else registry.known_models
    for base in ids:
        claim = registry.find_claim(base)
        if claim is None or (claim.is_generic and models.policy == LISTED):
            continue
        called = _choose_offered(base, offer, region) if offer is not None else _choose_known(models, base, region)
        if not called or called in taken:
            continue
        # The account may list an id that no request can name.
        with suppress(UnknownModel):
            model = models.resolve(called, region)
            listed = offer.models.get(base) if offer is not None else None
            title = listed.name if listed else ""
            yield replace(model, title=title) if title and model.title == called else model


def _choose_offered(base: str, offer: Offer, region: str) -> str:
    """The id that calls an offered model: its own, or that of a profile; empty if it needs provisioned throughput."""
    if offer.is_on_demand(base):
        return base
    return next(iter(offer.list_profiles(base, region)), base if base in (offer.mantle or ()) else "")


def _choose_known(models: Models, base: str, region: str) -> str:
    """The id that calls a model that the plugins know from this region; empty if there is none."""
    known = models.registry.known_models[base]
    if not known.active:
        return ""
    if known.on_demand and (not known.regions or not region or region in known.regions):
        return base
    return next(iter(list_profiles(base, known, region)), "")
