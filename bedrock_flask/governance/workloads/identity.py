"""What a token stands for: the claims of a proven token, by the rules of its issuer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bedrock_flask.bedrock.model_ids import matches
from bedrock_flask.governance.principal import Principal
from bedrock_flask.governance.workloads.issuers_file import Issuer, Place

# A subject has at most 255 ASCII characters (OpenID Connect Core, section 2).
_NAME = re.compile(r"[!-~]{1,255}")
_MOST_TAG = 256


@dataclass(frozen=True)
class Identity:
    """Who shows a token.

    issuer   the issuer's name in the issuers file
    owner    the team, or the key `TEAM/NAME` of the database, whose rules hold
    key      the name of the caller: that key, or `TEAM/ISSUER:NAME`, which no key of the database can have
    tags     tags of its calls
    expires  milliseconds since 1970 from which on the token is not valid
    """

    issuer: str
    owner: str
    key: str
    tags: Mapping[str, str] = field(default_factory=dict)
    expires: int = 0


def find_identity(issuer: Issuer, claims: Mapping[str, Any], expires: int) -> Identity | None:
    """The identity by the first rule that matches the claims; None if none does, or the claims name nobody."""
    rule = next((rule for rule in issuer.rules if _fits(rule.claims, claims)), None)
    if rule is None:
        return None
    tags = {tag: text for tag, place in rule.tags.items() if (text := _format_tag(_find(claims, place)))}
    if rule.key:
        return Identity(issuer.id, rule.key, rule.key, tags, expires)
    name = _find(claims, rule.name)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return None
    return Identity(issuer.id, rule.team, f"{rule.team}/{issuer.id}:{name}", tags, expires)


def make_principal(identity: Identity, owner: Principal) -> Principal:
    """The caller with all rules of the team or key that it belongs to."""
    ends = [each for each in (owner.expires, identity.expires) if each is not None]
    return replace(
        owner,
        key=identity.key,
        secret=f"issuer:{identity.issuer}",
        tags={**owner.tags, **identity.tags},
        expires=min(ends),
    )


def _fits(expected: Any, value: Any) -> bool:
    """Whether a claim is what a rule expects; of a list, one element is enough."""
    if isinstance(expected, Mapping):
        return isinstance(value, Mapping) and all(_fits(each, value.get(name)) for name, each in expected.items())
    if isinstance(expected, list):
        return any(_fits(each, value) for each in expected)
    if isinstance(value, list):
        return any(_fits(expected, each) for each in value)
    if isinstance(expected, str):
        return isinstance(value, str) and matches(expected, value)
    # Python's `True == 1` and `1 == 1.0` are not JSON's.
    return type(value) is type(expected) and bool(value == expected)


def _find(claims: Mapping[str, Any], place: Place) -> Any:
    value: Any = claims
    for name in place:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _format_tag(value: Any) -> str:
    """A claim as a tag; empty for one that cannot be one."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value) if isinstance(value, str | int) else ""
    return text if len(text) <= _MOST_TAG and text.isprintable() else ""
