"""`bedrock-flask prices` lists the prices; `prices check` compares them with AWS's, `prices refresh` writes AWS's."""

import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from bedrock_flask.bedrock.model_ids import REGION
from bedrock_flask.commands.output.replace_file import replace_file
from bedrock_flask.commands.output.table import format_table
from bedrock_flask.config import PREFIX, settings
from bedrock_flask.errors import StartupError
from bedrock_flask.models import load
from bedrock_flask.prices.compare import Comparison, compare
from bedrock_flask.prices.price import UNITS, Price
from bedrock_flask.prices.price_list import (
    OFFERS,
    SOURCE,
    Offer,
    UnreadablePriceList,
    collect_prices,
    locate_offer,
    match_names,
    read_offer,
)
from bedrock_flask.prices.table import Prices, index_prices, load_prices, parse_prices, read_file, write_prices

_HEAD = ("model", "regions", "profile", "tier", "variant", "US dollars", "date")
_DEFAULT_REGION = "us-east-1"
# An offer of one region has about three megabytes.
_MOST_BYTES = 64_000_000
_CONNECT_SECONDS, _READ_SECONDS = 10, 60
# What to do about an error of requests, by its name.
_REMEDIES = {
    "ProxyError": "check HTTPS_PROXY",
    "InvalidProxyURL": "check HTTPS_PROXY",
    "SSLError": "name the certificates of a proxy that opens TLS in REQUESTS_CA_BUNDLE",
    "OSError": "check REQUESTS_CA_BUNDLE",
}

_FILE = click.option("--prices-file", envvar=f"{PREFIX}PRICES_FILE", help="CSV file with your own prices.")
_REGION = click.option(
    "--region",
    "regions",
    multiple=True,
    help=f"AWS region; may be given several times. Default: the gateway's, or {_DEFAULT_REGION}.",
)


@click.group(invoke_without_command=True)
@_FILE
@click.option("--model", "part", default="", help="Only models whose id contains this text.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object: prices, and models without one.")
@click.pass_context
def prices(context: click.Context, prices_file: str | None, part: str, as_json: bool) -> None:
    """List the known prices, and how many models have none.

    Prices are in US dollars: of tokens by the million, of anything else by one. An unknown price is left out, or null.
    """
    context.obj = prices_file
    if context.invoked_subcommand is not None:
        if part or as_json:
            raise click.UsageError("--model and --json are options of the list alone")
        return
    known = load_prices(prices_file or "")
    shown = [price for price in known if part in price.model]
    models = load(settings.read_settings(os.environ)).registry
    priced = {price.model for price in known}
    without = sorted(model for model in models.known_models if part in model and model not in priced)
    if as_json:
        document = {"prices": [_make_document(price) for price in shown], "models_without_price": without}
        click.echo(json.dumps(document, indent=2))
        return
    click.echo("\n".join(format_table([_HEAD, *(_make_row(price) for price in shown)])))
    click.echo(f"{len(shown)} prices; {len(without)} known models have none: {', '.join(without) or '-'}")


@prices.command()
@_FILE
@_REGION
@click.pass_obj
def check(outer_file: str | None, prices_file: str | None, regions: Sequence[str]) -> None:
    """Compare the known prices of tokens with AWS's Price List, over HTTPS.

    Exits with 1 if a price differs. AWS's names that no known model has are counted, and so are the prices of images,
    capacity and customisation, which are not compared.
    """
    known = load_prices(prices_file or outer_file or "")
    rows: list[Comparison] = []
    for region in _choose_regions(regions):
        listed, offers, unknown = _read_region(region)
        rows += compare(known, listed)
        skipped = sum(offer.skipped for offer in offers)
        names = ", ".join(sorted(unknown)) or "-"
        click.echo(
            f"{region}: {len(listed)} prices of {len({price.model for price in listed})} models; "
            f"{skipped} products not compared; {len(unknown)} names without a model: {names}"
        )
    different = [row for row in rows if row.differs]
    for row in different:
        axes = " ".join(filter(None, [*row.price.regions, row.price.profile, row.price.tier]))
        click.echo(f"{row.price.model} ({axes}) {row.unit}: {row.known} here, {row.listed} at AWS")
    equal = sum(row.is_equal for row in rows)
    click.echo(f"{equal} equal, {len(different)} different, {len(rows) - equal - len(different)} not known here")
    sys.exit(1 if different else 0)


@prices.command()
@_FILE
@_REGION
@click.pass_obj
def refresh(outer_file: str | None, prices_file: str | None, regions: Sequence[str]) -> None:
    """Write the prices of tokens of AWS's Price List to the price file.

    Rows of the file that are not from the Price List stay, and no price of the list is written for the same calls. Rows
    of other regions stay too. The gateway reads the file if BEDROCK_FLASK_PRICES_FILE names it, and prefers its prices
    to its own.
    """
    path = prices_file or outer_file
    if not path:
        raise StartupError(f"name the file to write: --prices-file, or {PREFIX}PRICES_FILE")
    rows = read_file(path) if Path(path).exists() else ()
    chosen = _choose_regions(regions)
    own = index_prices(price for price in rows if price.source != SOURCE)
    elsewhere = [price for price in rows if price.source == SOURCE and set(price.regions).isdisjoint(chosen)]
    listed = [price for region in chosen for price in _read_region(region)[0]]
    if not listed:
        raise UnreadablePriceList("AWS's Price List has no price of a known model: the file is left as it is")
    added = [price for price in listed if _find_price(own, price) is None]
    text = write_prices([*own, *elsewhere, *added])
    # A file that the gateway would not read is not written.
    parse_prices(text, path)
    replace_file(Path(path), text)
    counts = f"{len(added)} prices of AWS's Price List, {len(elsewhere)} of other regions, {len(list(own))} of your own"
    click.echo(f"{path}: {counts}")
    known = load_prices()
    if lacking := [price for price in added if _lacks_units(known, price)]:
        names = ", ".join(sorted({price.model for price in lacking}))
        click.echo(
            f"{len(lacking)} of them lack a price that the gateway knows: calls that need it have no cost: {names}"
        )


def _lacks_units(known: Prices, listed: Price) -> bool:
    """Whether a known price for the calls of one of AWS's has units that AWS's has not."""
    found = _find_price(known, listed)
    return found is not None and not found.units.keys() <= listed.units.keys()


def _find_price(prices: Prices, listed: Price) -> Price | None:
    """The price for the calls of one of AWS's, which has one region."""
    [region] = listed.regions
    return prices.find_price(listed.model, region, listed.profile, listed.tier)


def _choose_regions(given: Sequence[str]) -> Sequence[str]:
    if wrong := [region for region in given if not re.fullmatch(REGION, region, re.ASCII)]:
        raise click.UsageError(f"--region: {wrong[0][:40]!r} is not a region, such as {_DEFAULT_REGION}")
    config = settings.read_settings(os.environ)
    return tuple(dict.fromkeys(given)) or (settings.find_region(config) or _DEFAULT_REGION,)


def _read_region(region: str) -> tuple[list[Price], list[Offer], set[str]]:
    """AWS's prices in a region, the offers that have them, and the names in them that no model has."""
    offers = [read_offer(_download(locate_offer(offer, region))) for offer in OFFERS]
    registry = load(settings.read_settings(os.environ)).registry
    names = {model: known.name for model, known in registry.known_models.items()}
    priced = [price.model for price in load_prices() if price.model not in names]
    ids, unknown = match_names(offers, {**dict.fromkeys(priced, ""), **names})
    date = max(offer.version for offer in offers)[:10]
    return list(collect_prices(offers, region, ids, date)), offers, unknown


def _download(address: str) -> bytes:
    """The body at an address of AWS's; raises UnreadablePriceList, and reads no more than an offer may have."""
    try:
        import requests
    except ModuleNotFoundError:
        raise StartupError("this needs requests: pip install 'bedrock-flask[prices]'") from None
    try:
        with requests.get(
            address, stream=True, timeout=(_CONNECT_SECONDS, _READ_SECONDS), allow_redirects=False
        ) as response:
            if response.status_code != requests.codes.ok:
                raise UnreadablePriceList(f"{address} answers with status {response.status_code}")
            data = bytearray()
            for piece in response.iter_content(1 << 16):
                data += piece
                if len(data) > _MOST_BYTES:
                    raise UnreadablePriceList(f"{address} has more than {_MOST_BYTES} bytes")
            return bytes(data)
    except (OSError, ValueError) as error:
        # An error of requests is an OSError, and so is a file of certificates that is not there. The text may have a
        # proxy's password.
        name = type(error).__name__
        remedy = _REMEDIES.get(name, "check that this machine can reach the address")
        raise UnreadablePriceList(f"{address} cannot be read: {name}; {remedy}") from None


def _make_row(price: Price) -> tuple[str, ...]:
    amounts = ", ".join(f"{unit} {amount}" for unit, amount in price.units.items())
    regions = " ".join(price.regions) or "all"
    return price.model, regions, price.profile or "-", price.tier, price.variant or "-", amounts, price.date or "-"


def _make_document(price: Price) -> dict[str, Any]:
    units = {unit: str(price.units[unit]) if unit in price.units else None for unit in UNITS}
    return {
        "model": price.model,
        "regions": list(price.regions),
        "profile": price.profile,
        "tier": price.tier,
        "variant": price.variant,
        "usd": units,
        "source": price.source,
        "date": price.date,
    }
