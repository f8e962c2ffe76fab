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

# Flask and pluggy call what these decorate.
ROUTES = [
    "@*.get",
    "@*.post",
    "@*.put",
    "@*.delete",
    "@*.route",
    "@*.before_request",
    "@*.after_request",
    "@*.errorhandler",
]
HOOKS = ["@*hookimpl", "@*hookspec"]

# The members of these classes, and of the classes derived from them, are names of a JSON object or of a tuple.
RECORDS = {"Schema", "TypedDict", "NamedTuple"}

# A pattern for path and name, and what uses it.
READ_ELSEWHERE = {
    "bedrock_flask/__main__.py:list_commands": "click",
    "bedrock_flask/__main__.py:get_command": "click",
    "bedrock_flask/commands/*": "bedrock_flask.__main__, which imports a command by its name",
    "bedrock_flask/config/settings.py:*_file": "Settings.from_env, which reads every row",
    "bedrock_flask/contract/__init__.py:faults_of": "the tests of other plugins (docs/reference/plugins.md)",
    "bedrock_flask/emulator/client.py:requests": "the tests of users (docs/reference/pytest.md)",
    "bedrock_flask/emulator/engines/smollm.py:try_out": "a process of the same module, by name",
    "bedrock_flask/emulator/server.py:load_config": "gunicorn",
    "bedrock_flask/gunicorn_conf.py:*": "gunicorn, which reads its configuration by name",
    "bedrock_flask/pytest_plugin/__init__.py:pytest_*": "pytest, which calls its hooks by name",
    "bedrock_flask/server/workers/*:Worker": "gunicorn, by the path in gunicorn_conf",
    "bedrock_flask/server/workers/gthread.py:_keepalive_after": "gunicorn's own worker",
    "bedrock_flask/server/workers/pace.py:getpeername": "gunicorn, which takes it for a socket",
    "bedrock_flask/transport/boto/deferred.py:length_remaining": "urllib3, which takes it for a response",
    "bedrock_flask/transport/boto/deferred.py:version_string": "urllib3, which takes it for a response",
    "bedrock_flask/transport/boto/deferred.py:retries": "urllib3, which takes it for a response",
    "bedrock_flask/transport/boto/deferred.py:get_redirect_location": "urllib3, which takes it for a response",
    # Methods of marshmallow's fields and schemas, and their parameters.
    "*:_serialize": "marshmallow",
    "*:_deserialize": "marshmallow",
    "*:handle_error": "marshmallow",
    "*:*error_messages": "marshmallow",
    "*:attr": "marshmallow",
    "*:many": "marshmallow",
}


class DeadCode(Vulture):
    """Vulture over the product, less what is read by name from outside."""

    def __init__(self) -> None:
        super().__init__(ignore_decorators=[*ROUTES, *HOOKS])
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
