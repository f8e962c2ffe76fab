"""A gateway with as many built-in families as a measurement wants: real ones first, then made-up ones."""

from collections.abc import Iterator
from pathlib import Path

from bedrock_flask.commands.new_plugin import KINDS, render_plugin
from bedrock_flask.models.loading import BUILT_IN

PLUGINS = Path(__file__).parents[2] / "plugins"
# The families that every package has: any id's, and those with the largest bodies.
_FIRST = ("converse", "claude", "nova")


def write_families(folder: Path, number: int) -> Path:
    """A folder for `PYTHONPATH` in which the package of the built-in families has so many of them."""
    package = folder / f"families-{number}" / BUILT_IN
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    real = [*_list_real()][:number]
    for path in real:
        (package / path.name).symlink_to(path)
    for index in range(number - len(real)):
        name = f"made-up-{index}"
        (package / f"made_up_{index}.py").write_text(render_plugin(name, KINDS[index % len(KINDS)]))
    return package.parent


def _list_real() -> Iterator[Path]:
    names = {path.stem: path for path in sorted(PLUGINS.iterdir()) if path.name[0] not in "_." and _is_plugin(path)}
    yield from (names.pop(name) for name in _FIRST)
    yield from names.values()


def _is_plugin(path: Path) -> bool:
    return path.suffix == ".py" or (path / "__init__.py").exists()
