"""Operators of the admin API as settings have them: a secret by name, kept as its digest, and what each may do."""

import re
from collections.abc import Iterable, Sequence

from bedrock_flask.config.keys import Keys, parse_keys
from bedrock_flask.config.server_secret import MIN_LENGTH

ADMIN, AUDITOR, OWNER = "admin", "auditor", "owner"
_ROLE = re.compile(rf"{ADMIN}|{AUDITOR}|{OWNER}@[\w.-]{{1,64}}", re.ASCII)


def parse_operators(pairs: Iterable[str]) -> Keys:
    """Parse `name:secret` pairs. Raises ValueError, whose message never contains a secret."""
    listed = list(pairs)
    # What has no colon may be a secret without a name: it is refused first, by its number.
    operators = parse_keys(listed)
    if short := [name for name, _, secret in (pair.partition(":") for pair in listed) if len(secret) < MIN_LENGTH]:
        raise ValueError(f"the secret of operator '{short[0]}' must have at least {MIN_LENGTH} characters")
    return operators


def parse_grants(pairs: Iterable[str]) -> tuple[str, ...]:
    """Check `name:role` pairs. Raises ValueError."""
    listed = tuple(pairs)
    for pair in listed:
        name, _, role = pair.rpartition(":")
        if not name or not is_role(role):
            raise ValueError(f"'{pair[:100]}' is not NAME:ROLE, with a role of {ADMIN}, {AUDITOR} or {OWNER}@TEAM")
    return listed


def is_role(text: str) -> bool:
    """Whether a text names a role: `admin`, `auditor` or `owner@TEAM`."""
    return _ROLE.fullmatch(text) is not None


def list_roles(name: str, grants: Sequence[str]) -> list[str]:
    """The roles that `name:role` pairs give a name."""
    return [role for each, _, role in (pair.rpartition(":") for pair in grants) if each == name]
