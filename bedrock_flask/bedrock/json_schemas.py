"""What Bedrock takes of JSON Schema where it guarantees that an answer, or the input of a strict tool, fits a schema.

Sources: "Get validated JSON results from models" (AWS user guide), supported and unsupported features; Anthropic's
"Structured outputs", which has the limits of a request. Bedrock's words: BerriAI/litellm#29168, AgentToolkit/altk-boost
#118, future-agi/future-agi#412, egonSchiele/agency-lang#487; those for formats, `oneOf` and external references are not
known.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

# The steps to a value in a document.
Path = tuple[str | int, ...]

FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"},
)
# The values of `minItems` that Bedrock takes.
MIN_ITEMS = (0, 1)
# The limits of one request, over the schema of the answer and those of all strict tools.
MAX_STRICT_TOOLS, MAX_OPTIONAL, MAX_UNIONS = 20, 24, 16

# The names of properties that Claude takes at the root of a tool's schema.
PROPERTY_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,64}")

# Keywords whose value is an object of schemas, a list of schemas, or a schema.
BY_NAME = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
IN_LIST = ("anyOf", "oneOf", "allOf", "prefixItems")
ALONE = ("items", "additionalProperties", "additionalItems", "not", "if", "then", "else", "contains", "propertyNames")

_NUMBER = ("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf")
# The bounds of each type that Bedrock refuses.
_BOUNDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"integer": _NUMBER, "number": _NUMBER, "string": ("maxLength", "minLength"), "array": ("maxItems",)}
)


def walk_schemas(schema: Any, path: Path = ()) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """A schema and every schema in it, each with its path."""
    if not isinstance(schema, Mapping):
        return
    yield path, schema
    for keyword, value in schema.items():
        if keyword in BY_NAME and isinstance(value, Mapping):
            for name, inner in value.items():
                yield from walk_schemas(inner, (*path, keyword, name))
        elif isinstance(value, list) and (keyword in IN_LIST or keyword == "items"):
            for index, inner in enumerate(value):
                yield from walk_schemas(inner, (*path, keyword, index))
        elif keyword in ALONE:
            yield from walk_schemas(value, (*path, keyword))


def is_object(schema: Mapping[str, Any]) -> bool:
    """Whether a schema describes an object."""
    kind = schema.get("type")
    return kind == "object" or "properties" in schema or (isinstance(kind, list) and "object" in kind)


def resolve(root: Any, reference: str) -> Any:
    """What a reference within the schema points to, or None."""
    found = root
    for step in reference.removeprefix("#").split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def find_cycle(root: Any) -> Path | None:
    """The path of a reference that leads back to itself, or None."""
    places: dict[str, Path] = {}
    for path, schema in walk_schemas(root):
        if isinstance(reference := schema.get("$ref"), str):
            places.setdefault(reference, (*path, "$ref"))
    targets = {each: resolve(root, each) if each.startswith("#") else None for each in places}
    # Many references may lead to one place, which is read once and counts once. Where the first of them is:
    first: dict[int, Path] = {}
    leads_to: dict[int, tuple[int, ...]] = {}
    for reference, target in targets.items():
        place = id(target)
        first.setdefault(place, places[reference])
        if place not in leads_to:
            inside = (each["$ref"] for _, each in walk_schemas(target) if isinstance(each.get("$ref"), str))
            leads_to[place] = tuple(dict.fromkeys(id(targets[each]) for each in inside if each in targets))
    return next((first[place] for place in _find_cyclic(leads_to)), None)


def _find_cyclic(leads_to: Mapping[int, tuple[int, ...]]) -> Iterator[int]:
    """A place of each cycle, found by one walk along all of them."""
    finished: set[int] = set()
    for start in leads_to:
        way = {start: iter(leads_to[start])} if start not in finished else {}
        while way:
            reference = next(reversed(way))
            following = next(way[reference], None)
            if following is None:
                finished.add(reference)
                del way[reference]
            elif following in way:
                yield following
            elif following not in finished:
                way[following] = iter(leads_to.get(following, ()))


def count_optional(schema: Any) -> int:
    """The number of properties that need not be there."""
    return sum(
        len(set(each["properties"]) - {name for name in each.get("required") or () if isinstance(name, str)})
        for _, each in walk_schemas(schema)
        if isinstance(each.get("properties"), Mapping)
    )


def count_unions(schema: Any) -> int:
    """The number of unions: `anyOf`, and lists of types."""
    return sum("anyOf" in each or isinstance(each.get("type"), list) for _, each in walk_schemas(schema))


def describe_refusals(schema: Any, *, is_closed: bool = True) -> Iterator[str]:
    """What Bedrock refuses of a schema, in its words; with `is_closed` each object must say that it is closed."""
    if find_cycle(schema) is not None:
        yield (
            "Circular reference detected in schema definitions. Self-referencing or mutually-referencing definitions "
            "are not supported."
        )
    for _, each in walk_schemas(schema):
        if is_closed or "additionalProperties" in each:
            yield from _check_closed(each)
        for check in _CHECKS:
            yield from check(each)


def _check_closed(schema: Mapping[str, Any]) -> Iterator[str]:
    if is_object(schema) and schema.get("additionalProperties") is not False:
        yield "For 'object' type, 'additionalProperties' must be explicitly set to false"


def _check_bounds(schema: Mapping[str, Any]) -> Iterator[str]:
    kinds = schema.get("type")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if refused := [name for name in _BOUNDS.get(str(kind), ()) if name in schema]:
            names = f"properties {', '.join(refused)} are" if len(refused) > 1 else f"property '{refused[0]}' is"
            yield f"For '{kind}' type, {names} not supported"
        if kind == "array" and schema.get("minItems", 0) not in MIN_ITEMS:
            yield "For 'array' type, 'minItems' values other than 0 or 1 are not supported"


def _check_format(schema: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(schema.get("format"), str) and schema["format"] not in FORMATS:
        yield f"String format '{schema['format']}' is not supported"


def _check_reference(schema: Mapping[str, Any]) -> Iterator[str]:
    reference = schema.get("$ref")
    if isinstance(reference, str) and not reference.startswith("#"):
        yield f"External $ref '{reference}' is not supported"


def _check_unions(schema: Mapping[str, Any]) -> Iterator[str]:
    if "oneOf" in schema:
        yield "Schema type 'oneOf' is not supported"


_CHECKS: tuple[Callable[[Mapping[str, Any]], Iterator[str]], ...] = (
    _check_bounds,
    _check_format,
    _check_reference,
    _check_unions,
)
