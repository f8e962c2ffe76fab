"""`bedrock-flask fault`: order faults from a running emulator."""

from dataclasses import asdict, replace
from typing import Any

import click

from bedrock_flask.emulator.client import call_emulator
from bedrock_flask.emulator.faults.inject import Fault
from bedrock_flask.emulator.faults.queue import InvalidFault, parse_argument
from bedrock_flask.errors import StartupError

_PATH = "/_emulator/faults"


@click.command()
@click.argument("faults", nargs=-1)
@click.option("--count", type=click.IntRange(1), help="The number of calls for each fault.")
@click.option("--clear", is_flag=True, help="Clear pending faults first.")
@click.option("--emulator", default="http://127.0.0.1:8001", show_default=True, help="The address of the emulator.")
def fault(faults: tuple[str, ...], count: int | None, clear: bool, emulator: str) -> None:
    """Order faults for the next calls of an emulator.

    Each of FAULTS is a name or JSON. Prints the pending faults.
    """
    try:
        orders = [order for argument in faults for order in parse_argument(argument)]
    except InvalidFault as error:
        raise StartupError(str(error)) from None
    try:
        if clear:
            call_emulator(emulator, _PATH, method="DELETE")
        if orders:
            counted = [replace(order, count=count or order.count) for order in orders]
            call_emulator(emulator, _PATH, [_list_members(order) for order in counted], method="POST")
        pending = call_emulator(emulator, _PATH)["waiting"]
    except ValueError as error:
        raise StartupError(f"{emulator} refuses: {error}") from None
    except ConnectionError as error:
        raise StartupError(str(error)) from None
    for order in pending:
        click.echo(f"{order['fault']} x {order['count']}")


def _list_members(order: Fault) -> dict[str, Any]:
    return {name: value for name, value in asdict(order).items() if value not in (None, "")}
