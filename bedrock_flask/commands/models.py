"""`bedrock-flask models`: what can be named in a request."""

import json
import os
from dataclasses import asdict
from typing import Any

import click

from bedrock_flask.commands.output.table import format_table
from bedrock_flask.config import settings
from bedrock_flask.models import load
from bedrock_flask.models.resolver import Model, Models

HEAD = ("name", "calls", "region", "operation", "can", "source")


@click.command()
@click.option("--plugins-dir", help="Drop-in folder: each .py file in it is a plugin.")
@click.option("--models-file", help="TOML file with aliases of your own.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array, one object a model.")
def models(as_json: bool, **options: str | None) -> None:
    """List what can be named in a request: adapters by name, then the aliases of the models file.

    `calls` is the Bedrock id, inference profile or ARN that is called by that name; any other id can be named too,
    unless BEDROCK_FLASK_MODELS=listed. Nobody is asked on the network: `bedrock-flask doctor` asks the account.
    """
    told = settings.read_settings(settings.merge_options(os.environ, options))
    known = load(told)
    rows = [_described(known, model, told.region) for model in known.list_models()]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for line in format_table([HEAD, *(_line(row) for row in rows)]):
        print(line)


def _described(known: Models, model: Model, region: str) -> dict[str, Any]:
    adapter = model.adapter
    return {
        "name": model.name,
        "kind": "alias" if model.name in known.aliases else "adapter",
        "adapter": adapter.name,
        "model": model.id,
        "region": model.region or region or None,
        "operation": adapter.operation,
        "capabilities": asdict(model.capabilities),
        "patterns": list(adapter.models),
        "validate": model.validate,
        "description": model.description,
        "source": known.registry.sources[adapter.name],
    }


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    can = [name for name, value in row["capabilities"].items() if value is True]
    told = ", ".join([row["capabilities"]["output"], *can])
    return row["name"], row["model"], row["region"] or "-", row["operation"], told, row["source"]
