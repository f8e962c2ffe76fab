"""`bedrock-flask models` lists the model names that requests can use."""

import json
import os
from dataclasses import asdict
from typing import Any

import click

from bedrock_flask.commands.output.table import format_table
from bedrock_flask.config import settings
from bedrock_flask.models import load
from bedrock_flask.models.resolver import Model, Models

_HEAD = ("name", "calls", "region", "operation", "can", "source")


@click.command()
@click.option("--plugins-dir", help="Drop-in folder: each .py file in it is a plugin.")
@click.option("--models-file", help="TOML file with your own aliases.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array with one object per model.")
def models(as_json: bool, **options: str | None) -> None:
    """List the model names that requests can use.

    Lists the adapters, then the aliases of the models file. The column `calls` is the Bedrock id, inference profile or
    ARN that a name refers to. Requests can also use any other Bedrock id, unless BEDROCK_FLASK_MODELS=listed. Does not
    use the network: to check the account's access, run `bedrock-flask doctor`.
    """
    config = settings.read_settings(settings.merge_options(os.environ, options))
    known = load(config)
    rows = [_describe_model(known, model, config.region) for model in known.list_models()]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for line in format_table([_HEAD, *(_make_row(row) for row in rows)]):
        print(line)


def _describe_model(known: Models, model: Model, region: str) -> dict[str, Any]:
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


def _make_row(row: dict[str, Any]) -> tuple[str, ...]:
    can = [name for name, value in row["capabilities"].items() if value is True]
    capabilities = ", ".join([row["capabilities"]["output"], *can])
    return row["name"], row["model"], row["region"] or "-", row["operation"], capabilities, row["source"]
