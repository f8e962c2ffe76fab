"""`bedrock-flask config` shows every setting, its value and its source, with secrets masked."""

import json
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, fields
from typing import Any

import click

from bedrock_flask.commands.output.table import format_table
from bedrock_flask.commands.serve import serve
from bedrock_flask.config import ENV_FILE, PREFIX, env_file, settings
from bedrock_flask.config.database import DatabaseURL
from bedrock_flask.config.hosts import is_loopback
from bedrock_flask.config.keys import Keys
from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.config.settings import Settings, has_keys
from bedrock_flask.config.state_url import StateURL
from bedrock_flask.config.webhook import WebhookURL
from bedrock_flask.diagnostics.configuration import (
    DEFAULT,
    EffectiveSetting,
    describe_source,
    read_aws_settings,
    redact_url,
)
from bedrock_flask.errors import SettingsError

_SECRET_TYPES = (Keys, ServerSecret, DatabaseURL, StateURL, WebhookURL)


# Takes the options of `serve`, to show the settings that `serve` would use with them.
@click.command(params=[*serve.params])
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def config(from_file: Collection[str], /, as_json: bool, **options: Any) -> None:
    """Show every setting, its value and its source.

    Takes the options of `serve`, but starts nothing and does not use the network. Shows the gateway's settings, then
    those that botocore and gunicorn read from the environment and AWS's files. Masks secrets. Exits with 1 and lists
    every fault if the gateway would not start with these settings.
    """
    environ = settings.merge_options(os.environ, options)
    values, faults = _read_settings(environ)
    rows = list(_list_settings(values, environ, options, from_file or ()))
    try:
        others = [*read_aws_settings(values.region, from_file or ()), *_list_gunicorn_settings(from_file or ())]
    except SettingsError as error:
        others, faults = list(_list_gunicorn_settings(from_file or ())), [*faults, *error.faults]
    if as_json:
        document = {"settings": rows, "environment": others, "faults": faults}
        print(json.dumps(document, default=asdict, indent=2))
        sys.exit(1 if faults else 0)
    for line in format_table([(row.name, row.value or "-", row.source) for row in (*rows, *others)]):
        print(line)
    if faults:
        sys.stdout.flush()
        raise SettingsError(*faults)


def _read_settings(environ: Mapping[str, str]) -> tuple[Settings, list[str]]:
    try:
        values = settings.read_settings(environ)
    except SettingsError as error:
        return Settings(), list(error.faults)
    is_open = not has_keys(values) and not is_loopback(values.host)
    return values, [settings.NO_KEYS.format(host=values.host)] if is_open else []


def _list_settings(
    values: Settings, environ: Mapping[str, str], options: Mapping[str, Any], from_file: Collection[str]
) -> Iterator[EffectiveSetting]:
    file = environ.get(ENV_FILE, ".env")
    found = file if file and os.path.isfile(file) else ""
    yield EffectiveSetting(ENV_FILE, found, describe_source(ENV_FILE, ()) if ENV_FILE in environ else DEFAULT)
    for row in fields(Settings):
        name, value = PREFIX + row.name.upper(), getattr(values, row.name)
        given = environ.get(name, "").strip()
        # If the settings are invalid, the given value is shown unparsed.
        if given and value == row.default:
            value = "***" if isinstance(value, _SECRET_TYPES) else given
        source = _find_source(name, row.name, given, options, from_file)
        if isinstance(value, _SECRET_TYPES) and getattr(values, f"{row.name}_file"):
            source = ", ".join([*([source] if given else []), f"{name}_FILE"])
        yield EffectiveSetting(name, _format_value(value), source)


def _format_value(value: Any) -> str:
    if isinstance(value, Keys):
        return f"{len(value.digests)} ({', '.join(value.digests)})" if value else ""
    if isinstance(value, ServerSecret):
        return "***" if value else ""
    if isinstance(value, DatabaseURL | StateURL | WebhookURL):
        return value.describe()
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _find_source(name: str, option: str, given: str, options: Mapping[str, Any], from_file: Collection[str]) -> str:
    if not given:
        return DEFAULT
    if options.get(option) is not None:
        return f"option (--{option.replace('_', '-')})"
    return describe_source(name, from_file)


def _list_gunicorn_settings(from_file: Collection[str]) -> Iterator[EffectiveSetting]:
    if arguments := os.environ.get("GUNICORN_CMD_ARGS"):
        yield EffectiveSetting(
            "gunicorn's arguments", redact_url(arguments), describe_source("GUNICORN_CMD_ARGS", from_file)
        )
    if workers := os.environ.get(env_file.GUNICORN_WORKERS):
        value = f"{workers}, ignored: {PREFIX}WORKERS is used instead"
        yield EffectiveSetting("gunicorn's workers", value, describe_source(env_file.GUNICORN_WORKERS, from_file))
