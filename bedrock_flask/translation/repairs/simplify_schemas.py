"""Make the schemas of tools plain for a model that takes `type`, `properties` and `required` at their root alone.

References are replaced by what they refer to, because the definitions are at the root.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bedrock_flask.bedrock.json_schemas import ALONE, BY_NAME, IN_LIST
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.converse import Json, Request, is_blank, member
from bedrock_flask.protocol.json_path import parse_pointer
from bedrock_flask.translation.repairs.record import RepairResult
from bedrock_flask.translation.repairs.request_parts import replace_blocks, walk_blocks

_ROOT = ("type", "properties", "required")
# Members of a root that say nothing about the arguments.
_NOTES = frozenset({"$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "examples"})
_DEFINITIONS = ("$defs", "definitions")
# References that refer to each other twice at each step, or many to one large schema, would fill the memory, and a long
# row of them the stack.
_MAX_REFERENCES = 1000
_MAX_IN_A_ROW = 32
_MAX_COPIED = 20_000
_MAX_DEPTH = 100


def simplify_schemas(request: Request, capabilities: Capabilities) -> RepairResult:
    """Leave three members at the root of each tool's schema, without references; what is lost of it is reported.

    A reference that leads back to itself becomes a schema with the same type and nothing else.
    """
    if capabilities.tool_schemas != "plain":
        return RepairResult(request)
    replacements, reported = {}, []
    for path, block in walk_blocks(request):
        schema = member(block, "toolSpec", "inputSchema", "json")
        if not isinstance(schema, dict):
            continue
        spec, is_whole = _simplify(block["toolSpec"], schema)
        if spec != block["toolSpec"]:
            replacements[path] = [{**block, "toolSpec": spec}]
        if not is_whole:
            reported.append(f"{path}.toolSpec.inputSchema")
    return RepairResult(replace_blocks(request, replacements), tuple(reported))


@dataclass
class _References:
    """The schema that references point into, how many have been followed, what was copied, and what could not be."""

    root: Json
    number: int = 0
    copied: int = 0
    depth: int = 0
    lost: list[str] = field(default_factory=list)


def _simplify(spec: Json, schema: Json) -> tuple[Json, bool]:
    """The tool with a plain schema, and whether nothing of the schema is lost."""
    references = _References(schema)
    plain = {name: value for name, value in _inline(schema, references, ()).items() if name in _ROOT}
    described, about = spec.get("description"), schema.get("description")
    if not described and isinstance(about, str) and not is_blank(about):
        spec = {**spec, "description": about}
    is_whole = not references.lost and not schema.keys() - _NOTES - set(_ROOT)
    return {**spec, "inputSchema": {"json": plain}}, is_whole and about in (None, described, spec.get("description"))


def _inline(schema: Any, references: _References, followed: tuple[str, ...]) -> Any:
    """A schema without references and definitions."""
    if isinstance(schema, bool):
        return {} if schema else {"not": {}}
    if not isinstance(schema, dict):
        return schema
    references.depth += 1
    references.copied += bool(followed)
    try:
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return _follow(reference, {**schema}, references, followed)
        return dict(_inline_members(schema, references, followed))
    finally:
        references.depth -= 1


def _inline_members(schema: Json, references: _References, followed: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name, value in schema.items():
        if name in _DEFINITIONS:
            continue
        if name in BY_NAME and isinstance(value, dict):
            value = {each: _inline(inner, references, followed) for each, inner in value.items()}
        elif (name in IN_LIST or name == "items") and isinstance(value, list):
            value = [_inline(inner, references, followed) for inner in value]
        elif name in ALONE and isinstance(value, dict):
            value = _inline(value, references, followed)
        yield name, value


def _follow(reference: str, schema: Json, references: _References, followed: tuple[str, ...]) -> Any:
    """What a reference refers to, with the members that are beside it."""
    del schema["$ref"]
    target = _find_target(reference, references.root)
    references.number += 1
    too_many = (
        references.number > _MAX_REFERENCES
        or references.copied > _MAX_COPIED
        or references.depth > _MAX_DEPTH
        or len(followed) >= _MAX_IN_A_ROW
    )
    if too_many or reference in followed or not isinstance(target, dict):
        references.lost.append(reference)
        kind = target.get("type") if isinstance(target, dict) else None
        target = {"type": kind} if isinstance(kind, str) else {}
    return _inline({**target, **schema}, references, (*followed, reference))


def _find_target(reference: str, root: Json) -> Any:
    if reference == "#":
        return root
    target = member(root, *parse_pointer(reference)) if reference.startswith("#/") else None
    return {} if target is True else target
