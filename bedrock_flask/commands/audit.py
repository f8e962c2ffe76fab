"""`bedrock-flask audit` shows who has changed which team or key."""

import json
import time

import click

from bedrock_flask.commands.database import read_database_settings, read_directory
from bedrock_flask.commands.options import format_time, parse_duration
from bedrock_flask.commands.output.table import format_table


@click.command()
@click.argument("name", metavar="[NAME]", default="")
@click.option("--who", default="", help="Only changes by this operator, as the list names them.")
@click.option("--action", default="", help="Only changes of this kind, such as `create key`.")
@click.option("--last", default="30d", show_default=True, help="The time to look back, such as 7d or 12h.")
@click.option("--most", type=click.IntRange(1), default=100, show_default=True, help="The most rows.")
@click.option("--json", "is_json", is_flag=True, help="Print each row as JSON, with what was before and after it.")
def audit(name: str, who: str, action: str, last: str, most: int, is_json: bool) -> None:
    """Show who has changed which team or key.

    The newest change is first. NAME is a team, a key (TEAM/NAME) or a secret (TEAM/NAME/ID); the keys of a team and
    their secrets are included.
    """
    since = int((time.time() - parse_duration(last)) * 1000)
    with read_directory(read_database_settings()) as directory:
        from bedrock_flask.governance.store.audit import AuditQuery, read_audit
        from bedrock_flask.governance.store.views import describe_audit

        query = AuditQuery(object=name, who=who, action=action, since=since, most=most)
        found = read_audit(directory.connection, query)
    if is_json:
        for row in found:
            click.echo(json.dumps(describe_audit(row)))
        return
    rows = [(format_time(row.at), row.who, row.action, row.object) for row in found]
    for line in format_table([("at", "who", "action", "object"), *rows]):
        click.echo(line)
