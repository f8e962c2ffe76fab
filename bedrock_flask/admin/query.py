"""The parameters of a query: each with its form, what it means, and how it is read."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.query import read_query
from bedrock_flask.errors import InvalidQuery
from bedrock_flask.governance.times import parse_time
from bedrock_flask.governance.usage import GROUPS, TAG

MOST, BY_DEFAULT = 1000, 100


@dataclass(frozen=True)
class Parameter:
    """A parameter: its JSON Schema, and a function from its text, which raises ValueError."""

    description: str
    schema: Mapping[str, Any]
    parse: Callable[[str], Any]


def _take(form: str, what: str) -> Callable[[str], str]:
    pattern = re.compile(form)

    def parse(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"'{text[:50]}' is not {what}")
        return text

    return parse


def _parse_limit(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text, re.ASCII) or not 1 <= int(text) <= MOST:
        raise ValueError(f"'{text[:50]}' is not a number from 1 to {MOST}")
    return int(text)


def _parse_groups(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    if wrong := [name for name in names if name not in GROUPS and not re.fullmatch(rf"{TAG}[!-~]{{1,64}}", name)]:
        raise ValueError(f"'{wrong[0][:50]}' is nothing that calls are summed up by")
    return names


def _parse_tag(text: str) -> tuple[tuple[str, str]]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ValueError(f"'{text[:50]}' is not NAME=VALUE")
    return ((f"{TAG}{name}", value),)


_TEXT: Mapping[str, Any] = MappingProxyType({"type": "string"})
_TIME: Mapping[str, Any] = MappingProxyType({"type": "string", "format": "date-time"})
_NAME = r"[!-~]{1,200}"
PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {
        "limit": Parameter(
            "The most rows of a page.",
            {"type": "integer", "minimum": 1, "maximum": MOST, "default": BY_DEFAULT},
            _parse_limit,
        ),
        "after": Parameter("`next` of the page before.", _TEXT, _take(_NAME, "from a page before")),
        "object": Parameter(
            "A team, a key (`TEAM/NAME`) or a secret (`TEAM/NAME/ID`), and what belongs to it.",
            _TEXT,
            _take(_NAME, "the name of a team or a key"),
        ),
        "who": Parameter("The operator, as the rows name it.", _TEXT, _take(r"[^\x00-\x1f]{1,200}", "an operator")),
        "action": Parameter("The kind of change, such as `create key`.", _TEXT, _take(r"[a-z ]{1,50}", "an action")),
        "by": Parameter(
            "What calls are summed up by, separated by commas: team, key, model, day or tag:NAME; by default team.",
            _TEXT,
            _parse_groups,
        ),
        "team": Parameter("Only calls of this team.", _TEXT, _take(_NAME, "a team")),
        "key": Parameter("Only calls of this key, `TEAM/NAME`.", _TEXT, _take(_NAME, "a key")),
        "model": Parameter("Only calls of this model, by the id that was called.", _TEXT, _take(_NAME, "a model")),
        "tag": Parameter("Only calls with this tag, `NAME=VALUE`.", _TEXT, _parse_tag),
        "since": Parameter("The earliest time.", _TIME, parse_time),
        "until": Parameter("The time before which it was.", _TIME, parse_time),
    }
)


def read_parameters(exchange: Exchange, names: Sequence[str]) -> dict[str, Any]:
    """The parameters of a request, or InvalidQuery."""
    found: dict[str, Any] = {}
    for name, text in read_query(exchange):
        if name not in names:
            raise InvalidQuery(f"'{name[:50]}' is not a parameter here: {', '.join(names) or 'there is none'}.")
        if name in found:
            raise InvalidQuery(f"{name} is there twice.")
        try:
            found[name] = PARAMETERS[name].parse(text)
        except ValueError as error:
            raise InvalidQuery(f"{name}: {error}.") from None
    return found
