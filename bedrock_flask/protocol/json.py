"""Strict JSON (RFC 8259): what two parsers could read differently is rejected, with the path of the fault."""

import codecs
import json
import math
import re
from functools import partial
from typing import Any

import orjson

from bedrock_flask.protocol import long_strings
from bedrock_flask.protocol.json_path import describe_path

MAX_DIGITS = 4300  # the interpreter's default limit (sys.int_info)
MAX_WALK = 100_000
# Each object and array of a request costs some ten microseconds; a conversation of a million tokens has some thousands,
# and Anthropic's API takes 100,000 messages.
MAX_PARTS = 250_000
LARGE = 1_000_000  # bytes: a text of this size is mostly one long string; walking its value is faster than a search

_BLANK = re.compile(r"[ \t\n\r:]*")
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_FOREIGN_START = (
    (codecs.BOM_UTF8, "The body starts with a byte order mark"),
    (codecs.BOM_UTF16_LE, "The body is not UTF-8 but UTF-16 or UTF-32"),
    (codecs.BOM_UTF16_BE, "The body is not UTF-8 but UTF-16 or UTF-32"),
)


class MalformedJSON(ValueError):
    """The text is not strict JSON: `message` says why, `path` where (`messages[0].content`, "" for the whole)."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.message = message
        self.path = path


class TooManyParts(MalformedJSON):
    """The text has more objects and arrays than anybody works through."""


def parse(data: bytes, *, max_depth: int = 64) -> Any:
    """Parse a UTF-8 JSON text; raises MalformedJSON for anything lenient, ambiguous or too deep."""
    parse_text = partial(_parse, max_depth=max_depth)
    return long_strings.parse(data, parse_text) if len(data) > LARGE else parse_text(data)


def _parse(data: bytes, max_depth: int) -> Any:
    text = _decode(data, max_depth)
    try:
        value = STRICT.decode(text)
    except json.JSONDecodeError as error:
        raise _find_fault(text, max_depth, _describe_syntax_error(text, error), error.pos) from None
    except RecursionError:
        raise _find_fault(text, max_depth, _describe_depth(max_depth)) from None
    except ValueError as error:
        raise _find_fault(text, max_depth, str(error)) from None
    # The scanner checks neither depth nor lone surrogates. Only a text that may have them needs a walk over the value.
    if _may_be_too_deep(data, max_depth):
        if _is_deeper(value, max_depth):
            raise _find_fault(text, max_depth, _describe_depth(max_depth))
        if len(data) > MAX_PARTS and _has_more_parts(value, MAX_PARTS):
            raise TooManyParts(f"The body has more than {MAX_PARTS:,} objects and arrays")
    if _may_hold_surrogates(data) and not _is_unicode(value):
        raise _find_fault(text, max_depth, _LONE_SURROGATE)
    return value


def read(data: bytes) -> Any:
    """The value of a UTF-8 text that others have made, with all that JSON allows; ValueError, RecursionError."""
    return _read_slowly(data) if has_long_number(data) else sketch(data)


def sketch(data: bytes) -> Any:
    """The same value, in which an integer of more than 64 bits may be a float: good for a look at it."""
    try:
        return orjson.loads(data)
    except ValueError:
        # `json` may read it all the same: half of a surrogate pair, a number too large for a float.
        return _read_slowly(data)


def has_long_number(data: bytes) -> bool:
    """Whether a text may have an integer of more than 64 bits."""
    return _LONG_NUMBER in data.translate(_DIGITS)


def _read_slowly(data: bytes) -> Any:
    return json.loads(str(data, "utf-8"), parse_constant=_reject_constant)


# A text with its digits replaced by zeros, and everything else by something else, shows where a number may be long.
_DIGITS = bytes(ord("0") if ord("0") <= byte <= ord("9") else ord(" ") for byte in range(256))
_LONG_NUMBER = b"0" * 19


def write(document: Any) -> bytes:
    """The JSON text of a document that the gateway has made, as short as it can be.

    It is equal to what `json` writes, which writes all that orjson refuses (integers of more than 64 bits, a lone
    surrogate) or would change: a value that is not a number becomes null there.
    """
    try:
        text = orjson.dumps(document)
    except (TypeError, ValueError, RecursionError):
        return json.dumps(document, separators=(",", ":")).encode()
    is_suspect = _holds_null(document) if len(text) > LARGE else _may_hold_null(text)
    return json.dumps(document, separators=(",", ":")).encode() if is_suspect else text


def _holds_null(value: Any) -> bool:
    """Whether a value has a null, or a number that orjson writes as null."""
    left = [value]
    while left:
        item = left.pop()
        if item is None or (isinstance(item, float) and not math.isfinite(item)):
            return True
        if isinstance(item, dict):
            left += item.values()
        elif isinstance(item, (list, tuple)):
            left += item
    return False


def _may_hold_null(text: bytes) -> bool:
    """Whether a text without blanks may have a null; base64 has the word now and then, but not behind these signs."""
    position = text.find(b"null")
    while position > 0 and text[position - 1] not in b":,[":
        position = text.find(b"null", position + 4)
    return position >= 0


def _reject_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError(_TWICE)
    return members


def _parse_float(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ValueError("The number is too large")
    return value


def _parse_int(number: str) -> int:
    if len(number) > MAX_DIGITS and len(number.lstrip("-")) > MAX_DIGITS:
        raise ValueError(f"The integer has more than {MAX_DIGITS} digits")
    return int(number)


def _reject_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_TWICE = "The member is given twice"
_LONE_SURROGATE = "The text holds half of a surrogate pair"

# The standard library's C scanner. Its hooks raise plain ValueErrors, and `parse` then finds the path.
STRICT = json.JSONDecoder(
    object_pairs_hook=_reject_duplicates,
    parse_float=_parse_float,
    parse_int=_parse_int,
    parse_constant=_reject_constant,
)


def _decode(data: bytes, max_depth: int) -> str:
    for start, message in _FOREIGN_START:
        if data.startswith(start):
            raise MalformedJSON(message)
    if b"\0" in data[:4]:
        raise MalformedJSON("The body is not UTF-8 but UTF-16 or UTF-32")
    try:
        text = str(data, "utf-8")
    except UnicodeDecodeError as error:
        before = str(data[: error.start], "utf-8")
        raise _find_fault(before, max_depth, f"The body is not UTF-8 (byte {error.start})") from None
    if not text or text.isspace():
        raise MalformedJSON("The body is empty")
    return text


def _describe_syntax_error(text: str, error: json.JSONDecodeError) -> str:
    rest = "" if error.pos < len(text) else ": the body ends too early"
    return f"{error.msg} (line {error.lineno}, column {error.colno}){rest}"


def _describe_depth(max_depth: int) -> str:
    return f"The body is nested more than {max_depth} deep"


def _may_be_too_deep(data: bytes, depth: int) -> bool:
    return len(data) > LARGE or data.count(b"[") + data.count(b"{") > depth


def _may_hold_surrogates(data: bytes) -> bool:
    return len(data) > LARGE or _SURROGATE_ESCAPE.search(data) is not None


def _is_deeper(value: Any, depth: int) -> bool:
    level = [value] if isinstance(value, (dict, list)) else []
    while level and depth:
        depth -= 1
        level = [
            child
            for container in level
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, (dict, list))
        ]
    return bool(level)


def _has_more_parts(value: Any, limit: int) -> bool:
    """Whether a value has more objects and arrays."""
    left, number = [value] if isinstance(value, (dict, list)) else [], 0
    while left and number <= limit:
        item = left.pop()
        number += 1
        left += [
            child for child in (item.values() if isinstance(item, dict) else item) if isinstance(child, (dict, list))
        ]
    return number > limit


def _is_unicode(value: Any) -> bool:
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            if _has_lone_surrogate(item):
                return False
        elif isinstance(item, dict):
            left += item
            left += item.values()
        elif isinstance(item, list):
            left += item
    return True


def _has_lone_surrogate(text: str) -> bool:
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


class _Position:
    """The position of a walk over the text: one step for each open object or array."""

    def __init__(self, max_depth: int) -> None:
        self._max_depth = max_depth
        self._steps: list[str | int | None] = []  # None: in an object, before the next name
        self._names: list[set[str]] = []
        self.marks = {
            "{": self._open_object,
            "[": self._open_array,
            "}": self._close,
            "]": self._close,
            ",": self._next,
        }

    def path(self) -> str:
        return describe_path(step for step in self._steps if step is not None)

    def read(self, value: Any) -> None:
        """Process a name or a plain value; raises ValueError if it is at fault."""
        if isinstance(value, str) and _has_lone_surrogate(value):
            raise ValueError(_LONE_SURROGATE)
        if isinstance(value, str) and self._steps and self._steps[-1] is None:
            self._steps[-1] = value
            if value in self._names[-1]:
                raise ValueError(_TWICE)
            self._names[-1].add(value)

    def _open_object(self) -> None:
        self._open(None)

    def _open_array(self) -> None:
        self._open(0)

    def _open(self, first: int | None) -> None:
        if len(self._steps) == self._max_depth:
            raise ValueError(_describe_depth(self._max_depth))
        self._steps.append(first)
        self._names.append(set())

    def _close(self) -> None:
        self._steps.pop()
        self._names.pop()

    def _next(self) -> None:
        step = self._steps[-1]
        self._steps[-1] = step + 1 if isinstance(step, int) else None


def _find_fault(text: str, max_depth: int, known: str, end: int | None = None) -> MalformedJSON:
    """Find the first fault in the text; `known` is the fault that the scanner found, `end` where it stopped."""
    walk = _Position(max_depth)
    position, end = 0, len(text) if end is None else end
    # The walk is far slower than the scanner and only improves the message, so its length is limited.
    for _ in range(MAX_WALK):
        position = _skip_blank(text, position)
        if position >= end:
            return MalformedJSON(known, walk.path())
        try:
            if step := walk.marks.get(text[position]):
                step()
                position += 1
            else:
                value, position = STRICT.raw_decode(text, position)
                walk.read(value)
        except (json.JSONDecodeError, IndexError):  # text that the scanner never saw may close what it did not open
            return MalformedJSON(known, walk.path())
        except ValueError as error:
            return MalformedJSON(str(error), walk.path())
    return MalformedJSON(known)


def _skip_blank(text: str, position: int) -> int:
    blank = _BLANK.match(text, position)
    return blank.end() if blank else position
