"""The command line: `bedrock-flask COMMAND`; each command is a file in `commands/`."""

import importlib
import pkgutil
import sys

import click

from bedrock_flask import commands, environment
from bedrock_flask.errors import StartupError


@click.group()
@click.version_option(package_name="bedrock-flask")
def cli() -> None:
    """A gateway for Amazon Bedrock in which a model is a plugin."""


def main() -> None:
    """Run a command; a fault in the configuration is one line and exit code 1."""
    try:
        # Before the commands are imported: what they import reads the environment too.
        from_file = environment.load()
        for module in pkgutil.iter_modules(commands.__path__):
            name = module.name
            cli.add_command(getattr(importlib.import_module(f"{commands.__name__}.{name}"), name))
        cli(prog_name="bedrock-flask", obj=from_file)
    except StartupError as error:
        print(f"bedrock-flask: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
