"""`bedrock-flask plugins` lists the loaded plugins and their sources; `plugins check` reports their faults."""

import contextlib
import faulthandler
import json
import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import click

from bedrock_flask.commands.output.table import format_table
from bedrock_flask.config import PREFIX
from bedrock_flask.errors import StartupError
from bedrock_flask.models import loading
from bedrock_flask.models.registry import LoadedPlugin, Registry

# Seconds that a plugin's code may take to load, and to be checked by one law.
TIME_LIMIT = 30

_HEAD = ("plugin", "adapter", "models", "source")
_PLUGINS_DIR = click.option(
    "--plugins-dir", envvar=f"{PREFIX}PLUGINS_DIR", help="Drop-in folder: each .py file in it is a plugin."
)


class TimeLimitExceeded(KeyboardInterrupt):
    """A plugin's code takes too long. Not an Exception, so that code that catches every Exception ends too."""


@click.group(invoke_without_command=True)
@_PLUGINS_DIR
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with more details of each adapter.")
@click.pass_context
def plugins(context: click.Context, plugins_dir: str | None, as_json: bool) -> None:
    """List the loaded plugins and their sources. Exits with 1 if any plugin is broken."""
    context.obj = plugins_dir
    if context.invoked_subcommand is not None:
        return
    registry = loading.load_registry(plugins_dir, lenient=True)
    if as_json:
        click.echo(json.dumps(_make_document(registry), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(format_table(_make_rows(registry))))
    for line in chain.from_iterable(broken.lines() for broken in registry.broken):
        print(f"bedrock-flask: {line}", file=sys.stderr)
    sys.exit(1 if registry.broken else 0)


@plugins.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="[FILE]...")
@_PLUGINS_DIR
@click.option("--contract", is_flag=True, help="Check every law of the contract, including calls over a real socket.")
@click.pass_obj
def check(outer_dir: str | None, files: tuple[Path, ...], plugins_dir: str | None, contract: bool) -> None:
    """Check plugins, and print each fault on one line. Exits with 1 if there are any.

    FILEs are plugins outside the drop-in folder. Without FILEs, checks all plugins that are not built in; if there are
    none, checks the built-in ones.
    """
    plugins_dir = plugins_dir or outer_dir
    registry = loading.load_plugins(
        chain(
            loading.find_built_in(),
            loading.find_installed(),
            _find_dropped_in(plugins_dir, files),
            loading.find_in_files(files),
        ),
        lenient=True,
        watched=_limit_time,
    )
    faults = [line for broken in registry.broken for line in broken.lines()]
    checked = _select_plugins(registry, files)
    if contract:
        faults += _find_violations(registry, checked)
    for fault in faults:
        click.echo(fault)
    if faults:
        sys.exit(1)
    names = ", ".join(name for plugin in checked for name in plugin.adapters)
    click.echo(f"ok: {names}" + (" (the whole contract)" if contract else ""))


@contextlib.contextmanager
def _limit_time() -> Iterator[None]:
    """Raise TimeLimitExceeded in a plugin's code after TIME_LIMIT seconds.

    Code that cannot be interrupted, such as a loop in C, ends the command soon after, with a traceback.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: object) -> None:
        raise TimeLimitExceeded(f"it has not returned after {TIME_LIMIT} seconds")

    started_at, previous_handler = time.monotonic(), signal.signal(signal.SIGALRM, end)
    remaining, interval = signal.setitimer(signal.ITIMER_REAL, TIME_LIMIT)
    faulthandler.dump_traceback_later(TIME_LIMIT + 2, exit=True, file=2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, previous_handler)
        # Another alarm, such as a test's, keeps its time.
        elapsed = time.monotonic() - started_at
        signal.setitimer(signal.ITIMER_REAL, max(remaining - elapsed, 0.001) if remaining else 0, interval)


def _find_dropped_in(folder: str | None, files: tuple[Path, ...]) -> Iterator[loading.Plugin]:
    """The plugins in the folder, except those that are given as FILEs."""
    paths = {path.resolve() for path in files}
    return (plugin for plugin in loading.find_dropped_in(folder) if Path(plugin.source).resolve() not in paths)


def _select_plugins(registry: Registry, files: tuple[Path, ...]) -> list[LoadedPlugin]:
    external = [plugin for plugin in registry.loaded if not plugin.source.startswith("built in ")]
    if files:
        sources = {str(path) for path in files}
        return [plugin for plugin in external if plugin.source in sources]
    return external or list(registry.loaded)


def _find_violations(registry: Registry, checked: list[LoadedPlugin]) -> list[str]:
    try:
        from bedrock_flask.contract import ADVICE, breaches
    except ModuleNotFoundError as error:
        raise StartupError(str(error)) from None
    # A violation is one line; the emulator and the transport would log the same error.
    logging.getLogger("bedrock_flask").addHandler(logging.NullHandler())
    faults = []
    for plugin in checked:
        where = f"plugin '{plugin.name}' from {plugin.source}: "
        for adapter in map(registry.adapters.__getitem__, plugin.adapters):
            faults += [where + violation for violation in breaches(adapter, watched=_limit_time)]
            for advice in breaches(adapter, ADVICE, watched=_limit_time):
                click.echo(f"advice: {where}{advice}")
    return faults


def _make_rows(registry: Registry) -> Iterator[tuple[str, ...]]:
    """One row per pattern; a cell that equals the one above is left empty."""
    yield _HEAD
    for plugin in registry.loaded:
        patterns = [(name, pattern) for name in plugin.adapters for pattern in registry.adapters[name].models]
        previous = ""
        for number, (name, pattern) in enumerate(patterns):
            first = number == 0
            yield plugin.name * first, name * (name != previous), pattern, plugin.source * first
            previous = name


def _make_document(registry: Registry) -> dict[str, object]:
    loaded = [
        {
            "name": plugin.name,
            "source": plugin.source,
            "adapters": [
                {
                    "name": adapter.name,
                    "description": adapter.description,
                    "model": adapter.model,
                    "models": list(adapter.models),
                    "speaks": dict(adapter.speaks),
                }
                for adapter in map(registry.adapters.__getitem__, plugin.adapters)
            ],
        }
        for plugin in registry.loaded
    ]
    broken = [
        {"name": plugin.name, "source": plugin.source, "faults": list(plugin.faults)} for plugin in registry.broken
    ]
    return {"plugins": loaded, "broken": broken}
