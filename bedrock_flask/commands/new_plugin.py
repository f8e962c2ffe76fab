"""`bedrock-flask new-plugin NAME` prints a working plugin to start from."""

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
@click.option("--kind", type=click.Choice(KINDS), default="chat", show_default=True, help="What the model produces.")
@click.option("--plugins-dir", envvar=f"{PREFIX}PLUGINS_DIR", help="Drop-in folder whose adapter names are taken too.")
def new_plugin(name: str, kind: str, plugins_dir: str | None) -> None:
    """Print a working plugin to start from.

    For example: bedrock-flask new-plugin rhyme > plugins/rhyme.py
    """
    if not _NAME.fullmatch(name):
        raise StartupError(
            f"'{name}' is not an adapter name: use up to 64 of a-z, 0-9, '-' and '_', beginning with a letter or digit"
        )
    # Broken plugins do not matter here, such as the file that the shell has just created for this output.
    taken = loading.load_registry(plugins_dir, lenient=True).sources
    if name in taken:
        raise StartupError(f"'{name}' is taken by an adapter from {taken[name]}")
    if name in WIRES:
        raise StartupError(f"'{name}' is taken by a wire format of that name")
    click.echo(render_plugin(name, kind), nl=False)


def render_plugin(name: str, kind: str) -> str:
    """The source of the plugin."""
    template = resources.files("bedrock_flask").joinpath("templates", "new_plugin", f"{kind}.py.txt")
    words = [word for word in re.split("[-_]", name) if word]
    # A class name must begin with a letter, and so must the part of a Bedrock id after the provider.
    identifier = name if name[0].isalpha() else f"model-{name}"
    return Template(template.read_text("utf-8")).substitute(
        name=name,
        id=identifier,
        title=" ".join(["Acme", *(word.capitalize() for word in words)]),
        Class="".join(word.capitalize() for word in re.split("[-_]", identifier)),
    )
