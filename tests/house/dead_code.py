"""Find what nothing in the product uses, with vulture. `make lint` runs this; a use in the tests does not count.

The tables below name what is used from outside, and by whose code.
"""

import ast
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from vulture import Vulture
from vulture.core import Item

ROOT = Path(__file__).parents[2]
PRODUCT = ("bedrock_flask", "plugins", "wsgi.py")

# 60 % is vulture's word for "no name like this is read anywhere"; 100 % for what cannot be reached.
LEAST_CONFIDENCE = 60

# What registers a function also calls it: Flask's routes and hooks, pluggy's hooks.
DECORATORS = ["@*.get", "@*.post", "@*.put", "@*.delete", "@*.route", "@*.errorhandler", "@*hookimpl", "@*hookspec"]

# The members of these classes, and of the classes derived from them, are names of a JSON object or of a tuple.
RECORDS = {"Schema", "TypedDict", "NamedTuple"}

# A pattern for path and name, and who reads the name.
READ_ELSEWHERE = {
    "bedrock_flask/__main__.py:list_commands": "click",
    "bedrock_flask/__main__.py:get_command": "click",
    "bedrock_flask/commands/*": "bedrock_flask.__main__ imports the module and reads the command by its name",
    "bedrock_flask/gunicorn_conf.py:*": "gunicorn reads its configuration by name",
    "bedrock_flask/pytest_plugin/__init__.py:pytest_*": "pytest calls its hooks by name",
    "bedrock_flask/server/workers/*:Worker": "gunicorn loads the class by the path in gunicorn_conf",
    "*:_serialize": "marshmallow",
    "*:_deserialize": "marshmallow",
    "bedrock_flask/fields.py:handle_error": "marshmallow",
    "bedrock_flask/fields.py:*error_messages": "marshmallow",
}


class DeadCode(Vulture):
    """Vulture over the product, less what is read by name from outside."""

    def __init__(self) -> None:
        super().__init__(ignore_decorators=DECORATORS)
        self.scavenge([str(ROOT / name) for name in PRODUCT])
        self.records = set(find_record_members())

    def find(self) -> Iterator[Item]:
        """Yield each unused item that has no reader elsewhere."""
        for item in self.get_unused_code(min_confidence=LEAST_CONFIDENCE):
            path = item.filename.relative_to(ROOT)
            known = any(fnmatch(f"{path}:{item.name}", pattern) for pattern in READ_ELSEWHERE)
            if not known and (str(path), item.first_lineno) not in self.records and item.typ != "attribute":
                yield item


def find_record_members() -> Iterator[tuple[str, int]]:
    """Yield path and line of each member of a record."""
    classes = [
        (str(path.relative_to(ROOT)), node)
        for name in PRODUCT
        for path in (sorted((ROOT / name).rglob("*.py")) or [ROOT / name])
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    ]
    records = set(RECORDS)
    while new := {node.name for _, node in classes if records & {*map(name_of, node.bases)}} - records:
        records |= new
    for path, node in classes:
        if node.name in records:
            yield from ((path, each.lineno) for each in node.body if isinstance(each, ast.Assign | ast.AnnAssign))


def name_of(base: ast.expr) -> str:
    """The last part of a base class's name."""
    return base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")


if __name__ == "__main__":
    found = list(DeadCode().find())
    for item in found:
        print(f"{item.filename.relative_to(ROOT)}:{item.first_lineno}: unused {item.typ} {item.name!r}")
    sys.exit(bool(found))
