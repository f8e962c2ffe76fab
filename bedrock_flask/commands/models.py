"""`bedrock-flask models` lists the models that requests can name."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

from bedrock_flask.commands.output.table import format_table
from bedrock_flask.config import settings
from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import GatewayError
from bedrock_flask.models import load
from bedrock_flask.models.discovery import Finding
from bedrock_flask.models.lifecycle import ACTIVE, find_today
from bedrock_flask.models.listing import Listed, list_callable
from bedrock_flask.models.resolver import Models

if TYPE_CHECKING:
    from bedrock_flask.diagnostics.account import AwsAccount

_HEAD = ("name", "calls", "region", "surfaces", "until", "can", "source")


@click.command()
@click.option("--plugins-dir", help="Drop-in folder: each .py file in it is a plugin.")
@click.option("--models-file", help="TOML file with your own aliases.")
@click.option("--offline", is_flag=True, help="Do not use the network: list what the plugins know.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 600),
    default=15.0,
    show_default=True,
    help="Maximum seconds for each list of the account.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array with one object per model.")
def models(*, offline: bool, timeout: float, as_json: bool, **options: str | None) -> None:
    """List the models that requests can name.

    Lists the adapters, the aliases of the models file, and what else the AWS account is offered in its region. The
    column `calls` is the Bedrock id, inference profile or ARN that a name refers to, `surfaces` the APIs of AWS that
    serve it, and `until` the day on which AWS stops serving it. Where the account's lists cannot be read, the plugins'
    own catalogue is listed, and standard error says why. Requests can also use any other Bedrock id, unless
    BEDROCK_FLASK_MODELS=listed. To check the account's access, run `bedrock-flask doctor`.
    """
    config = settings.read_settings(settings.merge_options(os.environ, options))
    known = load(config)
    find_offer = _make_finder(known, config, timeout, offline=offline or not config.discovery)
    rows = list_callable(known, find_offer, find_today())
    described = [_describe_row(known, row, config.region) for row in rows]
    if as_json:
        print(json.dumps(described, indent=2))
        return
    for line in format_table([_HEAD, *(_make_row(row) for row in described)]):
        print(line)


def _make_finder(known: Models, config: Settings, seconds: float, *, offline: bool) -> Callable[[str], Finding]:
    """A function that finds what a region offers to the account; what is wrong is reported once for each region."""
    found: dict[str, Finding] = {}

    def find(region: str) -> Finding:
        if region not in found:
            found[region] = Finding() if offline else _read(known, config, seconds, region)
        return found[region]

    return find


def _read(known: Models, config: Settings, seconds: float, region: str) -> Finding:
    # Importing boto3 takes longer than `--help` should.
    from bedrock_flask.diagnostics.account import AwsAccount

    account = AwsAccount(config, seconds, region)
    try:
        if account.can_call_control_plane():
            offer = account.read_offer()
            return Finding(replace(offer, mantle=_read_mantle(known, account)))
        problem = "calls go to this machine: set AWS_ENDPOINT_URL_BEDROCK too"
    except GatewayError as error:
        problem = error.detail
    _report(region, "the account's lists", problem)
    return Finding(problem=problem)


def _read_mantle(known: Models, account: "AwsAccount") -> frozenset[str] | None:
    try:
        return account.list_mantle_models(known.registry.generic)
    except GatewayError as error:
        _report(account.region, "the models of bedrock-mantle", error.detail)
        return None


def _report(region: str, lists: str, problem: str) -> None:
    print(f"bedrock-flask: {region or 'the region'}: {lists} cannot be read: {problem}", file=sys.stderr)


def _describe_row(known: Models, row: Listed, region: str) -> dict[str, Any]:
    model, lifecycle = row.model, row.lifecycle
    return {
        "name": model.name,
        "kind": _find_kind(known, model.name),
        "adapter": model.adapter.name,
        "model": model.id,
        "region": model.region or region or None,
        "operation": model.adapter.operation,
        "surfaces": list(row.surfaces),
        "profiles": list(row.profiles),
        "offered": row.is_offered,
        "lifecycle": lifecycle.find_stage(find_today()),
        "legacy_on": lifecycle.legacy_on and str(lifecycle.legacy_on),
        "ends_on": lifecycle.ends_on and str(lifecycle.ends_on),
        "successor": lifecycle.successor or None,
        "capabilities": asdict(model.capabilities),
        "patterns": list(model.adapter.models),
        "validate": model.validate,
        "description": model.description,
        "source": known.registry.sources[model.adapter.name],
    }


def _find_kind(known: Models, name: str) -> str:
    return "alias" if name in known.aliases else "adapter" if name in known.registry.adapters else "model"


def _make_row(row: dict[str, Any]) -> tuple[str, ...]:
    can = [name for name, value in row["capabilities"].items() if value is True]
    capabilities = ", ".join([row["capabilities"]["output"], *can])
    surfaces, source = ", ".join(row["surfaces"]), row["source"]
    return row["name"], row["model"], row["region"] or "-", surfaces, _describe_end(row), capabilities, source


def _describe_end(row: dict[str, Any]) -> str:
    if row["offered"] is False:
        return "not offered"
    return row["ends_on"] or ("-" if row["lifecycle"] == ACTIVE else "legacy")
