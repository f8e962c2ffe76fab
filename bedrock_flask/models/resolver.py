"""Resolve the model's name in a request.

It is an alias, an adapter's name, a model's name in its provider's own API, a Bedrock id, an inference profile or an
ARN. A suffix may name its context window.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

from bedrock_flask.adapter import Adapter, KnownModel
from bedrock_flask.bedrock.model_ids import find_arn_region, is_imported, is_own_model
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import ModelNotListed, UnknownModel
from bedrock_flask.governance.policy import Policy
from bedrock_flask.models.context_suffix import ContextSuffix, split_suffix
from bedrock_flask.models.discovery import Discovery
from bedrock_flask.models.lifecycle import RETIRED, Lifecycle, find_lifecycle, find_today
from bedrock_flask.models.models_file import STRICT, Alias
from bedrock_flask.models.profiles import choose_id, list_offered_profiles
from bedrock_flask.models.registry import GENERIC, Registry
from bedrock_flask.models.surfaces import Way, list_ways, select_surfaces, serve_by

ANY, LISTED = "any", "listed"

# Without two dots in a row: a proxy that normalises paths would make another path of them.
_ARN = re.compile(r"arn:aws[a-z-]*:(bedrock|sagemaker):[a-z0-9-]*:\d*:(?!.*\.\.)[\w./:-]+", re.ASCII)
# `provider.name`, with or without a profile's prefix; a provider is one word, so 'gpt-4.1' does not match.
_ID = re.compile(r"([a-z][a-z0-9-]*\.)?[a-z][a-z0-9]*\.[A-Za-z][\w.:-]*", re.ASCII)

_UNNUMBERED_PROFILE = re.compile(r"arn:aws[a-z-]*:bedrock:[a-z0-9-]*::inference-profile/(?P<id>[\w.:-]+)", re.ASCII)

# The maximum length of a modelId in botocore's service model.
_MAX_LENGTH = 2048
# Resolved names that are kept.
_MOST_RESOLVED = 1000
# Names that a message lists.
_MOST_NAMED = 20
# The longest context window that a capability describes.
_MILLION = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model as the request named it, and what to call on Bedrock.

    region              where it is called, if an alias or an ARN names a region
    title               a name for lists
    base                the id that an alias names
    replaces            the id that an alias names, where its successor is called
    can_change          whether the name can mean another model tomorrow
    needs_long_context  whether the name asks for a context window that the model has only if a beta asks for it
    dropped             what was dropped of the name
    is_profile          whether it is AWS's inference profile of a model, rather than the model's own id
    surfaces            the surfaces that can be called, the preferred one first; None if its adapter says how
    output              the most tokens of an answer; 0 if that is not known
    policies            those of the alias, and of the one that it replaces
    """

    name: str
    id: str
    adapter: Adapter
    capabilities: Capabilities
    region: str = ""
    description: str = ""
    validate: str = STRICT
    unsupported: str = ""
    cache: str = ""
    base: str = ""
    replaces: str = ""
    can_change: bool = False
    title: str = ""
    needs_long_context: bool = False
    dropped: tuple[str, ...] = ()
    is_profile: bool = False
    surfaces: tuple[str, ...] | None = None
    output: int = 0
    policies: tuple[Policy, ...] = ()
    _served: dict[Way, "Model"] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def ways(self) -> tuple[Way, ...]:
        """How the model can be called, in order of preference."""
        return tuple(list_ways(self.adapter, self.surfaces))

    def for_body(self, body: Any) -> "Model":
        """The model with the adapter of a native body, which may have one of two forms."""
        adapter = self.adapter.for_body(body)
        return self if adapter is self.adapter else replace(self, adapter=adapter)

    def serve_by(self, way: Way) -> "Model":
        """The model as it is if it is called this way alone; itself where its adapter says how it is called."""
        if self.surfaces is None:
            return self
        served = self._served.get(way)
        if served is None:
            adapter, capabilities = serve_by(self.adapter, self.capabilities, way)
            served = self._served[way] = replace(self, adapter=adapter, capabilities=capabilities, surfaces=None)
        return served


@dataclass(frozen=True)
class Models:
    """Every name that a request can use: adapters, the models file, and other ids if the policy allows them.

    `region` is that of calls whose alias names none, or empty if it is not known. `discovery` knows what the account is
    offered. `enabled` are the surfaces that may be called; empty for all.
    """

    registry: Registry
    aliases: Mapping[str, Alias] = field(default_factory=dict)
    policy: str = ANY
    region: str = ""
    discovery: Discovery = field(default_factory=Discovery, repr=False, compare=False)
    enabled: frozenset[str] = frozenset()
    _resolved: dict[tuple[str, str], Model] = field(default_factory=dict, init=False, repr=False, compare=False)

    def resolve(self, name: str, region: str = "") -> Model:
        """Resolve a name for a call from a region, by default that of the gateway.

        UnknownModel lists the nearest names, ModelNotListed means that the policy forbids the id.
        """
        model = self._resolved.get((name, region))
        if model is None:
            model = self._resolve(name, region or self.region)
            if model.can_change:
                return model
            # Callers choose the names.
            if len(self._resolved) >= _MOST_RESOLVED:
                self._resolved.clear()
            self._resolved[name, region] = model
        return model

    def _resolve(self, name: str, region: str) -> Model:
        suffix = None if name in self.aliases else split_suffix(name)
        if suffix is None:
            return self._resolve_name(name, region)
        return _apply_suffix(self._resolve_name(suffix.name, region), suffix)

    def _resolve_name(self, name: str, region: str) -> Model:
        if name in self.aliases:
            return self._resolve_alias(self.aliases[name], region)
        if name in self.registry.adapters:
            adapter = self.registry.adapters[name]
            if GENERIC in adapter.models:
                raise UnknownModel(f"'{name}' takes any Bedrock id: use the id itself, or an alias, as the name.")
            return self._resolve_id(name, self._choose_id(adapter.model, region))
        if name in self.registry.provider_names:
            return self._resolve_id(name, self._choose_id(self.registry.provider_names[name], region))
        if not is_id(name):
            raise UnknownModel(self._describe_unknown(name[:200]))
        # What the gateway lists: it does not know the number of its account, and Bedrock knows the profile by its id.
        unnumbered = _UNNUMBERED_PROFILE.fullmatch(name)
        return self._resolve_id(name, unnumbered["id"] if unnumbered else name)

    def list_models(self) -> list[Model]:
        """List the models that have a name besides their id: adapters, then aliases."""
        adapters = [
            self._resolve_name(name, self.region)
            for name, adapter in self.registry.adapters.items()
            if GENERIC not in adapter.models and name not in self.aliases
        ]
        return adapters + [self._resolve_alias(alias, self.region) for alias in self.aliases.values()]

    def list_named(self) -> list[Model]:
        """List the models that a program can choose from: those with a name, and the active ones by their first name.

        A name that an alias or an adapter has is that one's.
        """
        own = self.list_models()
        taken = {model.name for model in own}
        known: list[KnownModel] = [each for each in self.registry.known_models.values() if each.active and each.names]
        return own + [self.resolve(each.names[0]) for each in known if each.names[0] not in taken]

    def _choose_id(self, model: str, region: str) -> str:
        known = self.registry.known_models.get(model)
        return choose_id(model, known, region) if known else model

    def find_lifecycle(self, model: Model) -> Lifecycle:
        """When the model ends, as far as the account's list or its plugin says so."""
        base, offer = self.find_base(model), self.discovery.find(model.region or self.region).offer
        return find_lifecycle(self.registry.known_models.get(base), offer.find_model(base) if offer else None)

    def list_profiles(self, model: str, region: str) -> list[str]:
        """The inference profiles that call a model from a region: the account's, or those that its plugin knows."""
        base = self.registry.strip_profile_prefix(model)
        return list_offered_profiles(
            base, self.registry.known_models.get(base), self.discovery.find(region).offer, region
        )

    def find_base(self, model: Model) -> str:
        """The model's own id, as far as its alias or the id that is called contains it."""
        return self.registry.strip_profile_prefix(model.base or model.id)

    def _resolve_alias(self, alias: Alias, region: str) -> Model:
        model = self._make_alias_model(alias)
        if not alias.successor:
            return model
        if self._has_ended(alias, model, find_today()):
            return self._resolve_successor(alias, region)
        return replace(model, can_change=True)

    def _has_ended(self, alias: Alias, model: Model, today: date) -> bool:
        """Whether the successor of an alias is called: from the day that the file names, or from the model's end."""
        if alias.successor_from is not None:
            return alias.successor_from <= today
        return self.find_lifecycle(model).find_stage(today) == RETIRED

    def _resolve_successor(self, alias: Alias, region: str) -> Model:
        successor = self._resolve_name(alias.successor, alias.region or region)
        called = self._choose_id(successor.id, alias.region or region)
        return replace(
            successor,
            name=alias.name,
            title=alias.name,
            id=called,
            base=successor.base or successor.id,
            region=successor.region or alias.region,
            description=alias.description or successor.description,
            validate=alias.validate,
            unsupported=alias.unsupported or successor.unsupported,
            cache=alias.cache or successor.cache,
            replaces=alias.id,
            policies=_list_policies(alias) + successor.policies,
            can_change=True,
            **self._describe_id(successor.capabilities, called),
        )

    def _make_alias_model(self, alias: Alias) -> Model:
        claim = self.registry.find_claim(alias.id)
        if alias.adapter and (claim is None or claim.adapter.name != alias.adapter):
            adapter = self.registry.adapters[alias.adapter]
            capabilities = _find_capabilities(adapter, alias.model)
        elif claim is not None:
            adapter, capabilities = claim.adapter, claim.capabilities
        else:
            raise UnknownModel(f"No plugin claims '{alias.id}', which the alias '{alias.name}' names.")
        if is_own_model(alias.model):
            # Only bedrock-runtime has it, by the operations that the adapter speaks.
            capabilities = capabilities.but(surfaces=())
        return Model(
            name=alias.name,
            id=alias.model,
            adapter=adapter,
            capabilities=capabilities,
            region=alias.region or find_arn_region(alias.model),
            description=alias.description or adapter.description,
            validate=alias.validate,
            unsupported=alias.unsupported,
            cache=alias.cache,
            base=alias.id,
            title=alias.name,
            policies=_list_policies(alias),
            **self._describe_id(capabilities, alias.model, alias.id),
        )

    def _resolve_id(self, name: str, model: str) -> Model:
        claim = self.registry.find_claim(model)
        if claim is None:
            raise UnknownModel(self._describe_unknown(name))
        if self.policy == LISTED and claim.is_generic and not self._is_in_file(model):
            raise ModelNotListed(f"'{name}' is not listed by any plugin or in the models file.")
        return Model(
            name=name,
            id=model,
            adapter=claim.adapter,
            capabilities=claim.capabilities,
            region=find_arn_region(name),
            description=claim.adapter.description,
            title=self._find_title(name, model),
            **self._describe_id(claim.capabilities, model),
        )

    def _describe_id(self, capabilities: Capabilities, model: str, base: str = "") -> dict[str, Any]:
        """What follows from the id that is called; `base` is that of its model, where the id does not contain it."""
        if is_own_model(model):
            # The account's own models are called as their adapter speaks.
            return {}
        own = self.registry.strip_profile_prefix(model)
        known, is_profile = self.registry.known_models.get(base or own), own != model
        surfaces = select_surfaces(capabilities, model, is_profile=is_profile, known=known, enabled=self.enabled)
        return {"is_profile": is_profile, "surfaces": surfaces, "output": known.output if known else 0}

    def _find_title(self, name: str, model: str) -> str:
        known = self.registry.known_models.get(self.registry.strip_profile_prefix(model))
        if known is None:
            return name
        return f"{known.name} ({name})" if name in self.registry.adapters else known.name

    def _is_in_file(self, model: str) -> bool:
        return any(model in (alias.id, alias.profile) for alias in self.aliases.values())

    def _describe_unknown(self, name: str) -> str:
        names = [*self.aliases, *(a.name for a in self.registry.adapters.values() if GENERIC not in a.models)]
        folded = {each.lower(): each for each in (*names, *self.registry.provider_names)}
        near = [folded[each] for each in difflib.get_close_matches(name.lower(), folded, 3, 0.5)]
        known = f" Nearest: {', '.join(near)}." if near else _list_names(names)
        return f"'{name}' is not an alias, an adapter or a Bedrock id.{known}"


def is_id(name: str) -> bool:
    """Whether a name has the form of a Bedrock id, an inference profile or an ARN."""
    return len(name) <= _MAX_LENGTH and bool(_ARN.fullmatch(name) or _ID.fullmatch(name))


def _list_policies(alias: Alias) -> tuple[Policy, ...]:
    return (alias.policy,) if alias.policy else ()


def _list_names(names: Sequence[str]) -> str:
    """A sentence with the first names, the aliases before the adapters."""
    if not names:
        return ""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f" Known names: {', '.join(names[:_MOST_NAMED])}{more}."


def _find_capabilities(adapter: Adapter, model: str) -> Capabilities:
    """What a model can do whose adapter the models file names."""
    own = adapter.imported if is_imported(model) else None
    return own or next(iter(adapter.models.values()))


def _apply_suffix(model: Model, suffix: ContextSuffix) -> Model:
    """The model with the context window that the suffix names; UnknownModel if it has no such window."""
    window, too_long = model.capabilities.long_context, suffix.tokens > _MILLION
    if suffix.is_long and (window == "never" or (too_long and window != "unknown")):
        raise UnknownModel(f"'{model.name}' has no context window of {suffix.tokens} tokens: omit '{suffix.suffix}'.")
    return replace(
        model,
        name=f"{model.name}{suffix.suffix}",
        needs_long_context=suffix.is_long and window == "beta",
        dropped=(f"model: {suffix.suffix}",) if suffix.is_long and window == "unknown" else (),
    )
