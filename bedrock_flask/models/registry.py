"""The plugin registry: built-in plugins, installed packages and a drop-in folder, through one door."""

import difflib
import importlib
import importlib.metadata
import importlib.util
import inspect
import itertools
import linecache
import os
import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from types import FrameType, MappingProxyType, ModuleType
from typing import Any

import marshmallow
import pluggy

from bedrock_flask import hookspecs
from bedrock_flask.adapter import Adapter, InvalidAdapter
from bedrock_flask.bedrock.model_ids import matches, patterns_overlap
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.errors import PluginError
from bedrock_flask.models.checks import PluginRaised, check_adapter

BUILT_IN = "bedrock_flask_plugins"
GENERIC = "*"

# As much of a line of a plugin as is quoted.
_LINE = 100


def _nowhere() -> None:
    return None


@dataclass(frozen=True)
class Plugin:
    """A plugin that is yet to be loaded: its name, where it comes from, and how to import it."""

    name: str
    source: str
    load: Callable[[], object]
    # Where its code lies, if that can be told: the lines of a fault are those of this file.
    file: Callable[[], str | None] = _nowhere

    @property
    def title(self) -> str:
        """What tells it from a plugin of the same name."""
        return f"{self.name} ({self.source})"


@dataclass(frozen=True)
class Loaded:
    """A plugin that is in use: its name, where it comes from, and the names of its adapters."""

    name: str
    source: str
    adapters: tuple[str, ...]


@dataclass(frozen=True)
class Broken:
    """A plugin that cannot be used: its name, where it comes from, and all that is wrong with it."""

    name: str
    source: str
    faults: tuple[str, ...]

    def lines(self) -> list[str]:
        """Each fault as one line that names the plugin and its source."""
        return [f"plugin '{self.name}' from {self.source}: {fault}" for fault in self.faults]


@dataclass(frozen=True)
class Claim:
    """One pattern of model ids, and who claims it."""

    pattern: str
    adapter: Adapter
    capabilities: Capabilities


@dataclass(frozen=True)
class Registry:
    """Every adapter by name, the source of each, all claims, longest pattern first; and the plugins themselves."""

    adapters: Mapping[str, Adapter]
    sources: Mapping[str, str]
    claims: tuple[Claim, ...]
    hooks: pluggy.PluginManager
    loaded: tuple[Loaded, ...] = ()
    broken: tuple[Broken, ...] = ()

    def claim(self, model: str) -> Claim | None:
        """The longest pattern that fits a Bedrock id, an ARN or an inference profile.

        A profile's prefix (`us.`, `global.`, or one that AWS adds tomorrow) is a first segment that is no provider;
        providers are the first segments of the patterns themselves.
        """
        bare = model.rsplit("/", 1)[-1] if model.startswith("arn:") else model
        head, _, rest = bare.partition(".")
        candidates = (bare,) if head in self.providers or not rest else (bare, rest)
        found = (claim for claim in self.claims if any(matches(claim.pattern, each) for each in candidates))
        return next(found, None)

    def bare(self, model: str) -> str:
        """The model's own id, of an inference profile's as well; an ARN as it is."""
        head, _, rest = model.partition(".")
        return model if model.startswith("arn:") or head in self.providers or not rest else rest

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


def load_registry(plugins_dir: str | Path | None = None, *, lenient: bool = False) -> Registry:
    """Load every plugin: built in, installed, dropped in.

    PluginError names the plugin and its source in one line; with `lenient` a broken plugin is left out and told in
    `broken`.
    """
    return load_plugins(
        itertools.chain(find_built_in(), find_installed(), find_dropped_in(plugins_dir)), lenient=lenient
    )


def load_plugins(
    plugins: Iterable[Plugin],
    *,
    lenient: bool = False,
    watched: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Registry:
    """The registry of some plugins, in this order: of two that clash, the later one is broken.

    Each is loaded within `watched`, which may end what takes too long.
    """
    hooks = pluggy.PluginManager(hookspecs.PROJECT)
    hooks.add_hookspecs(hookspecs)
    adapters: dict[str, Adapter] = {}
    sources: dict[str, str] = {}
    loaded: list[Loaded] = []
    broken: list[Broken] = []
    for plugin in plugins:
        found, faults = _registered(hooks, plugin, watched)
        faults += _clashes(found, adapters, sources)
        if faults:
            if hooks.has_plugin(plugin.title):
                hooks.unregister(name=plugin.title)
            broken.append(Broken(plugin.name, plugin.source, tuple(faults)))
            if not lenient:
                raise PluginError(broken[-1].lines()[0])
        else:
            adapters |= {adapter.name: adapter for adapter in found}
            sources |= {adapter.name: plugin.source for adapter in found}
            loaded.append(Loaded(plugin.name, plugin.source, tuple(adapter.name for adapter in found)))
    return Registry(
        adapters=MappingProxyType(adapters),
        sources=MappingProxyType(sources),
        claims=sort_claims(adapters),
        hooks=hooks,
        loaded=tuple(loaded),
        broken=tuple(broken),
    )


def sort_claims(adapters: Mapping[str, Adapter]) -> tuple[Claim, ...]:
    """All claims of some adapters, the longest pattern first."""
    claims = [Claim(pattern, a, capabilities) for a in adapters.values() for pattern, capabilities in a.models.items()]
    return tuple(sorted(claims, key=lambda claim: (-len(claim.pattern), claim.pattern)))


def find_built_in() -> Iterator[Plugin]:
    """The plugins that come with the gateway: one module each in `plugins/`."""
    package = importlib.import_module(BUILT_IN)
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda found: found.name):
        name = f"{BUILT_IN}.{module.name}"
        yield Plugin(module.name, f"built in ({module.name}.py)", partial(importlib.import_module, name))


def find_installed() -> Iterator[Plugin]:
    """The plugins of installed packages: entry points of the group `bedrock_flask`."""
    for point in sorted(importlib.metadata.entry_points(group=hookspecs.PROJECT), key=lambda found: found.name):
        owner = point.dist.name if point.dist else "?"
        yield Plugin(point.name, f"package {owner} ({point.value})", partial(_entered, point), partial(_origin, point))


def find_dropped_in(folder: str | Path | None) -> Iterator[Plugin]:
    """The plugins of the drop-in folder: each `.py` file that does not begin with `_` or `.`, by name."""
    if not folder:
        return
    if not Path(folder).is_dir():
        raise PluginError(f"the plugins folder {folder} is not a folder that can be read")
    yield from find_in_files(path for path in sorted(Path(folder).glob("*.py")) if path.name[0] not in "_.")


def find_in_files(paths: Iterable[Path]) -> Iterator[Plugin]:
    """The plugins in some files."""
    for path in paths:
        yield Plugin(path.stem, str(path), partial(_import_file, path), partial(str, path))


def _entered(point: importlib.metadata.EntryPoint) -> object:
    if point.pattern.match(point.value) is None:
        raise PluginError(f"its entry point '{point.name} = {point.value}' names no module")
    return point.load()


def _origin(point: importlib.metadata.EntryPoint) -> str | None:
    with suppress(Exception):
        spec = importlib.util.find_spec(point.module)
        return spec.origin if spec else None
    return None


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


def _registered(
    hooks: pluggy.PluginManager, plugin: Plugin, watched: Callable[[], AbstractContextManager[None]]
) -> tuple[list[Adapter], list[str]]:
    """The adapters that a plugin registers, and what is wrong with it."""
    found: list[Adapter] = []
    faults: list[str] = []

    def register(adapter: Adapter) -> None:
        if not isinstance(adapter, Adapter):
            raise TypeError(f"register() takes an Adapter, not {type(adapter).__name__}")
        found.append(adapter)

    with _telling(plugin, faults), watched():
        loaded = plugin.load()
        version = getattr(loaded, "api_version", hookspecs.API_VERSION)
        if version != hookspecs.API_VERSION:
            raise PluginError(f"it is written for api_version {version!r}; this gateway has {hookspecs.API_VERSION}")
        _refuse_wrong_hooks(loaded)
        hooks.register(loaded, name=plugin.title)
        others = [other for other in hooks.get_plugins() if other is not loaded]
        hooks.subset_hook_caller("register_adapters", others)(register=register)
        if not found:
            raise PluginError("it registers nothing: give it a register_adapters hook marked with @hookimpl")
    for adapter in found:
        with _telling(plugin, faults, f"adapter '{adapter.name}': "), watched():
            for mistake in check_adapter(adapter):
                faults.append(f"adapter '{adapter.name}': {mistake}")
    return found, faults


@contextmanager
def _telling(plugin: Plugin, faults: list[str], whose: str = "") -> Iterator[None]:
    """Run a stranger's code: whatever it raises, an exit included, is a fault, told in one line."""
    try:
        yield
    except PluginError as error:
        faults.append(error.detail)
    except InvalidAdapter as error:
        faults.extend(f"adapter {error.name!r}: {mistake}{_where(plugin.file(), error)}" for mistake in error.mistakes)
    except PluginRaised as raised:
        faults.append(f"{whose}{raised.by} raises {_described(raised.error, plugin.file())}")
    except BaseException as error:  # noqa: BLE001
        faults.append(whose + _described(error, plugin.file()))


def _refuse_wrong_hooks(loaded: object) -> None:
    known = [name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), f"{hookspecs.PROJECT}_spec")]
    for name in dir(loaded):
        hook: Any = getattr(loaded, name, None)
        if not hasattr(hook, f"{hookspecs.PROJECT}_impl"):
            continue
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise PluginError(f"there is no hook '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""))
        offered = list(inspect.signature(getattr(hookspecs, name)).parameters)
        if strange := [each for each in inspect.signature(hook).parameters if each not in offered]:
            raise PluginError(
                f"the hook '{name}' has no argument '{strange[0]}': it is called {name}({', '.join(offered)})"
            )


def _clashes(found: list[Adapter], adapters: Mapping[str, Adapter], sources: Mapping[str, str]) -> list[str]:
    """Names that are taken and patterns that are claimed, by earlier plugins or by this one."""
    told = []
    earlier = [(adapter, sources[adapter.name]) for adapter in adapters.values()]
    for new in found:
        for other, whose in earlier:
            if new.name == other.name:
                # Its patterns are looked at when it has a name: a copy has but one fault.
                told.append(f"the adapter '{new.name}' is already registered by {whose}")
                continue
            told += [
                f"its pattern '{pattern}' overlaps '{taken}' of the adapter '{other.name}', "
                f"registered by {whose}, and neither is longer"
                for pattern in new.models
                for taken in other.models
                if len(pattern) == len(taken) and patterns_overlap(pattern, taken)
            ]
        told += [
            f"the patterns '{one}' and '{two}' of its adapter '{new.name}' overlap, and neither is longer"
            for one, two in itertools.combinations(new.models, 2)
            if len(one) == len(two) and patterns_overlap(one, two)
        ]
        earlier.append((new, "this plugin"))
    return told


def describe_error(adapter: Adapter, error: BaseException) -> str:
    """An error of an adapter's own code in one line, with the line of the adapter's file that it came from."""
    return _described(error, getattr(sys.modules.get(adapter.body.__module__), "__file__", None))


def _described(error: BaseException, file: str | None) -> str:
    return f"{type(error).__name__}: {_one_line(error)}{_where(file, error)}"


def _where(file: str | None, error: BaseException) -> str:
    """The line of a file that an error came from, which names the field where one is declared wrongly."""
    frames = [
        (frame, number)
        for frame, number in traceback.walk_tb(error.__traceback__)
        if file and os.path.abspath(frame.f_code.co_filename) == os.path.abspath(file)
    ]
    if not frames:
        return ""
    frame, number = frames[-1]
    text = linecache.getline(frame.f_code.co_filename, number).strip()
    return f" (line {number}{f': {text:.{_LINE}}' if text else ''}){_foreign(frame, error)}"


def _foreign(frame: FrameType, error: BaseException) -> str:
    """A hint, where marshmallow's own fields are taken for ours."""
    theirs = any(
        value is marshmallow.fields or (isinstance(value, type) and value.__module__ == marshmallow.fields.__name__)
        for value in frame.f_globals.values()
    )
    told = isinstance(error, TypeError) and theirs
    return "; it is a field of marshmallow's: take fields from bedrock_flask.plugin" if told else ""


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or "(no message)"
