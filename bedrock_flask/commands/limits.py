"""Limits of keys and teams on the command line: numbers, or `none`."""

import re
from collections.abc import Mapping

from bedrock_flask.config.limits import MOST
from bedrock_flask.errors import StartupError


def parse_limits(options: Mapping[str, str | None]) -> dict[str, int | None]:
    """The limits of the options that were given; None for `none`."""
    given = {kind: text for kind, text in options.items() if text is not None}
    if not given:
        raise StartupError("name a limit: --requests N, --tokens N or --calls N")
    return {kind: _parse_limit(text) for kind, text in given.items()}


def _parse_limit(text: str) -> int | None:
    if text == "none":
        return None
    if not re.fullmatch(r"[0-9]{1,10}", text, re.ASCII):
        raise StartupError(f"'{text[:50]}' is not a limit: a number up to {MOST:,}, or none")
    return int(text)
