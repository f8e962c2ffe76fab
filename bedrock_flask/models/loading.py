"""Find and load plugins: built in, installed as packages, or dropped into a folder."""

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
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import FrameType, MappingProxyType, ModuleType
from typing import Any

import marshmallow
import pluggy

from bedrock_flask import hookspecs
from bedrock_flask.adapter import Adapter, InvalidAdapter
from bedrock_flask.bedrock.model_ids import patterns_overlap
from bedrock_flask.errors import PluginError
from bedrock_flask.models.checks import PluginRaised, check_adapter
from bedrock_flask.models.registry import GENERIC, BrokenPlugin, LoadedPlugin, Registry, sort_claims

BUILT_IN = "bedrock_flask_plugins"

# Characters of a plugin's source line that an error quotes.
_QUOTED = 100


def _find_no_file() -> None:
    return None


@dataclass(frozen=True)
class Plugin:
    """A plugin that is not loaded yet: its name, its source, and how to import it."""

    name: str
    source: str
    load: Callable[[], object]
    # Returns the path of its code, if known; errors quote lines of this file.
    find_file: Callable[[], str | None] = _find_no_file
    # The suite checks the plugins that ship with the gateway, so that a start need not.
    is_built_in: bool = False

    @property
    def title(self) -> str:
        """A name that is unique among plugins of the same name."""
        return f"{self.name} ({self.source})"


def load_registry(plugins_dir: str | Path | None = None, *, lenient: bool = False) -> Registry:
    """Load every plugin: built in, installed, dropped in.

    PluginError names the plugin and its source in one line; with `lenient` a broken plugin is skipped and listed in
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
    """Load these plugins in order; if two conflict, the later one is broken.

    Each is loaded within `watched`, which may interrupt what takes too long.
    """
    hooks = pluggy.PluginManager(hookspecs.PROJECT)
    hooks.add_hookspecs(hookspecs)
    adapters: dict[str, Adapter] = {}
    sources: dict[str, str] = {}
    loaded: list[LoadedPlugin] = []
    broken: list[BrokenPlugin] = []
    built_in: frozenset[str] = frozenset()
    for plugin in plugins:
        found, faults = _load_plugin(hooks, plugin, watched)
        # What ships with the gateway is loaded first, and gives way to what the operator adds. The suite finds its
        # conflicts, so that a start need not compare each family with each other.
        rivals = {
            name: adapter
            for name, adapter in adapters.items()
            if name not in built_in or (not plugin.is_built_in and GENERIC in adapter.models)
        }
        faults += find_conflicts(found, rivals, sources)
        names = tuple(adapter.name for adapter in found)
        if faults:
            if hooks.has_plugin(plugin.title):
                hooks.unregister(name=plugin.title)
            broken.append(BrokenPlugin(plugin.name, plugin.source, tuple(faults)))
            if not lenient:
                raise PluginError(broken[-1].lines()[0])
        else:
            built_in = built_in.union(names) if plugin.is_built_in else built_in.difference(names)
            if not adapters.keys().isdisjoint(names):
                loaded = [_without(each, names) for each in loaded]
            adapters |= {adapter.name: adapter for adapter in found}
            sources |= {adapter.name: plugin.source for adapter in found}
            loaded.append(LoadedPlugin(plugin.name, plugin.source, names))
    return Registry(
        adapters=MappingProxyType(adapters),
        sources=MappingProxyType(sources),
        claims=sort_claims(adapters, built_in),
        hooks=hooks,
        loaded=tuple(loaded),
        broken=tuple(broken),
    )


def find_built_in() -> Iterator[Plugin]:
    """Find the plugins that ship with the gateway: one module or package each in `plugins/`."""
    package = importlib.import_module(BUILT_IN)
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda found: found.name):
        name = f"{BUILT_IN}.{module.name}"
        file = module.name if module.ispkg else f"{module.name}.py"
        yield Plugin(module.name, f"built in ({file})", partial(importlib.import_module, name), is_built_in=True)


def find_installed() -> Iterator[Plugin]:
    """Find the plugins of installed packages: entry points of the group `bedrock_flask`."""
    for point in sorted(importlib.metadata.entry_points(group=hookspecs.PROJECT), key=lambda found: found.name):
        owner = point.dist.name if point.dist else "?"
        source = f"package {owner} ({point.value})"
        yield Plugin(point.name, source, partial(_load_entry_point, point), partial(_find_origin, point))


def find_dropped_in(folder: str | Path | None) -> Iterator[Plugin]:
    """Find the plugins of the drop-in folder: each `.py` file whose name does not begin with `_` or `.`, sorted."""
    if not folder:
        return
    if not Path(folder).is_dir():
        raise PluginError(f"the plugins folder {folder} is not a readable folder")
    yield from find_in_files(path for path in sorted(Path(folder).glob("*.py")) if path.name[0] not in "_.")


def find_in_files(paths: Iterable[Path]) -> Iterator[Plugin]:
    """Find the plugins in these files."""
    for path in paths:
        yield Plugin(path.stem, str(path), partial(_import_file, path), partial(str, path))


def _load_entry_point(point: importlib.metadata.EntryPoint) -> object:
    if point.pattern.match(point.value) is None:
        raise PluginError(f"its entry point '{point.name} = {point.value}' names no module")
    return point.load()


def _find_origin(point: importlib.metadata.EntryPoint) -> str | None:
    with suppress(Exception):
        spec = importlib.util.find_spec(point.module)
        return spec.origin if spec else None
    return None


def _import_file(path: Path) -> ModuleType:
    # A unique module name, so that a file called json.py, or like a built-in plugin, shadows nothing.
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


def _load_plugin(
    hooks: pluggy.PluginManager, plugin: Plugin, watched: Callable[[], AbstractContextManager[None]]
) -> tuple[list[Adapter], list[str]]:
    """Load one plugin; return the adapters that it registers, and its faults."""
    found: list[Adapter] = []
    faults: list[str] = []

    def register(adapter: Adapter) -> None:
        if not isinstance(adapter, Adapter):
            raise TypeError(f"register() takes an Adapter, not {type(adapter).__name__}")
        found.append(adapter)

    with _collect_errors(plugin, faults), watched():
        loaded = plugin.load()
        version = getattr(loaded, "api_version", hookspecs.API_VERSION)
        if version != hookspecs.API_VERSION:
            raise PluginError(f"it is written for api_version {version!r}; this gateway has {hookspecs.API_VERSION}")
        if plugin.is_built_in:
            _register_built_in(hooks, plugin, loaded, register)
        else:
            _check_hooks(loaded)
            hooks.register(loaded, name=plugin.title)
            others = [other for other in hooks.get_plugins() if other is not loaded]
            hooks.subset_hook_caller("register_adapters", others)(register=register)
        if not found:
            raise PluginError("it registers nothing: give it a register_adapters hook marked with @hookimpl")
    for adapter in () if plugin.is_built_in else found:
        with _collect_errors(plugin, faults, f"adapter '{adapter.name}': "), watched():
            for fault in check_adapter(adapter):
                faults.append(f"adapter '{adapter.name}': {fault}")
    return found, faults


class _OnlyHook:
    """The hook of a module, in which pluggy then looks at nothing else."""

    def __init__(self, module: Any) -> None:
        self.register_adapters = module.register_adapters

    def __dir__(self) -> list[str]:
        return ["register_adapters"]


def _register_built_in(
    hooks: pluggy.PluginManager, plugin: Plugin, module: Any, register: Callable[[Adapter], None]
) -> None:
    """The same for a plugin that ships with the gateway, at a small part of the cost: a start loads forty of them."""
    hooks.register(_OnlyHook(module), name=plugin.title)
    module.register_adapters(register)


@contextmanager
def _collect_errors(plugin: Plugin, faults: list[str], prefix: str = "") -> Iterator[None]:
    """Run a plugin's code and append whatever it raises, an exit included, to the faults, one line each."""
    try:
        yield
    except PluginError as error:
        faults.append(error.detail)
    except InvalidAdapter as error:
        location = _describe_location(plugin.find_file(), error)
        faults.extend(f"adapter {error.name!r}: {fault}{location}" for fault in error.faults)
    except PluginRaised as raised:
        faults.append(f"{prefix}{raised.by} raises {_describe(raised.error, plugin.find_file())}")
    except BaseException as error:  # noqa: BLE001
        faults.append(prefix + _describe(error, plugin.find_file()))


def _check_hooks(loaded: object) -> None:
    """Raise PluginError for a hook, or a hook's argument, that does not exist."""
    known = [name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), f"{hookspecs.PROJECT}_spec")]
    for name in dir(loaded):
        hook: Any = getattr(loaded, name, None)
        if not hasattr(hook, f"{hookspecs.PROJECT}_impl"):
            continue
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise PluginError(f"there is no hook '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""))
        parameters = list(inspect.signature(getattr(hookspecs, name)).parameters)
        if unknown := [each for each in inspect.signature(hook).parameters if each not in parameters]:
            raise PluginError(
                f"the hook '{name}' has no argument '{unknown[0]}': it is called {name}({', '.join(parameters)})"
            )


def _without(plugin: LoadedPlugin, names: Collection[str]) -> LoadedPlugin:
    """A plugin without the adapters that a later plugin replaces."""
    return replace(plugin, adapters=tuple(name for name in plugin.adapters if name not in names))


def find_conflicts(found: list[Adapter], rivals: Mapping[str, Adapter], sources: Mapping[str, str]) -> list[str]:
    """Describe names that are taken and patterns that are claimed, by earlier plugins or by this one."""
    conflicts = []
    earlier = [(adapter, sources[adapter.name]) for adapter in rivals.values()]
    for new in found:
        for other, source in earlier:
            if new.name == other.name:
                # Patterns are not compared under a taken name: a copied plugin gets one fault, not many.
                conflicts.append(f"the adapter '{new.name}' is already registered by {source}")
                continue
            conflicts += [
                f"its pattern '{pattern}' overlaps '{taken}' of the adapter '{other.name}', "
                f"registered by {source}, and neither is longer"
                for pattern in new.models
                for taken in other.models
                if len(pattern) == len(taken) and patterns_overlap(pattern, taken) and not _gives_way(new, other)
            ]
        conflicts += [
            f"the patterns '{one}' and '{two}' of its adapter '{new.name}' overlap, and neither is longer"
            for one, two in itertools.combinations(new.models, 2)
            if len(one) == len(two) and patterns_overlap(one, two)
        ]
        earlier.append((new, "this plugin"))
    return conflicts


def _gives_way(one: Adapter, other: Adapter) -> bool:
    """Whether one of the two takes any id, whose claims give way to those of the other."""
    return (GENERIC in one.models) != (GENERIC in other.models)


def describe_error(adapter: Adapter, error: BaseException) -> str:
    """Describe an error of an adapter's code in one line, with the line of the adapter's file that raised it."""
    return _describe(error, getattr(sys.modules.get(adapter.body.__module__), "__file__", None))


def _describe(error: BaseException, file: str | None) -> str:
    return f"{type(error).__name__}: {_join_lines(error)}{_describe_location(file, error)}"


def _describe_location(file: str | None, error: BaseException) -> str:
    """Quote the line of the file that raised the error; it shows the field if one is declared wrongly."""
    frames = [
        (frame, number)
        for frame, number in traceback.walk_tb(error.__traceback__)
        if file and os.path.abspath(frame.f_code.co_filename) == os.path.abspath(file)
    ]
    if not frames:
        return ""
    frame, number = frames[-1]
    text = linecache.getline(frame.f_code.co_filename, number).strip()
    return f" (line {number}{f': {text:.{_QUOTED}}' if text else ''}){_hint_at_marshmallow(frame, error)}"


def _hint_at_marshmallow(frame: FrameType, error: BaseException) -> str:
    """Return a hint if the file uses marshmallow's fields instead of the gateway's."""
    uses_marshmallow = any(
        value is marshmallow.fields or (isinstance(value, type) and value.__module__ == marshmallow.fields.__name__)
        for value in frame.f_globals.values()
    )
    if isinstance(error, TypeError) and uses_marshmallow:
        return "; it is a field of marshmallow's: take fields from bedrock_flask.plugin"
    return ""


def _join_lines(error: BaseException) -> str:
    return " ".join(str(error).split()) or "(no message)"
