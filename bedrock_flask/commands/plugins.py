"""`bedrock-flask plugins`: what is loaded and from where; `plugins check`: what is wrong with it."""

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
from bedrock_flask.models.registry import Loaded, Registry

# Seconds that the code of a plugin may take to be loaded, and to be tried by one law.
PATIENCE = 30

_HEAD = ("plugin", "adapter", "models", "source")
_FOLDER = click.option(
    "--plugins-dir", envvar=f"{PREFIX}PLUGINS_DIR", help="Drop-in folder: each .py file in it is a plugin."
)


class TakesTooLong(KeyboardInterrupt):
    """Ends code as Ctrl-C does: what catches every Exception does not keep it."""


@click.group(invoke_without_command=True)
@_FOLDER
@click.option("--json", "as_json", is_flag=True, help="As JSON, with all that is told of each adapter.")
@click.pass_context
def plugins(context: click.Context, plugins_dir: str | None, as_json: bool) -> None:
    """List the plugins that are loaded and where they come from; exit with 1 if one is broken."""
    context.obj = plugins_dir
    if context.invoked_subcommand is not None:
        return
    found = loading.load_registry(plugins_dir, lenient=True)
    click.echo(
        json.dumps(_document(found), indent=2, ensure_ascii=False) if as_json else "\n".join(format_table(_rows(found)))
    )
    for line in chain.from_iterable(broken.lines() for broken in found.broken):
        print(f"bedrock-flask: {line}", file=sys.stderr)
    sys.exit(1 if found.broken else 0)


@plugins.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="[FILE]...")
@_FOLDER
@click.option("--contract", is_flag=True, help="Try every law of the contract, calls over a real socket included.")
@click.pass_obj
def check(outer_dir: str | None, files: tuple[Path, ...], plugins_dir: str | None, contract: bool) -> None:
    """Say what is wrong, in one line a fault, and exit with 1; or say ok.

    FILEs are plugins that need not lie in the folder. With --contract, the laws are tried against the FILEs; without
    any, against what is not built in; and where there is nothing else, against what is.
    """
    plugins_dir = plugins_dir or outer_dir
    found = loading.load_plugins(
        chain(
            loading.find_built_in(),
            loading.find_installed(),
            _dropped_in(plugins_dir, files),
            loading.find_in_files(files),
        ),
        lenient=True,
        watched=_watched,
    )
    faults = [line for broken in found.broken for line in broken.lines()]
    checked = _own(found, files)
    if contract:
        faults += _breaches(found, checked)
    for fault in faults:
        click.echo(fault)
    if faults:
        sys.exit(1)
    names = ", ".join(name for plugin in checked for name in plugin.adapters)
    click.echo(f"ok: {names}" + (" (the whole contract)" if contract else ""))


@contextlib.contextmanager
def _watched() -> Iterator[None]:
    """Let a plugin's code take PATIENCE seconds; what it is doing then raises TakesTooLong.

    What cannot be interrupted, such as a loop in C, ends the command soon after, with the lines that it is at.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: object) -> None:
        raise TakesTooLong(f"it has not come back after {PATIENCE} seconds")

    began, before = time.monotonic(), signal.signal(signal.SIGALRM, end)
    left, every = signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    faulthandler.dump_traceback_later(PATIENCE + 2, exit=True, file=2)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)
        # Somebody else's alarm, such as a test's, goes on.
        signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.001) if left else 0, every)


def _dropped_in(folder: str | None, files: tuple[Path, ...]) -> Iterator[loading.Plugin]:
    """The plugins of the folder, but for the files that are named beside it."""
    named = {path.resolve() for path in files}
    return (plugin for plugin in loading.find_dropped_in(folder) if Path(plugin.source).resolve() not in named)


def _own(found: Registry, files: tuple[Path, ...]) -> list[Loaded]:
    named = {str(path) for path in files}
    own = [plugin for plugin in found.loaded if not plugin.source.startswith("built in ")]
    return [plugin for plugin in own if plugin.source in named] if files else own or list(found.loaded)


def _breaches(found: Registry, checked: list[Loaded]) -> list[str]:
    try:
        from bedrock_flask.contract import ADVICE, breaches
    except ModuleNotFoundError as error:
        raise StartupError(str(error)) from None
    # A law tells in one line what the emulator and the transport would log beside it.
    logging.getLogger("bedrock_flask").addHandler(logging.NullHandler())
    faults = []
    for plugin in checked:
        where = f"plugin '{plugin.name}' from {plugin.source}: "
        for adapter in map(found.adapters.__getitem__, plugin.adapters):
            faults += [where + breach for breach in breaches(adapter, watched=_watched)]
            for advice in breaches(adapter, ADVICE, watched=_watched):
                click.echo(f"advice: {where}{advice}")
    return faults


def _rows(found: Registry) -> Iterator[tuple[str, ...]]:
    """A line for each pattern; what stands in the line above is not said again."""
    yield _HEAD
    for plugin in found.loaded:
        named = [(name, pattern) for name in plugin.adapters for pattern in found.adapters[name].models]
        previous = ""
        for number, (name, pattern) in enumerate(named):
            first = number == 0
            yield plugin.name * first, name * (name != previous), pattern, plugin.source * first
            previous = name


def _document(found: Registry) -> dict[str, object]:
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
                for adapter in map(found.adapters.__getitem__, plugin.adapters)
            ],
        }
        for plugin in found.loaded
    ]
    broken = [{"name": each.name, "source": each.source, "faults": list(each.faults)} for each in found.broken]
    return {"plugins": loaded, "broken": broken}
