"""The command line imports only the modules that a command needs."""

import re
import subprocess
import sys

import click
import pytest

from bedrock_flask.__main__ import COMMANDS, cli

HEAVY = {"apispec", "boto3", "botocore", "flask", "gunicorn", "h2", "jsonschema", "marshmallow"}


def list_imports(environ: dict[str, str], *arguments: str) -> set[str]:
    command = [sys.executable, "-X", "importtime", "-m", "bedrock_flask", *arguments]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"^import time:[^|]*\|[^|]*\|\s+(\S+)$", done.stderr, re.MULTILINE))


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (["--version"], set()),
        (["--help"], set()),
        (["aws-keys", "--help"], {"marshmallow"}),
        (["demo", "--help"], set()),
        (["doctor", "--help"], {"marshmallow"}),
        (["emulate", "--help"], HEAVY - {"boto3", "botocore", "jsonschema"}),
        (["fault", "--help"], {"flask", "marshmallow"}),
        (["models", "--offline"], {"marshmallow", "apispec"}),
        (["plugins"], {"marshmallow", "apispec"}),
        (["prices"], {"marshmallow", "apispec"}),
        (["serve", "--help"], {"marshmallow", "apispec"}),
    ],
)
def test_a_command_imports_only_the_libraries_that_it_needs(
    plain_environ: dict[str, str], arguments: list[str], needed: set[str]
) -> None:
    imported = list_imports(plain_environ, *arguments)
    assert "click" in imported
    assert imported & HEAVY <= needed


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_has_the_first_sentence_of_each(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command
    assert command.get_short_help_str(80) == COMMANDS[name]


def test_the_version_costs_few_imports(plain_environ: dict[str, str]) -> None:
    imported = list_imports(plain_environ, "--version")
    ours = {name.partition(".")[2].partition(".")[0] for name in imported if name.startswith("bedrock_flask")}
    assert ours <= {"", "bedrock", "errors"}
    assert len(imported) < 250
