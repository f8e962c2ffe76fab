"""Tags: names and values that each call of a team or a key has in the ledger."""

import re
from collections.abc import Mapping
from typing import Any

_NAME = re.compile(r"[\w.:/-]{1,64}", re.ASCII)
_LONGEST = 256


def find_tags_fault(tags: Mapping[str, Any]) -> str:
    """What is wrong with tags that are to be set, in words; empty if nothing."""
    for name, value in tags.items():
        is_text = isinstance(value, str) and len(value) <= _LONGEST and (value.isprintable() or not value)
        if not _NAME.fullmatch(name) or not is_text:
            return f"'{name[:100]}' is not a tag: NAME=VALUE, with up to 64 and {_LONGEST} characters"
    return ""
