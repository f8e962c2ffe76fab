"""One value that satisfies a JSON Schema: what the scripted engine calls a tool with.

Known keywords: `$ref` within the schema, `const`, `enum`, `type`, `allOf`, `anyOf`, `oneOf`, the bounds of numbers,
strings, arrays and objects, `required`, `prefixItems`, `uniqueItems`, common formats and plain patterns. Others are
ignored. The same schema always gives the same value.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

# Deeper than this, a recursive schema takes its shortest way to an end.
_SOFT_DEPTH = 6
_MAX_DEPTH = 24
# How many more repetitions in a pattern are tried to reach `minLength`.
_MAX_REPEATS = 256

_FORMATS: Mapping[str, str] = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def make_sample(schema: Any) -> Any:
    """A value that satisfies the schema."""
    return _SampleMaker(schema).make(schema, "value")


class _SampleMaker:
    """Makes values for the parts of one schema, whose `$ref` point into it."""

    def __init__(self, root: Any) -> None:
        self.root = root

    def make(self, schema: Any, name: str, depth: int = 0, variant: int = 0) -> Any:
        """A value for a part of the schema; `variant` distinguishes the items of an array."""
        if depth > _MAX_DEPTH:
            return None
        whole = self._flatten(schema, depth)
        if "const" in whole:
            return whole["const"]
        if whole.get("enum"):
            return whole["enum"][variant % len(whole["enum"])]
        return _MAKERS[_find_type(whole)](self, whole, name, depth, variant)

    def _flatten(self, schema: Any, depth: int) -> dict[str, Any]:
        """The schema with its references resolved, its `allOf` merged and one branch of each choice taken."""
        whole = dict(schema) if isinstance(schema, Mapping) else {}
        for _ in range(_MAX_DEPTH):
            if "$ref" in whole:
                whole = _merge(self._resolve(whole.pop("$ref")), whole)
            elif "allOf" in whole:
                for part in whole.pop("allOf"):
                    whole = _merge(whole, self._flatten(part, depth + 1) if depth < _MAX_DEPTH else {})
            elif choice := next((kind for kind in ("anyOf", "oneOf") if whole.get(kind)), None):
                whole = _merge(whole, self._choose(whole.pop(choice), depth))
            else:
                break
        return whole

    def _choose(self, branches: list[Any], depth: int) -> dict[str, Any]:
        schemas = [branch for branch in branches if isinstance(branch, Mapping)] or [{}]
        suitable = [branch for branch in schemas if (branch.get("type") == "null") == (depth > _SOFT_DEPTH)]
        return self._flatten((suitable or schemas)[0], depth + 1) if depth < _MAX_DEPTH else {}

    def _resolve(self, reference: str) -> dict[str, Any]:
        found = self.root
        for step in reference.removeprefix("#").split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            found = found.get(key, {}) if isinstance(found, Mapping) else {}
        return dict(found) if isinstance(found, Mapping) else {}


def _merge(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    both = {key: _MERGES[key](left[key], right[key]) for key in left.keys() & right.keys() & _MERGES.keys()}
    return {**left, **right, **both}


_MERGES: Mapping[str, Callable[[Any, Any], Any]] = {
    "properties": lambda a, b: {**a, **b, **{name: {"allOf": [a[name], b[name]]} for name in a.keys() & b.keys()}},
    "required": lambda a, b: list(dict.fromkeys([*a, *b])),
    "enum": lambda a, b: [value for value in a if value in b],
    "allOf": lambda a, b: [*a, *b],
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
}

# The keywords that imply a type which the schema leaves out.
_IMPLIED_TYPES = (
    ("object", ("properties", "required", "additionalProperties", "minProperties")),
    ("array", ("items", "prefixItems", "minItems", "uniqueItems")),
    ("number", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
)


def _find_type(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    if kind in _MAKERS:
        return str(kind)
    return next((implied for implied, words in _IMPLIED_TYPES if any(word in schema for word in words)), "string")


def _make_object(maker: _SampleMaker, schema: Schema, name: str, depth: int, variant: int) -> dict[str, Any]:
    properties: Schema = schema.get("properties", {})
    # A schema that requires nothing gets all its properties, so that the call shows something.
    required = schema.get("required") or ([] if depth > 1 else list(properties))
    additional = schema.get("additionalProperties", True)
    spare = [each for each in properties if each not in required]
    spare += [f"extra{number}" for number in range(schema.get("minProperties", 0)) if additional is not False]
    names = [*required, *spare[: max(0, schema.get("minProperties", 0) - len(required))]]
    return {each: maker.make(properties.get(each, additional), each, depth + 1, variant) for each in names}


def _make_array(maker: _SampleMaker, schema: Schema, name: str, depth: int, variant: int) -> list[Any]:
    first: list[Any] = schema.get("prefixItems", [])
    least = schema.get("minItems", 0)
    size = max(least, len(first), 0 if depth > _SOFT_DEPTH else 1)
    size = max(least, min(size, schema.get("maxItems", size)))
    items = [first[i] if i < len(first) else schema.get("items", {}) for i in range(size)]
    distinct = schema.get("uniqueItems", False)
    values: list[Any] = []
    for index, item in enumerate(items):
        tries = (maker.make(item, name, depth + 1, shift) for shift in range(index, index + 100))
        values.append(next(value for value in tries if not distinct or not _is_among(value, values)))
    return values


def _is_among(value: Any, others: list[Any]) -> bool:
    return json.dumps(value, sort_keys=True) in [json.dumps(other, sort_keys=True) for other in others]


def _make_string(maker: _SampleMaker, schema: Schema, name: str, depth: int, variant: int) -> str:
    least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    if "pattern" in schema:
        fitting = (text for text in _generate_matches(schema["pattern"]) if least <= len(text) <= most)
        if (text := next(fitting, None)) is not None:
            return text
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    text = f"{name} {variant}" if variant else name or "text"
    while len(text) < least:
        text += f" {name}"[: least - len(text)]
    return text if len(text) <= most else text[len(text) - int(most) :] if most else ""


def _make_integer(maker: _SampleMaker, schema: Schema, name: str, depth: int, variant: int) -> int:
    low, high = _find_bounds(schema)
    # An exclusive bound is one whole step away.
    low = math.floor(low) + 1 if _is_exclusive(schema, "exclusiveMinimum", "minimum") else low
    high = math.ceil(high) - 1 if _is_exclusive(schema, "exclusiveMaximum", "maximum") else high
    step = schema.get("multipleOf", 1) or 1
    step = step if float(step).is_integer() else step * (10 ** len(str(step).partition(".")[2]))
    start = 1 if low <= 1 <= high else low if low > 1 else high
    number = math.ceil(start / step) * step if low > -math.inf else math.floor(start / step) * step
    if number > high:
        number = math.floor(high / step) * step
    number += variant * step
    return int(number if number <= high else number - variant * step)


def _make_number(maker: _SampleMaker, schema: Schema, name: str, depth: int, variant: int) -> float:
    low, high = _find_bounds(schema)
    if schema.get("multipleOf"):
        step = schema["multipleOf"]
        return float(step * max(1 + variant, math.ceil((low if low > -math.inf else 0) / step)))
    if _is_exclusive(schema, "exclusiveMinimum", "minimum") or _is_exclusive(schema, "exclusiveMaximum", "maximum"):
        inside = (low + high) / 2 if math.isfinite(low) and math.isfinite(high) else None
        inside = inside if inside is not None else low + 1 if math.isfinite(low) else high - 1
        return inside if not variant else inside + ((high if math.isfinite(high) else low + 9) - inside) / (variant + 1)
    start = 1.0 if low <= 1 <= high else float(low if low > 1 else high)
    moved = start + variant * 0.5
    return moved if moved <= high else max(low, start - variant * 0.5)


def _find_bounds(schema: Schema) -> tuple[float, float]:
    lows = [schema[word] for word in ("minimum", "exclusiveMinimum") if _is_number(schema.get(word))]
    highs = [schema[word] for word in ("maximum", "exclusiveMaximum") if _is_number(schema.get(word))]
    return max(lows, default=-math.inf), min(highs, default=math.inf)


def _is_exclusive(schema: Schema, exclusive: str, inclusive: str) -> bool:
    """Whether the tighter of two bounds is the exclusive one (also as the boolean of draft 4)."""
    bound: Any = schema.get(exclusive)
    closed: Any = schema.get(inclusive)
    if bound is True or not _is_number(bound):
        return bound is True
    return not _is_number(closed) or (bound >= closed if "Min" in exclusive else bound <= closed)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _make_boolean(maker: _SampleMaker, schema: Schema, name: str, depth: int, variant: int) -> bool:
    return variant % 2 == 0


def _make_null(maker: _SampleMaker, schema: Schema, name: str, depth: int, variant: int) -> None:
    return None


_MAKERS: Mapping[str, Callable[[_SampleMaker, Schema, str, int, int], Any]] = {
    "object": _make_object,
    "array": _make_array,
    "string": _make_string,
    "integer": _make_integer,
    "number": _make_number,
    "boolean": _make_boolean,
    "null": _make_null,
}


def _generate_matches(pattern: str) -> Iterator[str]:
    """Texts that match a plain pattern, each a little longer; none if the pattern cannot be read or written here."""
    try:
        # Python's only parser of patterns; this is its address in every version from 3.11 on.
        tree = list(re._parser.parse(pattern))  # type: ignore[attr-defined]
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return
    seen = ""
    for more in range(_MAX_REPEATS):
        text = "".join(_write_pattern(tree, more))
        if more and text == seen:
            return
        seen = text
        if compiled.search(text):
            yield text


def _write_pattern(tree: Any, more: int) -> Iterator[str]:
    for kind, argument in tree:
        write = _WRITERS.get(str(kind))
        yield write(argument, more) if write else ""


def _write_repeat(argument: Any, more: int) -> str:
    least, most, inner = argument
    return "".join(_write_pattern(inner, 0)) * min(int(most), int(least) + more)


def _write_set(argument: Any, more: int) -> str:
    if str(argument[0][0]) == "NEGATE":
        items = [(str(kind), inner) for kind, inner in argument[1:] if str(kind) != "CATEGORY"]
        ranges = [inner if kind == "RANGE" else (inner, inner) for kind, inner in items]
        return next((each for each in "aA1-_ é" if not any(low <= ord(each) <= high for low, high in ranges)), "")
    [kind, inner] = argument[0]
    return _WRITERS[str(kind)](inner, more) if str(kind) in _WRITERS else "a"


_CATEGORIES = {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " ", "CATEGORY_NOT_WORD": "-", "CATEGORY_NOT_DIGIT": "a"}
_WRITERS: Mapping[str, Callable[[Any, int], str]] = {
    "LITERAL": lambda argument, more: chr(argument),
    "NOT_LITERAL": lambda argument, more: "a" if argument != ord("a") else "b",
    "ANY": lambda argument, more: "a",
    "IN": _write_set,
    "RANGE": lambda argument, more: chr(argument[0]),
    "CATEGORY": lambda argument, more: _CATEGORIES.get(str(argument), "a"),
    "MAX_REPEAT": _write_repeat,
    "MIN_REPEAT": _write_repeat,
    "POSSESSIVE_REPEAT": _write_repeat,
    "SUBPATTERN": lambda argument, more: "".join(_write_pattern(argument[-1], more)),
    "BRANCH": lambda argument, more: "".join(_write_pattern(argument[1][0], more)),
}
