"""`bedrock-flask new-plugin NAME`: a plugin that works as it stands, to be made one's own."""

import re
from importlib import resources
from string import Template

import click

from bedrock_flask.config import PREFIX
from bedrock_flask.errors import StartupError
from bedrock_flask.models import loading
from bedrock_flask.wires import WIRES

KINDS = ("chat", "embed", "image")

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)


@click.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(KINDS), default="chat", show_default=True, help="What the model gives.")
@click.option("--plugins-dir", envvar=f"{PREFIX}PLUGINS_DIR", help="Drop-in folder whose names are taken, too.")
def new_plugin(name: str, kind: str, plugins_dir: str | None) -> None:
    """Print a plugin that works as it stands: `bedrock-flask new-plugin rhyme > plugins/rhyme.py`."""
    if not _NAME.fullmatch(name):
        raise StartupError(
            f"'{name}' is no name for an adapter: it begins with a-z or 0-9 and has a-z, 0-9, '-' and '_', at most 64"
        )
    # What is broken in the folder is no matter here, the file that is just being written least of all.
    taken = loading.load_registry(plugins_dir, lenient=True).sources
    if name in taken:
        raise StartupError(f"'{name}' is taken: an adapter of that name comes from {taken[name]}")
    if name in WIRES:
        raise StartupError(f"'{name}' is taken: a format of that name is known, and this would be another")
    click.echo(render_plugin(name, kind), nl=False)


def render_plugin(name: str, kind: str) -> str:
    """The text of the plugin."""
    template = resources.files("bedrock_flask").joinpath("templates", "new_plugin", f"{kind}.py.txt")
    words = [word for word in re.split("[-_]", name) if word]
    # The name of a class begins with a letter, and so does what follows the provider in a Bedrock id.
    lettered = name if name[0].isalpha() else f"model-{name}"
    return Template(template.read_text("utf-8")).substitute(
        name=name,
        id=lettered,
        title=" ".join(["Acme", *(word.capitalize() for word in words)]),
        Class="".join(word.capitalize() for word in re.split("[-_]", lettered)),
    )
