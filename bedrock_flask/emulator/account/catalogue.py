"""The models and inference profiles that the emulated account has: from the plugins, and from a small table.

The table has ids that AWS has published; an id is listed when some plugin but the generic one claims it. What it can do
is what the plugin says. Sources: AWS user guide, "Supported foundation models" and "Supported Regions and models for
inference profiles".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from types import MappingProxyType

from bedrock_flask.capabilities import Capabilities
from bedrock_flask.models.registry import GENERIC, Registry

ACCOUNT = "123456789012"
SYSTEM_DEFINED, APPLICATION = "SYSTEM_DEFINED", "APPLICATION"

_APPLICATION_PROFILE = ":application-inference-profile/"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the plugins do not tell of a model: its name, where it has profiles, and whether it is called without."""

    name: str
    profiles: tuple[str, ...] = ()
    on_demand: bool = True
    active: bool = True


@dataclass(frozen=True, kw_only=True)
class Model:
    """A foundation model."""

    id: str
    known: Known
    capabilities: Capabilities

    @property
    def provider(self) -> str:
        """The provider's name."""
        first = self.id.partition(".")[0]
        return _PROVIDERS.get(first, first.capitalize())

    def arn(self, region: str) -> str:
        """Its ARN in a region."""
        return f"arn:aws:bedrock:{region}::foundation-model/{self.id}"


@dataclass(frozen=True, kw_only=True)
class Profile:
    """An inference profile: one of a geography (`us`, `global` …), or an application's, whose id tells no model."""

    id: str
    name: str
    model: Model
    geography: str = ""

    @property
    def type(self) -> str:
        """Who has made it: AWS or the account."""
        return SYSTEM_DEFINED if self.geography else APPLICATION

    def arn(self, region: str) -> str:
        """Its ARN in a region."""
        kind = "inference-profile" if self.geography else "application-inference-profile"
        return f"arn:aws:bedrock:{region}:{ACCOUNT}:{kind}/{self.id}"

    def regions(self, region: str) -> tuple[str, ...]:
        """Where a call from a region may be served."""
        return _REGIONS.get(self.geography, (region,))


@dataclass(frozen=True)
class Catalogue:
    """All that can be listed, in the order of the ids."""

    registry: Registry

    @cached_property
    def models(self) -> tuple[Model, ...]:
        """The foundation models."""
        defaults = (each.model for each in self.registry.adapters.values() if GENERIC not in each.models)
        found = (self.model(each) for each in sorted({*KNOWN, *defaults}))
        return tuple(model for model in found if model is not None)

    @cached_property
    def profiles(self) -> tuple[Profile, ...]:
        """The inference profiles: those of each model's geographies, and one of an application for each model."""
        return (*(each for model in self.models for each in _of_geographies(model)), *map(_application, self.models))

    def model(self, identifier: str) -> Model | None:
        """The foundation model of an id or an ARN; of any id that a plugin but the generic one claims."""
        model = identifier.rpartition("/")[2] if ":foundation-model/" in identifier else identifier
        claim = self.registry.find_claim(model)
        provider = model.partition(".")[0]
        if claim is None or claim.pattern == GENERIC or provider not in self.registry.providers:
            return None
        return Model(id=model, known=KNOWN.get(model, Known(name=_name(model))), capabilities=claim.capabilities)

    def profile(self, identifier: str) -> Profile | None:
        """The inference profile of an id or an ARN."""
        bare = identifier.rpartition("/")[2] if identifier.startswith("arn:") else identifier
        return next((profile for profile in self.profiles if profile.id == bare), None)

    def behind(self, model: str) -> str:
        """The foundation model behind an application's profile; any other name as it is."""
        profile = self.profile(model) if _APPLICATION_PROFILE in model else None
        return profile.model.id if profile else model


def _of_geographies(model: Model) -> Iterator[Profile]:
    for geography in model.known.profiles:
        name = f"{geography.upper()} {model.known.name}"
        yield Profile(id=f"{geography}.{model.id}", name=name, model=model, geography=geography)


def _application(model: Model) -> Profile:
    hidden = sha256(model.id.encode()).hexdigest()[:12]
    return Profile(id=hidden, name=f"Application {model.known.name}", model=model)


def _name(model: str) -> str:
    words = model.partition(".")[2].partition(":")[0].replace(".", "-").split("-")
    return " ".join(word.capitalize() for word in words if word)


_PROVIDERS: Mapping[str, str] = MappingProxyType(
    {
        "ai21": "AI21 Labs",
        "deepseek": "DeepSeek",
        "mistral": "Mistral AI",
        "openai": "OpenAI",
        "stability": "Stability AI",
        "twelvelabs": "TwelveLabs",
        "xai": "xAI",
        "zai": "Z.AI",
    }
)
# Of `global`, and of an application's profile, the caller's own region is told.
_REGIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "us": ("us-east-1", "us-east-2", "us-west-2"),
        "eu": ("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-3"),
        "apac": ("ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
        "jp": ("ap-northeast-1", "ap-northeast-3"),
        "au": ("ap-southeast-2", "ap-southeast-4"),
    }
)
_NEW, _OLD = ("us", "eu", "jp", "au", "global"), ("us", "eu", "apac")

KNOWN: Mapping[str, Known] = MappingProxyType(
    {
        "amazon.nova-micro-v1:0": Known(name="Nova Micro", profiles=_OLD),
        "amazon.nova-lite-v1:0": Known(name="Nova Lite", profiles=_OLD),
        "amazon.nova-pro-v1:0": Known(name="Nova Pro", profiles=_OLD),
        "amazon.nova-2-lite-v1:0": Known(name="Nova 2 Lite", profiles=("us", "eu", "jp", "global"), on_demand=False),
        "amazon.titan-embed-text-v2:0": Known(name="Titan Text Embeddings V2"),
        "anthropic.claude-3-haiku-20240307-v1:0": Known(name="Claude 3 Haiku", profiles=_OLD, active=False),
        "anthropic.claude-3-7-sonnet-20250219-v1:0": Known(
            name="Claude 3.7 Sonnet", profiles=_OLD, on_demand=False, active=False
        ),
        "anthropic.claude-sonnet-4-20250514-v1:0": Known(
            name="Claude Sonnet 4", profiles=(*_OLD, "global"), on_demand=False, active=False
        ),
        "anthropic.claude-sonnet-4-5-20250929-v1:0": Known(name="Claude Sonnet 4.5", profiles=_NEW, on_demand=False),
        "anthropic.claude-haiku-4-5-20251001-v1:0": Known(name="Claude Haiku 4.5", profiles=_NEW, on_demand=False),
        "anthropic.claude-opus-4-5-20251101-v1:0": Known(
            name="Claude Opus 4.5", profiles=("us", "eu", "global"), on_demand=False
        ),
        "anthropic.claude-opus-4-6-v1": Known(name="Claude Opus 4.6", profiles=_NEW),
        "anthropic.claude-opus-5-5": Known(name="Claude Opus 5.5", profiles=_NEW),
        "anthropic.claude-sonnet-5-5": Known(name="Claude Sonnet 5.5", profiles=_NEW, on_demand=False),
        "anthropic.claude-haiku-5-5": Known(name="Claude Haiku 5.5", profiles=_NEW, on_demand=False),
    }
)
