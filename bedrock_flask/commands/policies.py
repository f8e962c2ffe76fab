"""Policies on the command line: rules as NAME=VALUE, and as they are shown."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bedrock_flask.bedrock.model_ids import REGION
from bedrock_flask.dialects import load_dialects
from bedrock_flask.errors import StartupError
from bedrock_flask.governance.policy import parse_network


def change_policy(policy: Mapping[str, Any], rules: Sequence[str], removed: Sequence[str]) -> dict[str, Any]:
    """A policy after these rules, each NAME=VALUE, and without those of these names."""
    changed = {**policy}
    for rule in rules:
        name, equals, value = rule.partition("=")
        if not equals:
            raise StartupError(f"'{rule[:100]}' is not a rule: {', '.join(_PARSERS)}, each as NAME=VALUE")
        changed[name] = _find_parser(name)(value)
    for name in removed:
        _find_parser(name)
        changed.pop(name, None)
    return changed


def format_policy(policy: Mapping[str, Any]) -> Iterator[str]:
    """The rules of a policy as they are set."""
    for name, value in policy.items():
        if isinstance(value, dict):
            value = [f"{each}:{text}" for each, text in value.items()]
        yield f"{name}={','.join(value) if isinstance(value, list) else value}"


def _find_parser(name: str) -> Callable[[str], Any]:
    if name not in _PARSERS:
        raise StartupError(f"'{name[:100]}' is not a rule of a policy: {', '.join(_PARSERS)}")
    return _PARSERS[name]


def _parse_list(what: str, is_valid: Callable[[str], object]) -> Callable[[str], list[str]]:
    """A parser of values separated by commas; an empty text is the empty list, which allows nothing."""

    def parse(text: str) -> list[str]:
        values = list(filter(None, map(str.strip, text.split(","))))
        for value in values:
            if not is_valid(value):
                raise StartupError(f"'{value[:100]}' is not {what}")
        return values

    return parse


def _parse_text(what: str, form: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(form, text, re.ASCII):
            raise StartupError(f"'{text[:100]}' is not {what}")
        return text

    return parse


def _parse_metadata(text: str) -> dict[str, str]:
    pairs = [pair.partition(":")[::2] for pair in filter(None, map(str.strip, text.split(",")))]
    if wrong := [name for name, value in pairs if not (name and value and len(name) <= 256 and len(value) <= 256)]:
        raise StartupError(f"'{wrong[0][:100]}' is not metadata: NAME:VALUE, of up to 256 characters each")
    return dict(pairs)


def _parse_number(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text, re.ASCII):
        raise StartupError(f"'{text[:100]}' is not a number of tokens")
    return int(text)


def _is_dialect(name: str) -> bool:
    return name in {dialect.name for dialect in load_dialects()}


def _is_network(text: str) -> bool:
    try:
        parse_network(text)
    except ValueError:
        return False
    return True


_PARSERS: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {
        "models": _parse_list("a model's name or a pattern of names", re.compile(r"[\x21-\x7e]{1,2048}").fullmatch),
        "dialects": _parse_list("a dialect: a name of a page or module such as openai_chat", _is_dialect),
        "regions": _parse_list("a region", re.compile(REGION, re.ASCII).fullmatch),
        "geographies": _parse_list("a geography such as eu or global", re.compile(r"[a-z][a-z-]{1,15}").fullmatch),
        "networks": _parse_list("a network such as 10.0.0.0/8", _is_network),
        "most_tokens": _parse_number,
        "guardrail": _parse_text(
            "a guardrail: its id or ARN, and its version, as ID:VERSION", r"[\x21-\x7e]+:[A-Z0-9]+"
        ),
        "tier": _parse_text("a service tier such as flex", r"[a-z]{1,32}"),
        "metadata": _parse_metadata,
    }
)
