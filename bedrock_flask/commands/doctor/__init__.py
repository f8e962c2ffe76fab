"""`bedrock-flask doctor`: checks, one after the other, whether this machine can call Bedrock."""

import os
import sys

import click

from bedrock_flask.commands.doctor.report import format_json, format_line, format_policy, has_failed
from bedrock_flask.config import settings


@click.command()
@click.option("--plugins-dir", help="Drop-in folder: each .py file in it is a plugin.")
@click.option("--models-file", help="TOML file with your own aliases.")
@click.option("--model", "names", multiple=True, help="Check only this model, by any name. Repeatable.")
@click.option("--call", is_flag=True, help="Call each model once, for one token where possible. This costs money.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 600),
    default=15.0,
    show_default=True,
    help="Maximum seconds for each finding.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(names: tuple[str, ...], call: bool, timeout: float, as_json: bool, **options: str | None) -> None:
    """Check whether this machine can call Bedrock.

    Checks the settings, plugins, models file, region, credentials, the roles of teams and keys, endpoint, clock and
    model access, in this order.
    Each line is ok, warn or FAIL, with a hint. A model that is neither an alias nor named by --model can only warn.
    If a permission is denied, ends with the missing IAM policy as JSON. Exits with 1 if any check fails. Changes
    nothing and prints no secret; only --call calls models.
    """
    # Importing boto3 takes longer than `--help` should.
    from bedrock_flask.commands.doctor.checks import CALL_CHECKS, CHECKS, Facts, run_checks

    facts = Facts(environ=settings.merge_options(os.environ, options), seconds=timeout, names=names)
    findings = []
    for finding in run_checks(facts, (*CHECKS, *(CALL_CHECKS if call else ()))):
        findings.append(finding)
        if not as_json:
            print(format_line(finding), flush=True)
    if as_json:
        print(format_json(findings))
    elif policy := format_policy(findings):
        print(policy)
    sys.stdout.flush()
    sys.exit(1 if has_failed(findings) else 0)
