"""One value that satisfies a JSON Schema: what the scripted engine calls a tool with.

Known keywords: `$ref` within the schema, `const`, `enum`, `type`, `allOf`, `anyOf`, `oneOf`, the bounds of numbers,
strings, arrays and objects, `required`, `prefixItems`, `uniqueItems`, common formats and plain patterns. Others are
passed over. The same schema always gives the same value.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

# Deeper than this a recursive schema is led to its shortest end.
_DEEP = 6
_DEEPEST = 24
# How far one more repetition in a pattern is tried to reach `minLength`.
_LONGEST_PATTERN = 256

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


def sample(schema: Any) -> Any:
    """A value that satisfies the schema."""
    return _Maker(schema).make(schema, "value")


class _Maker:
    """The schema as a whole, to which its `$ref` point."""

    def __init__(self, root: Any) -> None:
        self.root = root

    def make(self, schema: Any, name: str, depth: int = 0, variant: int = 0) -> Any:
        """A value for a part of the schema; `variant` tells apart the items of an array."""
        if depth > _DEEPEST:
            return None
        whole = self._flat(schema, depth)
        if "const" in whole:
            return whole["const"]
        if whole.get("enum"):
            return whole["enum"][variant % len(whole["enum"])]
        return _MAKERS[_type(whole)](self, whole, name, depth, variant)

    def _flat(self, schema: Any, depth: int) -> dict[str, Any]:
        """The schema with its references resolved, its `allOf` merged and one branch of each choice taken."""
        whole = dict(schema) if isinstance(schema, Mapping) else {}
        for _ in range(_DEEPEST):
            if "$ref" in whole:
                whole = _merged(self._resolved(whole.pop("$ref")), whole)
            elif "allOf" in whole:
                for part in whole.pop("allOf"):
                    whole = _merged(whole, self._flat(part, depth + 1) if depth < _DEEPEST else {})
            elif choice := next((kind for kind in ("anyOf", "oneOf") if whole.get(kind)), None):
                whole = _merged(whole, self._chosen(whole.pop(choice), depth))
            else:
                break
        return whole

    def _chosen(self, branches: list[Any], depth: int) -> dict[str, Any]:
        plain = [branch for branch in branches if isinstance(branch, Mapping)] or [{}]
        wanted = [branch for branch in plain if (branch.get("type") == "null") == (depth > _DEEP)]
        return self._flat((wanted or plain)[0], depth + 1) if depth < _DEEPEST else {}

    def _resolved(self, reference: str) -> dict[str, Any]:
        found = self.root
        for step in reference.removeprefix("#").split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            found = found.get(key, {}) if isinstance(found, Mapping) else {}
        return dict(found) if isinstance(found, Mapping) else {}


def _merged(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
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

# The keywords that give away a type that is not said.
_TELLTALES = (
    ("object", ("properties", "required", "additionalProperties", "minProperties")),
    ("array", ("items", "prefixItems", "minItems", "uniqueItems")),
    ("number", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
)


def _type(schema: Schema) -> str:
    said = schema.get("type")
    if isinstance(said, list):
        said = next((kind for kind in said if kind != "null"), "null")
    if said in _MAKERS:
        return str(said)
    return next((kind for kind, words in _TELLTALES if any(word in schema for word in words)), "string")


def _object(maker: _Maker, schema: Schema, name: str, depth: int, variant: int) -> dict[str, Any]:
    properties: Schema = schema.get("properties", {})
    # A schema that requires nothing gets all it names, so that a call is worth looking at.
    wanted = schema.get("required") or ([] if depth > 1 else list(properties))
    free = schema.get("additionalProperties", True)
    spare = [each for each in properties if each not in wanted]
    spare += [f"extra{number}" for number in range(schema.get("minProperties", 0)) if free is not False]
    names = [*wanted, *spare[: max(0, schema.get("minProperties", 0) - len(wanted))]]
    return {each: maker.make(properties.get(each, free), each, depth + 1, variant) for each in names}


def _array(maker: _Maker, schema: Schema, name: str, depth: int, variant: int) -> list[Any]:
    first: list[Any] = schema.get("prefixItems", [])
    least = schema.get("minItems", 0)
    size = max(least, len(first), 0 if depth > _DEEP else 1)
    size = max(least, min(size, schema.get("maxItems", size)))
    items = [first[i] if i < len(first) else schema.get("items", {}) for i in range(size)]
    distinct = schema.get("uniqueItems", False)
    made: list[Any] = []
    for index, item in enumerate(items):
        tries = (maker.make(item, name, depth + 1, shift) for shift in range(index, index + 100))
        made.append(next(value for value in tries if not distinct or not _among(value, made)))
    return made


def _among(value: Any, others: list[Any]) -> bool:
    return json.dumps(value, sort_keys=True) in [json.dumps(other, sort_keys=True) for other in others]


def _string(maker: _Maker, schema: Schema, name: str, depth: int, variant: int) -> str:
    least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    if "pattern" in schema:
        fitting = (text for text in _matching(schema["pattern"]) if least <= len(text) <= most)
        if (text := next(fitting, None)) is not None:
            return text
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    text = f"{name} {variant}" if variant else name or "text"
    while len(text) < least:
        text += f" {name}"[: least - len(text)]
    return text if len(text) <= most else text[len(text) - int(most) :] if most else ""


def _integer(maker: _Maker, schema: Schema, name: str, depth: int, variant: int) -> int:
    low, high = _bounds(schema)
    # An exclusive bound is one whole step away.
    low = math.floor(low) + 1 if _is_open(schema, "exclusiveMinimum", "minimum") else low
    high = math.ceil(high) - 1 if _is_open(schema, "exclusiveMaximum", "maximum") else high
    step = schema.get("multipleOf", 1) or 1
    step = step if float(step).is_integer() else step * (10 ** len(str(step).partition(".")[2]))
    start = 1 if low <= 1 <= high else low if low > 1 else high
    number = math.ceil(start / step) * step if low > -math.inf else math.floor(start / step) * step
    if number > high:
        number = math.floor(high / step) * step
    number += variant * step
    return int(number if number <= high else number - variant * step)


def _number(maker: _Maker, schema: Schema, name: str, depth: int, variant: int) -> float:
    low, high = _bounds(schema)
    if schema.get("multipleOf"):
        step = schema["multipleOf"]
        return float(step * max(1 + variant, math.ceil((low if low > -math.inf else 0) / step)))
    if _is_open(schema, "exclusiveMinimum", "minimum") or _is_open(schema, "exclusiveMaximum", "maximum"):
        inside = (low + high) / 2 if math.isfinite(low) and math.isfinite(high) else None
        inside = inside if inside is not None else low + 1 if math.isfinite(low) else high - 1
        return inside if not variant else inside + ((high if math.isfinite(high) else low + 9) - inside) / (variant + 1)
    start = 1.0 if low <= 1 <= high else float(low if low > 1 else high)
    moved = start + variant * 0.5
    return moved if moved <= high else max(low, start - variant * 0.5)


def _bounds(schema: Schema) -> tuple[float, float]:
    lows = [schema[word] for word in ("minimum", "exclusiveMinimum") if _is_number(schema.get(word))]
    highs = [schema[word] for word in ("maximum", "exclusiveMaximum") if _is_number(schema.get(word))]
    return max(lows, default=-math.inf), min(highs, default=math.inf)


def _is_open(schema: Schema, exclusive: str, inclusive: str) -> bool:
    """Whether the tighter of two bounds is the exclusive one (also in the spelling of draft 4, a boolean)."""
    bound: Any = schema.get(exclusive)
    closed: Any = schema.get(inclusive)
    if bound is True or not _is_number(bound):
        return bound is True
    return not _is_number(closed) or (bound >= closed if "Min" in exclusive else bound <= closed)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _boolean(maker: _Maker, schema: Schema, name: str, depth: int, variant: int) -> bool:
    return variant % 2 == 0


def _null(maker: _Maker, schema: Schema, name: str, depth: int, variant: int) -> None:
    return None


_MAKERS: Mapping[str, Callable[[_Maker, Schema, str, int, int], Any]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "null": _null,
}


def _matching(pattern: str) -> Iterator[str]:
    """Texts that match a plain pattern, each a little longer; none for what Python cannot read or this cannot write."""
    try:
        # The one parser of patterns that Python has; it is reached so in every version from 3.11 on.
        tree = list(re._parser.parse(pattern))  # type: ignore[attr-defined]
        found = re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return
    seen = ""
    for more in range(_LONGEST_PATTERN):
        text = "".join(_written(tree, more))
        if more and text == seen:
            return
        seen = text
        if found.search(text):
            yield text


def _written(tree: Any, more: int) -> Iterator[str]:
    for kind, told in tree:
        write = _WRITERS.get(str(kind))
        yield write(told, more) if write else ""


def _repeated(told: Any, more: int) -> str:
    least, most, inner = told
    return "".join(_written(inner, 0)) * min(int(most), int(least) + more)


def _one_of(told: Any, more: int) -> str:
    if str(told[0][0]) == "NEGATE":
        listed = [(str(kind), inner) for kind, inner in told[1:] if str(kind) != "CATEGORY"]
        ranges = [inner if kind == "RANGE" else (inner, inner) for kind, inner in listed]
        return next((each for each in "aA1-_ é" if not any(low <= ord(each) <= high for low, high in ranges)), "")
    [kind, inner] = told[0]
    return _WRITERS[str(kind)](inner, more) if str(kind) in _WRITERS else "a"


_CATEGORIES = {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " ", "CATEGORY_NOT_WORD": "-", "CATEGORY_NOT_DIGIT": "a"}
_WRITERS: Mapping[str, Callable[[Any, int], str]] = {
    "LITERAL": lambda told, more: chr(told),
    "NOT_LITERAL": lambda told, more: "a" if told != ord("a") else "b",
    "ANY": lambda told, more: "a",
    "IN": _one_of,
    "RANGE": lambda told, more: chr(told[0]),
    "CATEGORY": lambda told, more: _CATEGORIES.get(str(told), "a"),
    "MAX_REPEAT": _repeated,
    "MIN_REPEAT": _repeated,
    "POSSESSIVE_REPEAT": _repeated,
    "SUBPATTERN": lambda told, more: "".join(_written(told[-1], more)),
    "BRANCH": lambda told, more: "".join(_written(told[1][0], more)),
}
