"""Find what nothing in the product uses. `make lint` runs this; a use in the tests does not count.

vulture finds names that are never read. It compares names only, so a second search looks for definitions whose name is
read, but always for another definition.
"""

import ast
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from vulture import Vulture

ROOT = Path(__file__).parents[2]
PRODUCT = ("bedrock_flask", "plugins", "wsgi.py")

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

# The members of these classes, and of those derived from them, are members of JSON objects or of tuples.
RECORDS = {"Schema", "TypedDict", "NamedTuple"}

# A pattern for path and name, and what uses it.
USED_ELSEWHERE = {
    "bedrock_flask/__main__.py:list_commands": "click",
    "bedrock_flask/__main__.py:get_command": "click",
    "bedrock_flask/bedrock_rules.py:RULES": "docs/generate.py, which writes the page of Bedrock's rules",
    "bedrock_flask/bedrock_rules.py:CONVERSE_RULES": "docs/generate.py, which writes the page of Bedrock's rules",
    "bedrock_flask/commands/*": "bedrock_flask.__main__, which imports a command by its name",
    "bedrock_flask/config/settings.py:*_file": "Settings.from_env, which reads every row",
    "bedrock_flask/contract/__init__.py:faults_of": "the tests of other plugins (docs/reference/plugins.md)",
    "bedrock_flask/dialects/*:DIALECT": "bedrock_flask.dialects, which loads every module of its folder",
    "bedrock_flask/__main__.py:format_commands": "click",
    "bedrock_flask/emulator/app.py:StartResponse": "annotations",
    "bedrock_flask/emulator/app.py:WSGIEnvironment": "annotations",
    "bedrock_flask/governance/store/migrations/versions/*": "Alembic",
    "bedrock_flask/governance/workloads/fetching.py:redirect_request": "urllib.request",
    "bedrock_flask/server/gunicorn_logger.py:*": "gunicorn, by the name in gunicorn_conf",
    "bedrock_flask/server/workers/lane.py:readinto": "io.BufferedReader",
    "bedrock_flask/places.py:count_free": "the tests of places",
    "bedrock_flask/transport/*/client.py:make_transport": "bedrock_flask.transport.choice, by its name",
    "bedrock_flask/transport/boto/deferred.py:_read_*": "http.client.HTTPResponse",
    "bedrock_flask/transport/signed/response.py:on_*": "httptools",
    "bedrock_flask/emulator/engines/smollm.py:write_one_token": "a process of the same module, by name",
    "bedrock_flask/server/application.py:load_config": "gunicorn",
    "bedrock_flask/fields/schema.py:check_names": "marshmallow, which calls its hooks",
    "bedrock_flask/gunicorn_conf.py:*": "gunicorn, which reads its configuration by name",
    "bedrock_flask/bedrock/surfaces.py:BEARER_ACTION": "the tests of the permissions",
    "bedrock_flask/transport/signed/account_lists.py:make_offer_reader": "bedrock_flask.transport.choice, by its name",
    "bedrock_flask/pytest_plugin/__init__.py:pytest_*": "pytest, which calls its hooks by name",
    "bedrock_flask/server/workers/*:Worker": "gunicorn, by the path in gunicorn_conf",
    "bedrock_flask/server/workers/gthread.py:_keepalive_after": "gunicorn's own worker",
    "bedrock_flask/server/workers/pace.py:getpeername": "gunicorn, which takes it for a socket",
    "bedrock_flask/transport/boto/deferred.py:length_remaining": "urllib3, which takes it for a response",
    "bedrock_flask/transport/boto/deferred.py:version_string": "urllib3, which takes it for a response",
    "bedrock_flask/transport/boto/deferred.py:retries": "urllib3, which takes it for a response",
    "bedrock_flask/transport/boto/deferred.py:get_redirect_location": "urllib3, which takes it for a response",
    "wsgi.py:app": "the WSGI server",
    # Methods of marshmallow's fields and schemas, and their parameters.
    "*:_serialize": "marshmallow",
    "*:*error_messages": "marshmallow",
}

# A file, a line, and what is unused there.
Finding = tuple[Path, int, str]


def read_product() -> dict[str, tuple[Path, ast.Module]]:
    """Return path and syntax tree of each module of the product."""
    paths = [path for name in PRODUCT for path in (sorted((ROOT / name).rglob("*.py")) or [ROOT / name])]
    return {module_name(path.relative_to(ROOT)): (path, ast.parse(path.read_text())) for path in paths}


def module_name(path: Path) -> str:
    """Return the name that the module of this path is imported by."""
    top, *rest = path.with_suffix("").parts
    return ".".join(["bedrock_flask_plugins" if top == "plugins" else top, *rest]).removesuffix(".__init__")


def find_unread_names(product: dict[str, tuple[Path, ast.Module]]) -> Iterator[Finding]:
    """Yield what vulture finds, except members of records, and attributes, which belong to other packages' objects."""
    vulture = Vulture(ignore_decorators=[*ROUTES, *HOOKS])
    vulture.scavenge([str(path) for path, _ in product.values()])
    members = set(find_record_members(product))
    for item in vulture.get_unused_code(min_confidence=60):
        if item.typ != "attribute" and (item.filename, item.first_lineno) not in members:
            yield item.filename, item.first_lineno, item.name


def find_record_members(product: dict[str, tuple[Path, ast.Module]]) -> Iterator[tuple[Path, int]]:
    """Yield file and line of each member of a record."""
    classes = [
        (path, node) for path, tree in product.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    ]
    bases = [(node.name, {ast.unparse(base).rpartition(".")[2] for base in node.bases}) for _, node in classes]
    records = set(RECORDS)
    while derived := {name for name, parents in bases if parents & records} - records:
        records |= derived
    for path, node in classes:
        if node.name in records:
            yield from ((path, member.lineno) for member in node.body)


def find_unused_definitions(product: dict[str, tuple[Path, ast.Module]]) -> Iterator[Finding]:
    """Yield each definition of a module that neither this module nor one that imports it uses."""
    used = {use for module in product for use in find_uses(module, product)}
    for module, (path, tree) in product.items():
        for name, node in find_definitions(tree):
            if (module, name) not in used and not name.startswith("__"):
                yield path, node.lineno, name


def find_definitions(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Yield the names that a module defines; a decorated function is used by what decorates it."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) or (isinstance(node, ast.FunctionDef) and not node.decorator_list):
            yield node.name, node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((target.id, node) for target in targets if isinstance(target, ast.Name))


def find_uses(module: str, product: dict[str, tuple[Path, ast.Module]]) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of each definition that a module uses or hands on."""
    tree = product[module][1]
    imported = find_imports(tree)
    for statement in tree.body:
        own = getattr(statement, "name", "")
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id != own:
                yield imported.get(node.id, (module, node.id))
            elif isinstance(node, ast.Attribute) and (source := imported.get(ast.unparse(node.value))):
                # A module may come through another one, as those of bodies/ come through bedrock_flask.plugin.
                while ".".join(source) not in product and source[0] in product:
                    source = find_imports(product[source[0]][1]).get(source[1], ("", ""))
                yield ".".join(source), node.attr
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield from ((node.module, alias.name) for alias in node.names)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield imported.get(node.value, (module, node.value))


def find_imports(tree: ast.Module) -> dict[str, tuple[str, str]]:
    """Return the module and the original name for each name that `from` imports."""
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def main() -> None:
    """Print each finding, and each row of the table that fits none; exit with 1 where there is one."""
    product = read_product()
    found = {
        f"{path.relative_to(ROOT)}:{name}": line
        for path, line, name in (*find_unread_names(product), *find_unused_definitions(product))
    }
    unused = [name for name in found if not any(fnmatch(name, pattern) for pattern in USED_ELSEWHERE)]
    stale = [pattern for pattern in USED_ELSEWHERE if not any(fnmatch(name, pattern) for name in found)]
    for name in sorted(unused):
        print(f"{name.rpartition(':')[0]}:{found[name]}: nothing uses {name.rpartition(':')[2]}")
    for pattern in stale:
        print(f"USED_ELSEWHERE: {pattern} is not among what nothing uses")
    sys.exit(bool(unused or stale))


if __name__ == "__main__":
    main()
