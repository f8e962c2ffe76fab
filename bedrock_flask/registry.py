"""The plugin registry: built-in plugins, installed packages and a drop-in folder, through one door."""

import difflib
import importlib
import importlib.metadata
import importlib.util
import itertools
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType, ModuleType

import pluggy

from bedrock_flask import hookspecs
from bedrock_flask.adapter import Adapter
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import PluginError
from bedrock_flask.patterns import fits, overlap
from bedrock_flask.sanity import mistakes

BUILT_IN = "bedrock_flask_plugins"
GENERIC = "*"


@dataclass(frozen=True)
class Plugin:
    """A plugin that is yet to be loaded: its name, where it comes from, and how to import it."""

    name: str
    source: str
    load: Callable[[], object]


@dataclass(frozen=True)
class Claim:
    """One pattern of model ids, and who claims it."""

    pattern: str
    adapter: Adapter
    capabilities: Capabilities


@dataclass(frozen=True)
class Registry:
    """Every adapter by name, the source of each, and all claims, longest pattern first."""

    adapters: Mapping[str, Adapter]
    sources: Mapping[str, str]
    claims: tuple[Claim, ...]
    hooks: pluggy.PluginManager

    def claim(self, model: str) -> Claim | None:
        """The longest pattern that fits a Bedrock id, an ARN or an inference profile.

        A profile's prefix (`us.`, `global.`, or one that AWS adds tomorrow) is a first segment that is no provider;
        providers are the first segments of the patterns themselves.
        """
        bare = model.rsplit("/", 1)[-1] if model.startswith("arn:") else model
        head, _, rest = bare.partition(".")
        candidates = (bare,) if head in self.providers or not rest else (bare, rest)
        found = (claim for claim in self.claims if any(fits(claim.pattern, each) for each in candidates))
        return next(found, None)

    def pick(self, model: str) -> tuple[Adapter, Capabilities]:
        """The adapter and the capabilities of a Bedrock id; LookupError where nobody claims it."""
        claim = self.claim(model)
        if claim is None:
            raise LookupError(model)
        return claim.adapter, claim.capabilities

    @cached_property
    def providers(self) -> frozenset[str]:
        """The providers that some pattern names."""
        return frozenset(claim.pattern.partition(".")[0] for claim in self.claims if claim.pattern != GENERIC)


def load(plugins_dir: str | Path | None = None) -> Registry:
    """Load every plugin: built in, installed, dropped in. PluginError names the plugin and its source in one line."""
    hooks = pluggy.PluginManager(hookspecs.PROJECT)
    hooks.add_hookspecs(hookspecs)
    adapters: dict[str, Adapter] = {}
    sources: dict[str, str] = {}
    for plugin in itertools.chain(built_in(), installed(), dropped_in(plugins_dir)):
        for adapter in _registered(hooks, plugin):
            if adapter.name in adapters:
                raise _error(plugin, f"the adapter '{adapter.name}' is already registered by {sources[adapter.name]}")
            adapters[adapter.name] = adapter
            sources[adapter.name] = plugin.source
            _refuse_overlaps(plugin, adapter, adapters, sources)
    claims = [Claim(pattern, a, capabilities) for a in adapters.values() for pattern, capabilities in a.models.items()]
    claims.sort(key=lambda claim: (-len(claim.pattern), claim.pattern))
    return Registry(MappingProxyType(adapters), MappingProxyType(sources), tuple(claims), hooks)


def built_in() -> Iterator[Plugin]:
    """The plugins that come with the gateway: one module each in `plugins/`."""
    package = importlib.import_module(BUILT_IN)
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda found: found.name):
        name = f"{BUILT_IN}.{module.name}"
        yield Plugin(module.name, f"built in ({module.name}.py)", partial(importlib.import_module, name))


def installed() -> Iterator[Plugin]:
    """The plugins of installed packages: entry points of the group `bedrock_flask`."""
    for point in sorted(importlib.metadata.entry_points(group=hookspecs.PROJECT), key=lambda found: found.name):
        owner = point.dist.name if point.dist else "?"
        yield Plugin(point.name, f"package {owner} ({point.value})", point.load)


def dropped_in(folder: str | Path | None) -> Iterator[Plugin]:
    """The plugins of the drop-in folder: each `.py` file that does not begin with `_` or `.`, by name."""
    if not folder:
        return
    if not Path(folder).is_dir():
        raise PluginError(f"the plugins folder {folder} is not a folder that can be read")
    for path in sorted(Path(folder).glob("*.py")):
        if path.name[0] not in "_.":
            yield Plugin(path.stem, str(path), partial(_import_file, path))


def _import_file(path: Path) -> ModuleType:
    # A name of its own, so that a file called json.py or like a built-in plugin hides nothing.
    name = f"bedrock_flask_dropped_in_{sha256(str(path.resolve()).encode()).hexdigest()[:12]}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _registered(hooks: pluggy.PluginManager, plugin: Plugin) -> list[Adapter]:
    found: list[Adapter] = []

    def register(adapter: Adapter) -> None:
        if not isinstance(adapter, Adapter):
            raise TypeError(f"register() takes an Adapter, not {type(adapter).__name__}")
        found.append(adapter)

    try:
        loaded = plugin.load()
        version = getattr(loaded, "api_version", hookspecs.API_VERSION)
        if version != hookspecs.API_VERSION:
            raise PluginError(f"it is written for api_version {version!r}; this gateway has {hookspecs.API_VERSION}")
        hooks.register(loaded, name=f"{plugin.name} ({plugin.source})")
        _refuse_unknown_hooks(hooks, loaded)
        others = [other for other in hooks.get_plugins() if other is not loaded]
        hooks.subset_hook_caller("register_adapters", others)(register=register)
        for adapter in found:
            for mistake in mistakes(adapter):
                raise PluginError(f"adapter '{adapter.name}': {mistake}")
    except PluginError as error:
        raise _error(plugin, error.detail) from None
    # A stranger's code: whatever it raises, an exit included, is told in one line.
    except BaseException as error:
        raise _error(plugin, f"{type(error).__name__}: {_one_line(error)}{_where(plugin, error)}") from error
    if not found:
        raise _error(plugin, "it registers nothing: give it a register_adapters hook marked with @hookimpl")
    return found


def _refuse_unknown_hooks(hooks: pluggy.PluginManager, loaded: object) -> None:
    known = [name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), f"{hookspecs.PROJECT}_spec")]
    for name in dir(loaded):
        if hasattr(getattr(loaded, name, None), f"{hookspecs.PROJECT}_impl") and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise PluginError(f"there is no hook '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""))


def _refuse_overlaps(plugin: Plugin, new: Adapter, adapters: Mapping[str, Adapter], sources: Mapping[str, str]) -> None:
    claimed = [(pattern, other) for other in adapters.values() for pattern in other.models]
    for pattern in new.models:
        for other_pattern, other in claimed:
            same = other is new and other_pattern == pattern
            if not same and len(pattern) == len(other_pattern) and overlap(pattern, other_pattern):
                raise _error(
                    plugin,
                    f"its pattern '{pattern}' overlaps '{other_pattern}' of the adapter '{other.name}', "
                    f"registered by {sources[other.name]}, and neither is longer",
                )


def _error(plugin: Plugin, fault: str) -> PluginError:
    return PluginError(f"plugin '{plugin.name}' from {plugin.source}: {fault}")


def _where(plugin: Plugin, error: BaseException) -> str:
    """The line of a dropped-in file that the error came from."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == plugin.source]
    return f" (line {lines[-1]})" if lines else ""


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or "(no message)"
