"""The surface that serves a request: by the client's format, by what the request needs, and by what is enabled."""

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from bedrock_flask.bedrock.surfaces import SURFACES
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.errors import CallerError, FieldError, SurfaceNotEnabled, UnknownModel
from bedrock_flask.models.resolver import Model
from bedrock_flask.models.surfaces import Way, choose_native_way, choose_way, list_reachable
from bedrock_flask.pipeline.request import find_safeguards, reject_faults, resolve_model
from bedrock_flask.translation.safeguards import find_lost
from bedrock_flask.translation.surface_members import choose_format

Choose = Callable[[Collection[Way]], Way | None]


def serve(exchange: Exchange, model: Model, wire: str) -> Model:
    """The model as the surface has it that fits a client of this wire; unchanged if its adapter says how it is called.

    A surface that cannot express the request's safeguards gives way to one that can; where none can, the call is
    refused by name. Raises SurfaceNotEnabled or UnknownModel if none serves the model by this id.
    """
    return model if model.surfaces is None else _serve(exchange, model, partial(choose_way, wire=wire))


def serve_native(exchange: Exchange, model: Model) -> Model:
    """The model as the surface has it that takes its own body, or, where there is none, the first surface's."""
    return (
        model if model.surfaces is None else _serve(exchange, model, partial(choose_native_way, adapter=model.adapter))
    )


def resolve_after(exchange: Exchange, body: Any, faults: Collection[FieldError], wire: str) -> Model:
    """The model that a body with these faults names, as it is served; InvalidBody for the faults that matter.

    Values that the schema does not list pass only where the model speaks the wire of the body, and its alias says so.
    """
    reject_faults(fault for fault in faults if not fault.is_new_value or fault.path == "model")
    named = resolve_model(exchange, body["model"])
    model = serve(exchange, named, choose_format(wire, body, named.capabilities))
    reject_faults(faults, model if wire in model.adapter.speaks else None)
    return model


def _serve(exchange: Exchange, model: Model, choose: Choose) -> Model:
    way = choose(model.ways)
    if way is None and model.surfaces:
        # What the adapter speaks is none of them: it has a way of its own.
        return model
    if way is None:
        raise explain_unserved(model)
    if way.name in SURFACES and (wanted := find_safeguards(exchange, model)):
        way = choose([each for each in model.ways if not find_lost(SURFACES.get(each.name), wanted)]) or way
    return model.serve_by(way)


def explain_unserved(model: Model) -> CallerError:
    """Why no surface can be called for a model that has some."""
    reachable = list_reachable(model.capabilities, model.id, is_profile=model.is_profile)
    if reachable:
        return SurfaceNotEnabled(
            f"'{model.name}' is served by {', '.join(reachable)}, which BEDROCK_FLASK_SURFACES does not list."
        )
    surfaces = ", ".join(model.capabilities.surfaces)
    return UnknownModel(
        f"'{model.name}' is served by {surfaces} alone: use the model's own id, not an inference profile."
    )
