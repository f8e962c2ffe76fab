"""Policies on the command line: rules as NAME=VALUE, and as they are shown."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bedrock_flask.errors import StartupError
from bedrock_flask.governance.policy_form import LISTS, METADATA, MOST_TOKENS, PARAMETERS, RULES


def change_policy(policy: Mapping[str, Any], rules: Sequence[str], removed: Sequence[str]) -> dict[str, Any]:
    """A policy after these rules, each NAME=VALUE, and without those of these names."""
    changed = {**policy}
    for rule in rules:
        name, equals, value = rule.partition("=")
        if not equals:
            raise StartupError(f"'{rule[:100]}' is not a rule: {', '.join(RULES)}, each as NAME=VALUE")
        changed[name] = _parse(name, value)
    for name in removed:
        if name not in RULES:
            raise StartupError(f"'{name[:100]}' is not a rule of a policy: {', '.join(RULES)}")
        changed.pop(name, None)
    return changed


def format_policy(policy: Mapping[str, Any]) -> Iterator[str]:
    """The rules of a policy as they are set."""
    for name, value in policy.items():
        if isinstance(value, dict):
            value = [f"{each}:{text}" for each, text in value.items()]
        yield f"{name}={','.join(value) if isinstance(value, list) else value}"


def _parse(name: str, text: str) -> Any:
    """The value of a rule; the directory checks it. An empty text is the empty list, which allows nothing."""
    if name in LISTS:
        return _split(text)
    if name in (METADATA, PARAMETERS):
        pairs = {each.partition(":")[0]: each.partition(":")[2] for each in _split(text)}
        return pairs if name == METADATA else {each: _read_number(value) for each, value in pairs.items()}
    if name == MOST_TOKENS and re.fullmatch(r"[0-9]{1,9}", text, re.ASCII):
        return int(text)
    return text


def _read_number(text: str) -> float | str:
    return float(text) if re.fullmatch(r"[0-9](\.[0-9]{1,9})?", text, re.ASCII) else text


def _split(text: str) -> list[str]:
    return list(filter(None, map(str.strip, text.split(","))))
