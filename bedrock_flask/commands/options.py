"""Values of the command line: durations, tags, and times as they are shown."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from bedrock_flask.errors import StartupError
from bedrock_flask.governance.limits import MOST

Command = TypeVar("Command", bound=Callable[..., Any])

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str) -> int:
    """The seconds of a duration such as `90d`, `12h`, `30m` or `0s`."""
    found = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if not found:
        raise StartupError(f"'{text[:50]}' is not a time such as 90d, 12h, 30m or 10s")
    return int(found[1]) * _SECONDS[found[2]]


def parse_tags(pairs: Iterable[str]) -> dict[str, str]:
    """The tags of `name=value` pairs."""
    tags: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not re.fullmatch(r"[\w.:/-]{1,64}", name, re.ASCII) or len(value) > 256:
            raise StartupError(f"'{pair[:100]}' is not a tag: NAME=VALUE, with up to 64 and 256 characters")
        tags[name] = value
    return tags


def limit_options(command: Command) -> Command:
    """The options of a command that changes limits."""
    for option in (
        click.option("--calls", metavar="N", help="The most calls at a time, or `none`."),
        click.option("--tokens", metavar="N", help="The most tokens a minute, or `none`."),
        click.option("--requests", metavar="N", help="The most requests a minute, or `none`."),
        click.option(
            "--model", default="", help="Only calls of this model: an adapter's name, or a pattern of Bedrock ids."
        ),
    ):
        command = option(command)
    return command


def parse_limits(options: Mapping[str, str | None]) -> dict[str, int | None]:
    """The limits of the options that were given; None for `none`."""
    given = {kind: text for kind, text in options.items() if text is not None}
    if not given:
        raise StartupError("name a limit: --requests N, --tokens N or --calls N")
    return {kind: _parse_limit(text) for kind, text in given.items()}


def _parse_limit(text: str) -> int | None:
    if text == "none":
        return None
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > MOST:
        raise StartupError(f"'{text[:50]}' is not a limit: a number up to {MOST:,}, or none")
    return int(text)


def format_time(milliseconds: int | None) -> str:
    """A time as UTC in seconds, and a hyphen for none."""
    if milliseconds is None:
        return "-"
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
