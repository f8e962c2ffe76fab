"""Write the reference pages that are made from the code: `make docs`. tests/house/test_docs.py holds them to it."""

from dataclasses import MISSING, fields
from pathlib import Path

from bedrock_flask.errors import BEDROCK, CallerError, GatewayError, Refused, StartupError, UpstreamError
from bedrock_flask.settings import ENV_FILE, PREFIX, Settings

HERE = Path(__file__).parent


def settings() -> str:
    """Every setting, its default and what it means."""
    rows = [
        (f"`{PREFIX}{row.name.upper()}`", _default(row.default), row.metadata["told"])
        for row in fields(Settings)
        if row.default is not MISSING
    ]
    rows.append((f"`{ENV_FILE}`", "`.env`", "The file to load into the environment first; empty for none."))
    return f"""# Settings

Environment variables, or lines of a `.env` file in the current folder; what the environment says wins. An empty value
counts as unset. Every fault is told at once when the process starts, and so is the nearest name of an unknown one.

{_table(("variable", "default", "meaning"), rows)}
Credentials, region, profile and endpoint of AWS are botocore's own settings: `AWS_REGION`, `AWS_PROFILE`,
`AWS_ENDPOINT_URL_BEDROCK_RUNTIME` and the rest. `GUNICORN_CMD_ARGS` reaches gunicorn.
"""


def errors() -> str:
    """Every error code a caller can meet."""
    ours = [
        (f"`{kind.code}`", str(kind.status), _yes(kind.retryable), kind.title)
        for kind in sorted((GatewayError, *_below(GatewayError)), key=lambda kind: (kind.status, kind.code))
        if not issubclass(kind, StartupError) and kind not in (CallerError, UpstreamError, Refused)
    ]
    bedrock = [
        (f"`{name}`", f"`{row.code}`", str(row.status), _yes(row.retryable), row.title) for name, row in BEDROCK.items()
    ]
    return f"""# Errors

On the native routes every error is a problem document (RFC 9457, `application/problem+json`) with `code`, `title`,
`detail`, `status`, `request_id`, `retryable`, and `errors` (`path` and `message`) where a body does not fit. Once a
stream has begun, the same document is the data of its last event, `error`, and no `usage` event follows.

{_table(("code", "status", "retryable", "title"), ours)}
## What Bedrock says

{_table(("Bedrock's error", "code", "status", "retryable", "title"), bedrock)}
An error of Bedrock's without a known name is told by its status. Text of AWS's is passed on without ARNs that name an
account.
"""


PAGES = {"reference/settings.md": settings, "reference/errors.md": errors}


def _below(kind: type[GatewayError]) -> list[type[GatewayError]]:
    return [each for direct in kind.__subclasses__() for each in (direct, *_below(direct))]


def _default(value: object) -> str:
    return "" if value == "" or not value else f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page())
