"""Markdown for the generated pages: tables, and the members of a JSON Schema."""

import json
import re
from collections.abc import Iterable
from typing import Any

_MEMBERS = ("member", "required", "type", "meaning")
_LIMITS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "minLength": "length ≥ {}",
    "maxLength": "length ≤ {}",
    "minItems": "≥ {} items",
    "maxItems": "≤ {} items",
    "maxProperties": "≤ {} members",
}


def format_table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def format_members(schema: dict[str, Any]) -> str:
    """The members of an object as a table."""
    required = schema.get("required", ())
    rows = [
        (code(name), "yes" if name in required else "", _describe_type(member), escape(_describe_member(member)))
        for name, member in schema.get("properties", {}).items()
    ]
    more = "" if schema.get("additionalProperties") is False else "Other members pass unchanged.\n"
    return "\n".join(part for part in (format_table(_MEMBERS, rows) if rows else "", more) if part)


def code(text: str) -> str:
    """A text as code, in a table too."""
    return f"`{escape(text)}`"


def escape(text: str) -> str:
    """A text that does not end the cell of a table."""
    return text.replace("|", r"\|")


def _describe_member(member: dict[str, Any]) -> str:
    bounds = {"x-unverified-minimum": "Minimum", "x-unverified-maximum": "Maximum"}
    unverified = [f" {label}: {member[name]} (unverified)." for name, label in bounds.items() if name in member]
    return member.get("description", "") + "".join(unverified)


def _describe_type(schema: dict[str, Any]) -> str:
    """The type of a JSON Schema in words, with its limits; a part is a link."""
    if "$ref" in schema:
        part = schema["$ref"].rpartition("/")[2]
        return f"[{part.partition('.')[2]}](#{_make_anchor(part)})"
    if "allOf" in schema:
        return _describe_type(schema["allOf"][0])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(_describe_type, schema["anyOf"])))
    if "enum" in schema:
        return ", ".join(code(json.dumps(value)) for value in schema["enum"])
    if "properties" in schema:
        return " with ".join(
            ("object", ", ".join(f"{code(k)}: {_describe_type(v)}" for k, v in schema["properties"].items()))
        )
    inner = {"array": schema.get("items"), "object": schema.get("additionalProperties")}.get(schema.get("type", ""))
    of = f" of {_add_parentheses(_describe_type(inner))}" if isinstance(inner, dict) else ""
    return f"{schema.get('type', 'anything')}{of}{_describe_limits(schema)}"


def _add_parentheses(kind: str) -> str:
    return f"({kind})" if " or " in kind else kind


def _describe_limits(schema: dict[str, Any]) -> str:
    limits = [text.format(schema[name]) for name, text in _LIMITS.items() if name in schema]
    return f" ({', '.join(limits)})" if limits else ""


def _make_anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
