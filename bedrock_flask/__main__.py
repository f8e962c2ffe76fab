"""The command line, `bedrock-flask COMMAND`. Each command is a module of `commands/`, imported when it is needed."""

import importlib
import keyword
import sys
from typing import Any

import click

from bedrock_flask.errors import StartupError

# Each command with the first sentence of its own help, so that the list of them imports none.
COMMANDS = {
    "admin": "Serve the admin API: teams, keys, the audit log and what is spent.",
    "audit": "Show who has changed which team or key.",
    "aws-keys": "Print the AWS key pair of each API key.",
    "config": "Show every setting, its value and its source.",
    "db": "Migrate, copy or back up the database.",
    "demo": "Run the emulator and the gateway on this machine.",
    "doctor": "Check whether this machine can call Bedrock.",
    "emulate": "Serve Bedrock's own protocol, without AWS.",
    "fault": "Order faults for the next calls of an emulator.",
    "import": "Take over the models, teams and keys of LiteLLM.",
    "keys": "Create, list, limit, rotate and revoke keys of the database.",
    "models": "List the models that requests can name.",
    "new-plugin": "Print a working plugin to start from.",
    "plugins": "List the loaded plugins and their sources.",
    "prices": "List the known prices, and how many models have none.",
    "serve": "Start the gateway.",
    "teams": "Create, list, limit and revoke teams.",
    "usage": "Show who has used and spent how much.",
    "why": "Tell what became of a request.",
}


class LazyGroup(click.Group):
    """A group that imports a command when it is needed, because importing all of them takes a second."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command. The `.env` file is loaded first, because modules may read the environment on import."""
        if cmd_name not in COMMANDS:
            return None
        if ctx.obj is None:
            from bedrock_flask.config import env_file

            ctx.obj = env_file.load_env_file()
        return load_command(cmd_name)


def load_command(name: str) -> click.Command:
    """The command of a name, from the module of `commands/` that has it."""
    own = name.replace("-", "_")
    own = f"{own}_" if keyword.iskeyword(own) else own
    command: click.Command = getattr(importlib.import_module(f"bedrock_flask.commands.{own}"), own)
    return command


@click.group(cls=LazyGroup)
@click.version_option(package_name="bedrock-flask")
def cli() -> None:
    """A self-hosted gateway for Amazon Bedrock in which each model is a plugin."""


def main(**options: Any) -> None:
    """Run a command. An error in the configuration is reported on one line, with exit code 1."""
    try:
        cli(prog_name="bedrock-flask", **options)
    except StartupError as error:
        print(f"bedrock-flask: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
