"""Which of AWS's APIs serves a model to a client, and the model as that API has it.

A model whose capabilities name no surfaces is served by what its adapter speaks. Of others the first is chosen that is
in the client's own format, where the text goes through as it came, or Converse: most models of open weights have
Converse before their other surfaces, because it takes their reasoning out of the text and the repairs know it. A model
with neither is called in any format that the gateway can write and read back.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any

from bedrock_flask.adapter import Adapter, ExtraTarget, KnownModel
from bedrock_flask.bedrock.surfaces import SURFACES, name_surface, takes_model
from bedrock_flask.bodies.surface_bodies import BODIES, SAMPLES
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json

CONVERSE = "converse"


@dataclass(frozen=True)
class Way:
    """One way to a model: the name of the surface, what a call of it names, and its format."""

    name: str
    operation: str
    wire: str


def select_surfaces(
    capabilities: Capabilities, model: str, *, is_profile: bool, known: KnownModel | None, enabled: Collection[str]
) -> tuple[str, ...] | None:
    """The surfaces that can be called for an id, in order of preference; None if the adapter says how.

    `is_profile` says whether it is the id of an inference profile. An own id that bedrock-runtime takes through a
    profile only goes to bedrock-mantle, where that serves the model.
    """
    if not capabilities.surfaces:
        return None
    reachable = list_reachable(capabilities, model, is_profile=is_profile)
    allowed = [name for name in reachable if not enabled or name in enabled]
    by_own_id = [name for name in allowed if name in SURFACES and not SURFACES[name].takes_profiles]
    needs_profile = known is not None and not known.on_demand
    return tuple((needs_profile and by_own_id) or allowed)


def list_reachable(capabilities: Capabilities, model: str, *, is_profile: bool) -> list[str]:
    """The surfaces of a model that take this id, whether they can be called or not."""
    return [
        name
        for name in capabilities.surfaces
        if name not in SURFACES or takes_model(SURFACES[name], model, is_profile=is_profile)
    ]


def list_ways(adapter: Adapter, surfaces: Iterable[str] | None) -> Iterator[Way]:
    """The ways to a model of the adapter by these surfaces; by what the adapter speaks if they are None."""
    spoken: dict[str, Way] = {}
    for wire, operation in adapter.speaks.items():
        # Of two wires of one operation the first is the adapter's own.
        spoken.setdefault(name_surface(operation), Way(name_surface(operation), operation, wire))
    for name in spoken if surfaces is None else surfaces:
        if name in SURFACES:
            yield Way(name, name, SURFACES[name].wire)
        elif name in spoken:
            yield spoken[name]


def choose_way(ways: Collection[Way], wire: str) -> Way | None:
    """The way for a client that speaks this wire: the first of its own and Converse, or else the first."""
    fitting = (way for way in ways if way.wire == wire or way.name == CONVERSE)
    return next(fitting, None) or next(iter(ways), None)


def choose_native_way(ways: Collection[Way], adapter: Adapter) -> Way | None:
    """The way for a body of the model's own: what takes the adapter's body, or else the first surface's own.

    None if there is neither: another operation of bedrock-runtime does not take the adapter's body.
    """
    own = (way for way in ways if way.operation == adapter.operation)
    return next(own, None) or next((way for way in ways if way.name in SURFACES), None)


# Where each extra that a surface's format can express goes: `extras` of the request, from which its wire writes it.
_KEPT: Mapping[str, Collection[str]] = MappingProxyType(
    {
        "openai_chat": (
            *("effort", "json_object", "tool_choice", "parallel_tool_calls", "verbosity", "seed", "logprobs"),
            *("top_logprobs", "logit_bias", "frequency_penalty", "presence_penalty", "prompt_cache_key"),
            *("prompt_cache_retention", "safety_identifier", "user"),
        ),
        "openai_responses": (
            *("effort", "json_object", "tool_choice", "parallel_tool_calls", "text.verbosity", "prompt_cache_key"),
            *("prompt_cache_retention", "safety_identifier", "user", "reasoning.summary", "truncation"),
        ),
    }
)


def serve_by(adapter: Adapter, capabilities: Capabilities, way: Way) -> tuple[Adapter, Capabilities]:
    """The adapter and the capabilities of a model that is called this way alone.

    In a surface's own format the model takes more than in Converse: an effort has its member, and reasoning is sent
    back as it came.
    """
    surface = SURFACES.get(way.name)
    if surface is None:
        return replace(adapter, speaks={way.wire: way.operation}), capabilities
    kept = _KEPT.get(way.wire)
    extras: Mapping[str, ExtraTarget] = {name: partial(_keep, name) for name in kept} if kept else adapter.extras
    served = replace(
        adapter,
        body=BODIES[way.wire],
        speaks={way.wire: way.name},
        sample=SAMPLES[way.wire],
        answer=None,
        also=None,
        limit="",
        rules=(),
        extras=extras,
        encode=None,
        decode=None,
        reply=None,
        chunks=None,
        emulate=None,
    )
    return served, _adapt(capabilities, way.wire, structured=surface.structured)


def _keep(name: str, value: Any, request: Json) -> Json:
    return {"extras": {name: value}}


@lru_cache(maxsize=256)
def _adapt(capabilities: Capabilities, wire: str, *, structured: bool) -> Capabilities:
    if not structured:
        capabilities = capabilities.but(structured=False)
    if wire == "openai_responses":
        return capabilities.but(effort_field="", signatures=True)
    if wire == "openai_chat":
        # What models of this format write of their reasoning, they do not read.
        return capabilities.but(effort_field="", reasoning_history=False)
    return capabilities
