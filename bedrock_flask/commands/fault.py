"""`bedrock-flask fault`: order faults from an emulator that runs."""

import json
import urllib.error
import urllib.request
from dataclasses import asdict, replace
from typing import Any

import click

from bedrock_flask.emulator.faults import BadOrder, Fault, read_words
from bedrock_flask.errors import StartupError

# Straight to the emulator, whatever proxy the shell names.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@click.command()
@click.argument("faults", nargs=-1)
@click.option("--count", type=click.IntRange(1), help="The number of calls that each is for.")
@click.option("--clear", is_flag=True, help="Forget what waits, first.")
@click.option("--emulator", default="http://127.0.0.1:8001", show_default=True, help="Where the emulator listens.")
def fault(faults: tuple[str, ...], count: int | None, clear: bool, emulator: str) -> None:
    """Order FAULTS, each a name or JSON, for the next calls of an emulator; show what waits."""
    try:
        orders = [order for text in faults for order in read_words(text)]
    except BadOrder as wrong:
        raise StartupError(str(wrong)) from None
    if clear:
        _ask(emulator, "DELETE")
    if orders:
        told = [replace(order, count=count or order.count) for order in orders]
        _ask(emulator, "POST", [_members(each) for each in told])
    for waiting in json.loads(_ask(emulator, "GET"))["waiting"]:
        click.echo(f"{waiting['fault']} x {waiting['count']}")


def _members(order: Fault) -> dict[str, Any]:
    return {name: value for name, value in asdict(order).items() if value not in (None, "")}


def _ask(emulator: str, method: str, body: Any = None) -> bytes:
    try:
        request = urllib.request.Request(  # noqa: S310 - the operator's own address
            f"{emulator.rstrip('/')}/_emulator/faults", json.dumps(body).encode() if body else None, method=method
        )
        with _OPENER.open(request, timeout=10) as response:
            answer: bytes = response.read()
            return answer
    except urllib.error.HTTPError as error:
        raise StartupError(f"{emulator} refuses: {error.read(500).decode('utf-8', 'replace')}") from None
    except (OSError, ValueError) as error:
        raise StartupError(f"no emulator answers at {emulator}: {error}") from None
