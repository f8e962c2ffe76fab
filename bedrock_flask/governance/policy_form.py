"""The form of a policy as it is set: the rules that there are, and the values that each takes."""

import re
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

from bedrock_flask.bedrock.model_ids import REGION
from bedrock_flask.governance.policy import PARAMETERS as MOST_OF_PARAMETERS
from bedrock_flask.governance.policy import parse_network
from bedrock_flask.governance.role_session import KEY_TAG, TEAM_TAG

# The longest text of metadata, and of its name.
_LONGEST = 256
_MOST_TOKENS = 999_999_999

Test = Callable[[str], object]


def _is_network(text: str) -> bool:
    try:
        parse_network(text)
    except ValueError:
        return False
    return True


_TAG = re.compile(r"[\w .:/=+@-]{1,128}", re.ASCII)


def _is_session_tag(name: str) -> bool:
    # AWS takes names that differ only in case for the same; those that begin with `aws:` are its own.
    lower = name.lower()
    return bool(_TAG.fullmatch(name)) and lower not in (TEAM_TAG, KEY_TAG) and not lower.startswith("aws:")


DIALECTS, METADATA, MOST_TOKENS, PARAMETERS = "dialects", "metadata", "most_tokens", "parameters"
ROLE, EXTERNAL_ID, SESSION_TAGS = "role", "external_id", "session_tags"
# The identity that AWS sees does not depend on the model that is called.
OF_CALLERS = (ROLE, EXTERNAL_ID, SESSION_TAGS)
# Rules whose value is a list, or a text: in words what each text of it is, and whether one is.
LISTS: Mapping[str, tuple[str, Test]] = MappingProxyType(
    {
        "models": ("a model's name or a pattern of names", re.compile(r"[\x21-\x7e]{1,2048}").fullmatch),
        DIALECTS: ("a dialect: a name of a page or module such as openai_chat", re.compile(r"[a-z_]{1,64}").fullmatch),
        "regions": ("a region", re.compile(REGION, re.ASCII).fullmatch),
        "geographies": ("a geography such as eu or global", re.compile(r"[a-z][a-z-]{1,15}").fullmatch),
        "networks": ("a network such as 10.0.0.0/8", _is_network),
        SESSION_TAGS: ("the name of a tag that a session may have beside `team` and `key`", _is_session_tag),
    }
)
TEXTS: Mapping[str, tuple[str, Test]] = MappingProxyType(
    {
        "guardrail": (
            "a guardrail: its id or ARN, and its version, as ID:VERSION",
            re.compile(r"[\x21-\x7e]+:[A-Z0-9]+").fullmatch,
        ),
        "tier": ("a service tier such as flex", re.compile(r"[a-z]{1,32}").fullmatch),
        ROLE: (
            "the ARN of a role such as arn:aws:iam::123456789012:role/acme",
            re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,576}", re.ASCII).fullmatch,
        ),
        EXTERNAL_ID: (
            "an external id: 2 to 1224 letters, digits and _+=,.@:/-",
            re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII).fullmatch,
        ),
    }
)
RULES = (*LISTS, MOST_TOKENS, *TEXTS, METADATA, PARAMETERS)


def find_policy_fault(policy: Mapping[str, Any], dialects: Collection[str]) -> str:
    """What is wrong with a policy that is to be set, in words; empty if nothing.

    `dialects` are the names that there are; without them any name passes.
    """
    faults = (fault for name, value in policy.items() if (fault := _find_fault(name, value, dialects)))
    return next(faults, "") or _find_roleless(policy)


def _find_roleless(policy: Mapping[str, Any]) -> str:
    """What is wrong with a policy that says something of a role and names none."""
    needless = [] if policy.get(ROLE) else [name for name in (EXTERNAL_ID, SESSION_TAGS) if policy.get(name)]
    return f"{needless[0]} says nothing without a role: set both in one policy" if needless else ""


def _find_fault(name: str, value: Any, dialects: Collection[str]) -> str:
    if name in LISTS:
        what, is_valid = LISTS[name]
        return _find_wrong_text(name, value, what, dialects.__contains__ if dialects and name == DIALECTS else is_valid)
    if name in TEXTS:
        what, is_valid = TEXTS[name]
        return "" if isinstance(value, str) and is_valid(value) else f"{_quote(value)} is not {what}"
    if name == MOST_TOKENS:
        return "" if _is_number(value) else f"{_quote(value)} is not a number of tokens"
    if name == METADATA:
        return _find_metadata_fault(value)
    if name == PARAMETERS:
        return _find_parameters_fault(value)
    return f"'{name[:100]}' is not a rule of a policy: {', '.join(RULES)}"


def _find_wrong_text(name: str, value: Any, what: str, is_valid: Test) -> str:
    if not isinstance(value, list):
        return f"{name} is a list"
    return next((f"{_quote(one)} is not {what}" for one in value if not isinstance(one, str) or not is_valid(one)), "")


def _find_metadata_fault(value: Any) -> str:
    if not isinstance(value, dict):
        return f"{METADATA} is an object of texts"
    for pair in value.items():
        if not all(isinstance(each, str) and 0 < len(each) <= _LONGEST and each.isprintable() for each in pair):
            return f"{_quote(pair[0])} is not metadata: NAME:VALUE, of up to {_LONGEST} characters each"
    return ""


def _find_parameters_fault(value: Any) -> str:
    if not isinstance(value, dict):
        return f"{PARAMETERS} is an object of numbers"
    for name, number in value.items():
        most = MOST_OF_PARAMETERS.get(name)
        if most is None:
            return f"{_quote(name)} is not a parameter: {', '.join(MOST_OF_PARAMETERS)}"
        if not isinstance(number, int | float) or isinstance(number, bool) or not 0 <= number <= most:
            return f"{_quote(number)} is not a {name} up to {most}"
    return ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MOST_TOKENS


def _quote(value: Any) -> str:
    return f"'{str(value)[:100]}'"
