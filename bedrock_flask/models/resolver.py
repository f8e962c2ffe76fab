"""Resolve the model's name in a request: an alias, an adapter's name, a Bedrock id, an inference profile or an ARN."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.model_ids import find_arn_region
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import ModelNotListed, UnknownModel
from bedrock_flask.models.models_file import STRICT, Alias
from bedrock_flask.models.registry import GENERIC, Registry

ANY, LISTED = "any", "listed"

_ARN = re.compile(r"arn:aws[a-z-]*:(bedrock|sagemaker):[a-z0-9-]*:\d*:[\w./:-]+", re.ASCII)
# `provider.name`, with or without a profile's prefix; a provider is one word, so 'gpt-4.1' does not match.
_ID = re.compile(r"([a-z][a-z0-9-]*\.)?[a-z][a-z0-9]*\.[A-Za-z][\w.:-]*", re.ASCII)

_UNNUMBERED_PROFILE = re.compile(r"arn:aws[a-z-]*:bedrock:[a-z0-9-]*::inference-profile/(?P<id>[\w.:-]+)", re.ASCII)

# The maximum length of a modelId in botocore's service model.
_MAX_LENGTH = 2048


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model as the request named it, and what to call on Bedrock.

    `region` is where it is called, if an alias or an ARN names a region. `base` is the id that an alias names.
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


@dataclass(frozen=True)
class Models:
    """Every name that a request can use: adapters, the models file, and other ids if the policy allows them."""

    registry: Registry
    aliases: Mapping[str, Alias] = field(default_factory=dict)
    policy: str = ANY

    def resolve(self, name: str) -> Model:
        """Resolve a name; UnknownModel lists the nearest names, ModelNotListed means that the policy forbids the id."""
        if name in self.aliases:
            return self._resolve_alias(self.aliases[name])
        if name in self.registry.adapters:
            adapter = self.registry.adapters[name]
            if GENERIC in adapter.models:
                raise UnknownModel(f"'{name}' takes any Bedrock id: use the id itself, or an alias, as the name.")
            return self._resolve_id(name, adapter.model)
        if len(name) > _MAX_LENGTH or not (_ARN.fullmatch(name) or _ID.fullmatch(name)):
            raise UnknownModel(self._describe_unknown(name[:200]))
        # What the gateway lists: it does not know the number of its account, and Bedrock knows the profile by its id.
        unnumbered = _UNNUMBERED_PROFILE.fullmatch(name)
        return self._resolve_id(name, unnumbered["id"] if unnumbered else name)

    def list_models(self) -> list[Model]:
        """List the models that have a name besides their id: adapters, then aliases."""
        adapters = [
            self._resolve_id(a.name, a.model) for a in self.registry.adapters.values() if GENERIC not in a.models
        ]
        return adapters + [self._resolve_alias(alias) for alias in self.aliases.values()]

    def _resolve_alias(self, alias: Alias) -> Model:
        claim = self.registry.find_claim(alias.id)
        if alias.adapter and (claim is None or claim.adapter.name != alias.adapter):
            adapter = self.registry.adapters[alias.adapter]
            capabilities = next(iter(adapter.models.values()))
        elif claim is not None:
            adapter, capabilities = claim.adapter, claim.capabilities
        else:
            raise UnknownModel(f"No plugin claims '{alias.id}', which the alias '{alias.name}' names.")
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
        )

    def _is_in_file(self, model: str) -> bool:
        return any(model in (alias.id, alias.profile) for alias in self.aliases.values())

    def _describe_unknown(self, name: str) -> str:
        names = [*self.aliases, *(a.name for a in self.registry.adapters.values() if GENERIC not in a.models)]
        folded = {each.lower(): each for each in names}
        near = [folded[each] for each in difflib.get_close_matches(name.lower(), folded, 3, 0.5)]
        known = f" Nearest: {', '.join(near)}." if near else f" Known names: {', '.join(names)}." if names else ""
        return f"'{name}' is not an alias, an adapter or a Bedrock id.{known}"
