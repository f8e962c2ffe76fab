"""`bedrock-flask import litellm` takes over the models, teams and keys of LiteLLM."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bedrock_flask.commands.database import change_directory, read_database_settings, read_directory
from bedrock_flask.commands.output.replace_file import replace_file
from bedrock_flask.config.settings import Settings, read_settings
from bedrock_flask.errors import StartupError
from bedrock_flask.litellm.config_file import parse_config
from bedrock_flask.litellm.export import Export, parse_export
from bedrock_flask.litellm.guardrails import read_guardrails
from bedrock_flask.litellm.models import add_entries, list_present, read_models
from bedrock_flask.litellm.owners import Present, plan_owners
from bedrock_flask.litellm.report import write_report
from bedrock_flask.litellm.rules import Context
from bedrock_flask.litellm.storing import read_present, store_owners
from bedrock_flask.models.loading import load_registry
from bedrock_flask.models.models_file import parse_models_file

if TYPE_CHECKING:
    from bedrock_flask.governance.store.directory import Directory


@click.group("import")
def import_() -> None:
    """Take over the models, teams and keys of LiteLLM."""


@import_.command()
@click.argument("config", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--models-file",
    metavar="FILE",
    default="",
    help="The models file to add to; by default BEDROCK_FLASK_MODELS_FILE, or models.toml.",
)
@click.option(
    "--keys",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="LiteLLM's teams and keys, as psql has written them; they go into BEDROCK_FLASK_DATABASE_URL.",
)
@click.option("--dry-run", is_flag=True, help="Write nothing, and print the same report.")
def litellm(config: str, models_file: str, keys: str | None, *, dry_run: bool) -> None:
    """Add the Bedrock models of LiteLLM's CONFIG to the models file, and its teams and keys to the database.

    What is there already is not changed, so it can be run again. The report has all that cannot be carried over.
    """
    settings = read_database_settings() if keys and not dry_run else read_settings(os.environ)
    registry = load_registry(settings.plugins_dir, lenient=settings.lenient)
    document = parse_config(_read(config), config)
    models = read_models(document, registry, os.environ)
    path = Path(models_file or settings.models_file or "models.toml")
    before = _read(path) if path.exists() else ""
    text, added = add_entries(before, str(path), models.entries, registry)
    same, changed = list_present(parse_models_file(before, path, registry), models.entries)
    export = parse_export(_read(keys), keys) if keys else Export()
    context = Context(models.entries, models.groups, read_guardrails(document))
    with _open(settings, keys=bool(keys), writes=not dry_run) as directory:
        present = read_present(directory, settings.key_pepper) if directory else Present()
        owners = plan_owners(export, context, present)
        if not dry_run:
            if directory:
                store_owners(directory, owners, settings.key_pepper)
            if text != before:
                replace_file(path, text)
    for line in write_report(added, owners, [*same, *owners.present], [*models.left, *changed, *owners.left]):
        click.echo(line)
    if dry_run:
        click.echo("Nothing was written: --dry-run.", err=True)


@contextmanager
def _open(settings: Settings, *, keys: bool, writes: bool) -> "Iterator[Directory | None]":
    """The directory, if keys are imported; a dry run may do without a database."""
    if not keys or not settings.database_url:
        yield None
        return
    with (change_directory if writes else read_directory)(settings) as directory:
        yield directory


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"{path} cannot be read: {error}") from None
