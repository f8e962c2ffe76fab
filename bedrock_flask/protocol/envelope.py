"""The envelope of a JSON object: its top-level members are found, cut and spliced as text, never re-serialised."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise

from bedrock_flask.protocol.json import STRICT

_BLANK = re.compile(r"[ \t\n\r]*")
_MARKS = {mark: re.compile(rf"[ \t\n\r]*{re.escape(mark)}[ \t\n\r]*") for mark in "{:,"}


# Not frozen: there is one for each member, and to make a frozen one takes three times as long.
@dataclass(slots=True)
class Member:
    """One top-level member as positions in the text: name from `start`, value from `value_start` to `end`."""

    name: str
    start: int
    value_start: int
    end: int


def find_members(text: str) -> dict[str, Member]:
    """Find the top-level members by decoded name; raises ValueError if the text is not a strict JSON object.

    Use it on text that `protocol.json.parse` accepted: depth and lone surrogates are checked there only.
    """
    try:
        return _find_members(text)
    except RecursionError:
        raise ValueError("The text is nested too deeply") from None


def extract_member(text: str, name: str) -> str:
    """The source text of one member's value, digits and escapes as written; KeyError if there is no such member."""
    member = find_members(text)[name]
    return text[member.value_start : member.end]


def splice(text: str, take_out: Collection[str], put_in: Mapping[str, str]) -> str:
    """The object without some members and with others, whose values are JSON text; no other character changes.

    A member that is put in replaces one of that name in its place, taken out or not; a new one comes first.
    """
    found = find_members(text)
    kept = [member for name, member in found.items() if name in put_in or name not in take_out]
    if len(kept) == len(found) and not put_in:
        return text
    opening, gaps, closing = _split_rest(text, list(found.values()))
    new = [f"{json.dumps(name)}:{value}" for name, value in put_in.items() if name not in found]
    old = [piece for member in kept for piece in (gaps[member.name], _member_text(text, member, put_in))][1:]
    return opening + ",".join([*new, "".join(old)] if old else new) + closing


def _find_members(text: str) -> dict[str, Member]:
    found: dict[str, Member] = {}
    position = _pass(text, 0, "{")
    closed = text.startswith("}", position)
    while not closed:
        member = _read_member(text, position)
        if member.name in found:
            raise ValueError(f"The member at character {position} is given twice")
        found[member.name] = member
        position = _skip(text, member.end)
        closed = text.startswith("}", position)
        if not closed:
            position = _pass(text, position, ",")
    if _skip(text, position + 1) != len(text):
        raise ValueError(f"There is text after the object, at character {position + 1}")
    return found


def _read_member(text: str, start: int) -> Member:
    if not text.startswith('"', start):
        raise ValueError(f'There is no " at character {start}')
    name, end = STRICT.raw_decode(text, start)
    value_start = _pass(text, end, ":")
    _, end = STRICT.raw_decode(text, value_start)
    return Member(name, start, value_start, end)


def _pass(text: str, position: int, mark: str) -> int:
    """The position behind a mark and the blanks around it."""
    found = _MARKS[mark].match(text, position)
    if found is None:
        raise ValueError(f"There is no {mark} at character {_skip(text, position)}")
    return found.end()


def _skip(text: str, position: int) -> int:
    blank = _BLANK.match(text, position)
    return blank.end() if blank else position


def _member_text(text: str, member: Member, put_in: Mapping[str, str]) -> str:
    if member.name in put_in:
        return text[member.start : member.value_start] + put_in[member.name]
    return text[member.start : member.end]


def _split_rest(text: str, found: list[Member]) -> tuple[str, dict[str, str], str]:
    """The text between members: up to the first, before each other one (a comma and blanks), after the last."""
    if not found:
        opened = text.index("{") + 1
        return text[:opened], {}, text[opened:]
    # A gap belongs to the member after it and leaves with it, so that the commas are right whichever members stay.
    gaps = {after.name: text[before.end : after.start] for before, after in pairwise(found)}
    return text[: found[0].start], {found[0].name: "", **gaps}, text[found[-1].end :]
