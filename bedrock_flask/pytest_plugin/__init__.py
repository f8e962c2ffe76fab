"""The pytest plugin: an emulated Bedrock for the tests of code that calls Bedrock.

pytest imports it in every project of the environment it is installed in. So nothing is imported with it that pytest has
not imported itself, and nothing starts before it is asked for.
"""

import argparse
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bedrock_flask.emulator.client import EmulatedBedrock, Request
from bedrock_flask.emulator.environ import UNSET, client_environ
from bedrock_flask.emulator.process import NotStarted, Wanted, running

__all__ = ["EmulatedBedrock", "Request"]

_EMULATED = pytest.StashKey[EmulatedBedrock]()
_REDIRECTED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, and the settings of the same names for pytest's configuration file."""
    group = parser.getgroup("bedrock", "an emulated Amazon Bedrock")
    group.addoption("--bedrock", action="store_true", help="Every AWS client talks to an emulated Bedrock.")
    group.addoption("--bedrock-engine", metavar="NAME", help="What answers: scripted (default) or smollm.")
    group.addoption("--bedrock-plugins-dir", metavar="DIR", help="Drop-in folder of models: each .py file is a plugin.")
    group.addoption("--bedrock-port", metavar="PORT", type=int, default=0, help="Port to bind; any free one if unset.")
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
        help="Calls must be signed; clients are given the first one. Repeatable.",
    )
    parser.addini("bedrock_engine", "What answers: scripted or smollm.", default="scripted")
    parser.addini("bedrock_plugins_dir", "Drop-in folder of models, seen from pytest's root folder.", default="")
    parser.addini("bedrock_async_dir", "Folder in place of S3, seen from pytest's root folder.", default="")
    parser.addini("bedrock_blocked_words", "Words that guardrails block, one a line.", type="linelist", default=[])
    parser.addini("bedrock_secrets", "KEYID:SECRET to sign with, one a line.", type="linelist", default=[])


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """With --bedrock the environment is ready before a conftest can make a client, which keeps its first endpoint."""
    _with_bedrock(early_config, early_config.known_args_namespace)


def pytest_configure(config: pytest.Config) -> None:
    """The same, where a conftest has brought this plugin in."""
    _with_bedrock(config, config.option)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Where the emulator listens, and what answers."""
    emulated = config.stash.get(_EMULATED, None)
    return f"bedrock: {emulated.endpoint_url} ({emulated.description})" if emulated else None


@pytest.fixture(scope="session")
def _bedrock_emulator(pytestconfig: pytest.Config) -> EmulatedBedrock:
    try:
        return _started(pytestconfig, pytestconfig.option)
    except NotStarted as error:
        told = str(error)
    # Here, so that pytest does not tell it twice.
    pytest.fail(told, pytrace=False)


@pytest.fixture
def bedrock(_bedrock_emulator: EmulatedBedrock, pytestconfig: pytest.Config) -> Iterator[EmulatedBedrock]:
    """An emulated Amazon Bedrock that AWS clients made in this test talk to; with --bedrock all clients do.
    It has `endpoint_url`, `fault(name, ...)`, `reply(text, ...)`, `requests()` and `clear()`.

    Each test begins with no fault, no scripted reply and an empty request log.
    """
    with pytest.MonkeyPatch.context() as patch:
        if _REDIRECTED not in pytestconfig.stash:
            _redirect(patch, _bedrock_emulator.endpoint_url, _secrets(pytestconfig, pytestconfig.option))
        _bedrock_emulator.clear()
        yield _bedrock_emulator
        _bedrock_emulator.clear()


def _with_bedrock(config: pytest.Config, options: argparse.Namespace) -> None:
    if not options.bedrock or _REDIRECTED in config.stash:
        return
    try:
        emulated = _started(config, options)
    except NotStarted as error:
        raise pytest.UsageError(str(error)) from None
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    _redirect(patch, emulated.endpoint_url, _secrets(config, options))
    config.stash[_REDIRECTED] = True


def _started(config: pytest.Config, options: argparse.Namespace) -> EmulatedBedrock:
    """The emulator of this session, which runs until the session ends. NotStarted tells why it cannot be started."""
    if _EMULATED not in config.stash:
        with contextlib.ExitStack() as stack:
            config.stash[_EMULATED] = stack.enter_context(running(_wanted(config, options)))
            config.add_cleanup(stack.pop_all().close)
    return config.stash[_EMULATED]


def _wanted(config: pytest.Config, options: argparse.Namespace) -> Wanted:
    if options.bedrock_port and _is_one_of_many(config, options):
        raise NotStarted("--bedrock-port: the processes of pytest-xdist cannot share one port; leave it out")
    return Wanted(
        engine=options.bedrock_engine or config.getini("bedrock_engine"),
        plugins_dir=_folder(config, options, "bedrock_plugins_dir"),
        port=options.bedrock_port,
        async_dir=_folder(config, options, "bedrock_async_dir"),
        blocked_words=options.bedrock_blocked_word or config.getini("bedrock_blocked_words"),
        secrets=_secrets(config, options),
    )


def _secrets(config: pytest.Config, options: argparse.Namespace) -> list[str]:
    told: list[str] = options.bedrock_secret or config.getini("bedrock_secrets")
    return told


def _is_one_of_many(config: pytest.Config, options: argparse.Namespace) -> bool:
    """Whether pytest-xdist runs the tests in several processes, each with an emulator of its own."""
    return any(getattr(options, name, None) for name in ("numprocesses", "tx")) or hasattr(config, "workerinput")


def _folder(config: pytest.Config, options: argparse.Namespace, name: str) -> Path | None:
    if option := getattr(options, name):
        return config.invocation_params.dir / str(option)
    told: str = config.getini(name)
    return config.rootpath / told if told else None


def _redirect(patch: pytest.MonkeyPatch, endpoint_url: str, secrets: list[str]) -> None:
    for name in UNSET:
        patch.delenv(name, raising=False)
    for name, value in client_environ(endpoint_url, os.environ, *secrets[:1]).items():
        patch.setenv(name, value)
