"""The role session: the identity that AWS sees in the calls of a key, so that its bill can be split by callers.

Sources: AWS STS API reference, AssumeRole and Tag; IAM user guide, "Pass session tags in AWS STS".
"""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bedrock_flask.governance.policy import Policy

# The tags that every session has, by which the bill can be split; no tag of the caller replaces them.
TEAM_TAG, KEY_TAG = "team", "key"
_NAME_LENGTH, _VALUE_LENGTH, _MOST_TAGS = 64, 256, 50
_NOT_IN_NAMES = re.compile(r"[^\w+=,.@-]", re.ASCII)
_MARKS = frozenset("_.:/=+-@")


@dataclass(frozen=True, slots=True)
class RoleSession:
    """A role, and the session in which it is assumed for one key.

    role         the ARN of the role
    name         the name of the session, which names the key
    tags         the session's tags
    external_id  what the role's trust policy wants to be given; empty if nothing
    owner        whose policy prescribes the role: `team 'acme'`
    """

    role: str
    name: str
    tags: tuple[tuple[str, str], ...] = ()
    external_id: str = ""
    owner: str = field(default="", compare=False)


def find_session(policies: Sequence[Policy], key: str, team: str, tags: Mapping[str, str]) -> RoleSession | None:
    """The session in which a key's calls are made: of the outermost policy with a role; None if there is none."""
    policy = next((each for each in policies if each.role), None)
    if policy is None:
        return None
    named = [(TEAM_TAG, team), (KEY_TAG, key)]
    named += [(name, tags[name]) for name in policy.session_tags or () if name in tags]
    # AWS takes names that differ only in case for the same, and refuses two.
    chosen: dict[str, tuple[str, str]] = {}
    for name, value in named:
        chosen.setdefault(name.lower(), (name, write_tag_value(value)))
    return RoleSession(
        role=policy.role,
        name=name_session(key),
        tags=tuple(chosen.values())[:_MOST_TAGS],
        external_id=policy.external_id,
        owner=policy.owner,
    )


def name_session(key: str) -> str:
    """The name of a key's session, `NAME@TEAM`: of 2 to 64 letters, digits and `_+=,.@-`.

    A key whose name does not fit gets a digest of it, so that no two keys share a session.
    """
    team, _, name = key.partition("/")
    plain = f"{name}@{team}" if name else team
    written = _NOT_IN_NAMES.sub("-", plain)
    if written == plain and 2 <= len(written) <= _NAME_LENGTH:
        return written
    digest = hashlib.sha256(key.encode()).hexdigest()[:12]
    return f"{written[: _NAME_LENGTH - len(digest) - 1]}-{digest}"


def write_tag_value(text: str) -> str:
    """The value of a session tag: letters, digits and spaces of any script and `_.:/=+-@`, at most 256."""
    return "".join(each if _is_allowed(each) else "_" for each in text[:_VALUE_LENGTH])


def _is_allowed(character: str) -> bool:
    return character in _MARKS or unicodedata.category(character)[0] in "LZN"
