"""The pytest plugin: an emulated Bedrock for the tests of code that calls Bedrock.

pytest imports it in every project of the environment in which it is installed. So it imports nothing that pytest has
not imported itself, and starts nothing before a test needs it.
"""

import argparse
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bedrock_flask.emulator.client import EmulatedBedrock, Request
from bedrock_flask.emulator.environ import UNSET, make_client_environ
from bedrock_flask.emulator.process import EmulatorNotStarted, run_emulator
from bedrock_flask.emulator.settings import EmulatorSettings

__all__ = ["EmulatedBedrock", "Request"]

_EMULATOR = pytest.StashKey[EmulatedBedrock]()
_REDIRECTED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, and the settings of the same names for pytest's configuration file."""
    group = parser.getgroup("bedrock", "an emulated Amazon Bedrock")
    group.addoption("--bedrock", action="store_true", help="Every AWS client talks to an emulated Bedrock.")
    group.addoption("--bedrock-engine", metavar="NAME", help="What answers: scripted (default) or smollm.")
    group.addoption("--bedrock-plugins-dir", metavar="DIR", help="Drop-in folder of models: each .py file is a plugin.")
    group.addoption("--bedrock-port", metavar="PORT", type=int, default=0, help="Port to bind; any free port if unset.")
    group.addoption("--bedrock-async-dir", metavar="DIR", help="Folder in place of S3, for StartAsyncInvoke.")
    group.addoption(
        "--bedrock-blocked-word",
        metavar="WORD",
        action="append",
        default=[],
        help="A word that guardrails block. Repeatable.",
    )
    group.addoption(
        "--bedrock-secret",
        metavar="KEYID:SECRET",
        action="append",
        default=[],
        help="Calls must be signed; clients get the first one. Repeatable.",
    )
    parser.addini("bedrock_engine", "What answers: scripted or smollm.", default="scripted")
    parser.addini("bedrock_plugins_dir", "Drop-in folder of models, relative to pytest's root folder.", default="")
    parser.addini("bedrock_async_dir", "Folder in place of S3, relative to pytest's root folder.", default="")
    parser.addini("bedrock_blocked_words", "Words that guardrails block, one per line.", type="linelist", default=[])
    parser.addini("bedrock_secrets", "KEYID:SECRET to sign with, one per line.", type="linelist", default=[])


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """With --bedrock, set the environment before a conftest can make a client, which keeps its first endpoint."""
    _start_for_session(early_config, early_config.known_args_namespace)


def pytest_configure(config: pytest.Config) -> None:
    """The same, if a conftest has loaded this plugin."""
    _start_for_session(config, config.option)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Report the emulator's address and engine."""
    emulator = config.stash.get(_EMULATOR, None)
    return f"bedrock: {emulator.endpoint_url} ({emulator.description})" if emulator else None


@pytest.fixture(scope="session")
def _bedrock_emulator(pytestconfig: pytest.Config) -> EmulatedBedrock:
    try:
        return _start(pytestconfig, pytestconfig.option)
    except EmulatorNotStarted as error:
        message = str(error)
    # Outside of the except clause, so that pytest does not report the error twice.
    pytest.fail(message, pytrace=False)


@pytest.fixture
def bedrock(_bedrock_emulator: EmulatedBedrock, pytestconfig: pytest.Config) -> Iterator[EmulatedBedrock]:
    """An emulated Amazon Bedrock. AWS clients that are created in this test talk to it; with --bedrock all clients do.
    It has `endpoint_url`, `fault(name, ...)`, `reply(text, ...)`, `requests()` and `clear()`.

    Each test begins with no fault, no scripted reply and an empty request log.
    """
    with pytest.MonkeyPatch.context() as patch:
        if _REDIRECTED not in pytestconfig.stash:
            _redirect(patch, _bedrock_emulator.endpoint_url, _read_secrets(pytestconfig, pytestconfig.option))
        _bedrock_emulator.clear()
        yield _bedrock_emulator
        _bedrock_emulator.clear()


def _start_for_session(config: pytest.Config, options: argparse.Namespace) -> None:
    if not options.bedrock or _REDIRECTED in config.stash:
        return
    try:
        emulator = _start(config, options)
    except EmulatorNotStarted as error:
        raise pytest.UsageError(str(error)) from None
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    _redirect(patch, emulator.endpoint_url, _read_secrets(config, options))
    config.stash[_REDIRECTED] = True


def _start(config: pytest.Config, options: argparse.Namespace) -> EmulatedBedrock:
    """Start the session's emulator, once; it runs until the session ends. Raises EmulatorNotStarted."""
    if _EMULATOR not in config.stash:
        with contextlib.ExitStack() as stack:
            config.stash[_EMULATOR] = stack.enter_context(run_emulator(_read_settings(config, options)))
            config.add_cleanup(stack.pop_all().close)
    return config.stash[_EMULATOR]


def _read_settings(config: pytest.Config, options: argparse.Namespace) -> EmulatorSettings:
    if options.bedrock_port and _is_distributed(config, options):
        raise EmulatorNotStarted("--bedrock-port: the processes of pytest-xdist cannot share one port; leave it out")
    return EmulatorSettings(
        engine=options.bedrock_engine or config.getini("bedrock_engine"),
        plugins_dir=_read_folder(config, options, "bedrock_plugins_dir"),
        port=options.bedrock_port,
        async_dir=_read_folder(config, options, "bedrock_async_dir"),
        blocked_words=options.bedrock_blocked_word or config.getini("bedrock_blocked_words"),
        secrets=_read_secrets(config, options),
    )


def _read_secrets(config: pytest.Config, options: argparse.Namespace) -> list[str]:
    secrets: list[str] = options.bedrock_secret or config.getini("bedrock_secrets")
    return secrets


def _is_distributed(config: pytest.Config, options: argparse.Namespace) -> bool:
    """Whether pytest-xdist runs the tests in several processes, each with its own emulator."""
    return any(getattr(options, name, None) for name in ("numprocesses", "tx")) or hasattr(config, "workerinput")


def _read_folder(config: pytest.Config, options: argparse.Namespace, name: str) -> Path | None:
    if option := getattr(options, name):
        return config.invocation_params.dir / str(option)
    setting: str = config.getini(name)
    return config.rootpath / setting if setting else None


def _redirect(patch: pytest.MonkeyPatch, endpoint_url: str, secrets: list[str]) -> None:
    for name in UNSET:
        patch.delenv(name, raising=False)
    for name, value in make_client_environ(endpoint_url, os.environ, *secrets[:1]).items():
        patch.setenv(name, value)
