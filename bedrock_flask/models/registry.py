"""The registry: every adapter by name, and which adapter a Bedrock model id belongs to."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import pluggy

from bedrock_flask.adapter import Adapter, KnownModel
from bedrock_flask.bedrock.model_ids import matches
from bedrock_flask.capabilities import Capabilities

# The pattern that matches every id.
GENERIC = "*"


@dataclass(frozen=True)
class LoadedPlugin:
    """A plugin in use: its name, its source, and the names of its adapters."""

    name: str
    source: str
    adapters: tuple[str, ...]


@dataclass(frozen=True)
class BrokenPlugin:
    """A plugin that cannot be used: its name, its source, and every fault found in it."""

    name: str
    source: str
    faults: tuple[str, ...]

    def lines(self) -> list[str]:
        """Each fault as one line that names the plugin and its source."""
        return [f"plugin '{self.name}' from {self.source}: {fault}" for fault in self.faults]


@dataclass(frozen=True)
class PatternClaim:
    """One pattern of model ids, with the adapter that claims it and the capabilities of these models."""

    pattern: str
    adapter: Adapter
    capabilities: Capabilities
    is_built_in: bool = False

    @property
    def is_generic(self) -> bool:
        """Whether the adapter is the one that takes any id."""
        return GENERIC in self.adapter.models


@dataclass(frozen=True)
class Registry:
    """Every adapter and its source by name, all claims, and the plugins themselves.

    The claims of plugins that ship with the gateway come after all others, because a plugin of the operator's may claim
    what they know, and those of the generic adapter come last; of each kind the longest pattern comes first.
    """

    adapters: Mapping[str, Adapter]
    sources: Mapping[str, str]
    claims: tuple[PatternClaim, ...]
    hooks: pluggy.PluginManager
    loaded: tuple[LoadedPlugin, ...] = ()
    broken: tuple[BrokenPlugin, ...] = ()

    def find_claim(self, model: str) -> PatternClaim | None:
        """Return the first claim whose pattern matches a Bedrock id, an ARN or an inference profile.

        A profile's prefix (`us.`, `global.`, or one that AWS adds later) is a first segment that is not a provider;
        providers are the first segments of the patterns themselves.
        """
        name = model.rsplit("/", 1)[-1] if model.startswith("arn:") else model
        head, _, rest = name.partition(".")
        candidates = (name,) if head in self.providers or not rest else (name, rest)
        found = (claim for claim in self.claims if any(matches(claim.pattern, each) for each in candidates))
        return next(found, None)

    @property
    def generic(self) -> Adapter:
        """The adapter that takes any id."""
        return next(adapter for adapter in self.adapters.values() if GENERIC in adapter.models)

    def strip_profile_prefix(self, model: str) -> str:
        """Return the model's own id for the id or ARN of AWS's inference profiles; other ids and ARNs are unchanged.

        The ARN of an application's profile does not name its model.
        """
        return self._split_profile(model)[1]

    def find_profile_prefix(self, model: str) -> str:
        """Return the prefix in the id or ARN of AWS's inference profiles (`us`, `global`); of others an empty text."""
        return self._split_profile(model)[0]

    def _split_profile(self, model: str) -> tuple[str, str]:
        """The same as `geographies.split_profile`, also for prefixes that AWS adds later; models' ARNs stay whole."""
        name = model.rpartition("/")[2] if ":inference-profile/" in model else model
        head, _, rest = name.partition(".")
        return ("", name) if name.startswith("arn:") or head in self.providers or not rest else (head, rest)

    def pick(self, model: str) -> tuple[Adapter, Capabilities]:
        """Return the adapter and the capabilities of a Bedrock id; LookupError if no plugin claims it."""
        claim = self.find_claim(model)
        if claim is None:
            raise LookupError(model)
        return claim.adapter, claim.capabilities

    @cached_property
    def known_models(self) -> Mapping[str, KnownModel]:
        """The ids that the plugins know, whatever plugin claims them."""
        return {name: known for each in self.adapters.values() for name, known in each.known_models.items()}

    @cached_property
    def provider_names(self) -> Mapping[str, str]:
        """The id of each name that a model has in its provider's own API."""
        return {name: model for model, known in self.known_models.items() for name in known.names}

    @cached_property
    def providers(self) -> frozenset[str]:
        """The providers named by the patterns."""
        return frozenset(claim.pattern.partition(".")[0] for claim in self.claims if claim.pattern != GENERIC)


def sort_claims(adapters: Mapping[str, Adapter], built_in: Collection[str] = ()) -> tuple[PatternClaim, ...]:
    """Return all claims of these adapters: the generic one's last, before it the built-in ones', longest pattern first.

    `built_in` are the names of the adapters that ship with the gateway.
    """
    claims = [
        PatternClaim(pattern, adapter, capabilities, adapter.name in built_in)
        for adapter in adapters.values()
        for pattern, capabilities in adapter.models.items()
    ]
    return tuple(sorted(claims, key=_find_rank))


def _find_rank(claim: PatternClaim) -> tuple[bool, bool, int, str]:
    return claim.is_generic, claim.is_built_in, -len(claim.pattern), claim.pattern
