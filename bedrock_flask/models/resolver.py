"""What a model's name in a request means: an alias, an adapter's name, a Bedrock id, an inference profile or an ARN."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bedrock_flask.adapter import Adapter
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import ModelNotListed, UnknownModel
from bedrock_flask.models.models_file import STRICT, Alias
from bedrock_flask.models.registry import GENERIC, Registry

ANY, LISTED = "any", "listed"

_ARN = re.compile(r"arn:aws[a-z-]*:(bedrock|sagemaker):[a-z0-9-]*:\d*:[\w./:-]+", re.ASCII)
# `provider.name`, with or without a profile's prefix: providers are one word, so 'gpt-4.1' is not taken for an id.
_ID = re.compile(r"([a-z][a-z0-9-]*\.)?[a-z][a-z0-9]*\.[A-Za-z][\w.:-]*", re.ASCII)


# Of a modelId, in botocore's service model.
_LONGEST = 2048


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model as a request named it, and what that means on Bedrock."""

    name: str
    id: str
    adapter: Adapter
    capabilities: Capabilities
    region: str = ""
    description: str = ""
    validate: str = STRICT
    unsupported: str = ""
    # The id that an alias names, where it calls something else in its place.
    base: str = ""


@dataclass(frozen=True)
class Models:
    """All that can be named: the registry's adapters, the models file, and whether other ids may be called."""

    registry: Registry
    aliases: Mapping[str, Alias] = field(default_factory=dict)
    policy: str = ANY

    def resolve(self, name: str) -> Model:
        """The model of that name. UnknownModel names the nearest; ModelNotListed where the policy closes other ids."""
        if name in self.aliases:
            return self._aliased(self.aliases[name])
        if name in self.registry.adapters:
            adapter = self.registry.adapters[name]
            if GENERIC in adapter.models:
                raise UnknownModel(
                    f"'{name}' takes any Bedrock id: put the id itself, or an alias, in the name's place."
                )
            return self._claimed(name, adapter.model)
        if len(name) > _LONGEST or not (_ARN.fullmatch(name) or _ID.fullmatch(name)):
            raise UnknownModel(self._nearest(name[:200]))
        return self._claimed(name, name)

    def list_models(self) -> list[Model]:
        """The models that can be named without knowing an id: adapters, then aliases."""
        named = [self._claimed(a.name, a.model) for a in self.registry.adapters.values() if GENERIC not in a.models]
        return named + [self._aliased(alias) for alias in self.aliases.values()]

    def _aliased(self, alias: Alias) -> Model:
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
            region=alias.region,
            description=alias.description or adapter.description,
            validate=alias.validate,
            unsupported=alias.unsupported,
            base=alias.id,
        )

    def _claimed(self, name: str, model: str) -> Model:
        claim = self.registry.find_claim(model)
        if claim is None:
            raise UnknownModel(self._nearest(name))
        if self.policy == LISTED and claim.pattern == GENERIC and not self._in_file(model):
            raise ModelNotListed(f"'{name}' stands in no plugin and not in the models file.")
        return Model(
            name=name,
            id=model,
            adapter=claim.adapter,
            capabilities=claim.capabilities,
            description=claim.adapter.description,
        )

    def _in_file(self, model: str) -> bool:
        return any(model in (alias.id, alias.profile) for alias in self.aliases.values())

    def _nearest(self, name: str) -> str:
        names = [*self.aliases, *(a.name for a in self.registry.adapters.values() if GENERIC not in a.models)]
        folded = {each.lower(): each for each in names}
        near = [folded[each] for each in difflib.get_close_matches(name.lower(), folded, 3, 0.5)]
        known = f" Nearest: {', '.join(near)}." if near else f" Known names: {', '.join(names)}." if names else ""
        return f"'{name}' is no alias, no adapter and no Bedrock id.{known}"
