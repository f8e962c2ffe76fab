"""Write the reference pages that are generated from the code (`make docs`); tests/house/test_docs.py compares them."""

import inspect
import json
import runpy
import sys
from collections.abc import Iterable
from dataclasses import MISSING, fields
from functools import partial
from pathlib import Path
from typing import Any

import click

from bedrock_flask.__main__ import COMMANDS, load_command
from bedrock_flask.adapter import Adapter
from bedrock_flask.admin import bodies
from bedrock_flask.admin.document import write_path
from bedrock_flask.admin.query import PARAMETERS
from bedrock_flask.admin.routes import ROUTES
from bedrock_flask.bedrock.model_ids import matches
from bedrock_flask.bedrock_rules import CONVERSE_RULES, RULES
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.config import ENV_FILE, PREFIX
from bedrock_flask.config.operators import ADMIN, AUDITOR, OWNER
from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import (
    BEDROCK_ERRORS,
    BedrockError,
    CallerError,
    ForeignPage,
    GatewayError,
    InvalidQuery,
    OperatorForbidden,
    PreconditionFailed,
    StartupError,
    UpstreamError,
)
from bedrock_flask.fields import Schema
from bedrock_flask.governance.operator import RIGHTS
from bedrock_flask.governance.store.errors import DirectoryError
from bedrock_flask.models import loading
from bedrock_flask.models.registry import GENERIC

HERE = Path(__file__).parent
# The modules beside this one, also where a test loads this file.
sys.path.append(str(HERE))

import family_pages  # noqa: E402
from markdown_tables import code, escape, format_table  # noqa: E402

REGISTRY = loading.load_registry()
FAMILIES = "reference/families"


def settings() -> str:
    """Every setting, its default and what it means."""
    rows = [
        (f"`{PREFIX}{row.name.upper()}`", _format_default(row.default), row.metadata["description"])
        for row in fields(Settings)
        if row.default is not MISSING
    ]
    rows.append((f"`{ENV_FILE}`", "`.env`", "The file to load into the environment first; empty for no file."))
    return f"""# Settings

Settings are environment variables, or lines of a `.env` file in the current folder; the environment wins. An empty
value counts as unset. When the process starts it reports all faults at once, with the nearest name for an unknown one.

{format_table(("variable", "default", "meaning"), rows)}
Credentials, profile and endpoint of AWS are settings of botocore: `AWS_PROFILE`, `AWS_ENDPOINT_URL_BEDROCK_RUNTIME` and
others. The gateway reads the region from `AWS_REGION`; botocore itself reads only `AWS_DEFAULT_REGION`. gunicorn reads
`GUNICORN_CMD_ARGS`.
"""


def errors() -> str:
    """Every error code a caller can meet."""
    ours = [
        (f"`{kind.code}`", str(kind.status), _format_flag(kind.retryable), kind.title)
        for kind in sorted((GatewayError, *_list_subclasses(GatewayError)), key=lambda kind: (kind.status, kind.code))
        if not issubclass(kind, StartupError) and kind not in (CallerError, UpstreamError, BedrockError)
    ]
    bedrock = [
        (f"`{name}`", f"`{row.code}`", str(row.status), _format_flag(row.retryable), row.title)
        for name, row in BEDROCK_ERRORS.items()
    ]
    return f"""# Errors

On the native routes every error is a problem document (RFC 9457, `application/problem+json`) with `code`, `title`,
`detail`, `status`, `request_id`, `retryable`, and `errors` (`path` and `message`) if a body does not fit. Once a stream
has begun, the same document is the data of its last event, `error`, and no `usage` event follows.

{format_table(("code", "status", "retryable", "title"), ours)}
## Bedrock's errors

{format_table(("Bedrock's error", "code", "status", "retryable", "title"), bedrock)}
If the name of Bedrock's error is unknown, its status decides. AWS's message is passed on without ARNs that name an
account.

## Errors inside an answer

A model can report an error inside its answer, as a chunk of type `error`, or Bedrock as a frame of the stream. It keeps
its kind and its words. As the first event it decides the status; later it is the last event of the stream.

| reported | treated as Bedrock's |
| --- | --- |
| `rate_limit_error`, `rate_limit_exceeded` | `ThrottlingException` |
| `overloaded_error` | `overloaded_error` |
| `timeout_error` | `ModelTimeoutException` |
| `api_error`, `server_error`, `internal_server_error` | `InternalServerException` |
| `service_unavailable_error` | `ServiceUnavailableException` |
| `invalid_request_error`, `request_too_large`, `context_length_exceeded` | `ValidationException` |
| `permission_error` | `AccessDeniedException` |
| `not_found_error` | `ResourceNotFoundException` |
| another one | `upstream_error`, 502 |

## OpenAI's codes

In OpenAI's APIs `error.code` is the gateway's code from the first table, with these exceptions; the gateway's code is
then in `gateway_code` of the same object:

- **A request that is too long for the model** has `context_length_exceeded`, because clients shorten the conversation
  by that code.
- **A stream of the Responses API** that fails ends with `response.failed`, numbered like every event, with the items
  that are whole. Its `response.error.code` is one of OpenAI's: `context_length_exceeded`, `rate_limit_exceeded` (429),
  `invalid_prompt` (another 4xx) or `server_error`. The member `error` at the top of the event, for which
  OpenAI's SDKs raise, has the gateway's code.

`GET /v1/models` and `GET /v1/models/{{model}}` answer an error with the problem document and with `error` in it,
which the SDKs of OpenAI and Anthropic read.
"""


def admin_api() -> str:
    """Every address of the admin API, what it takes and who may call it."""
    rows = [
        (
            f"`{route.method} {write_path(route)}`",
            route.summary,
            ", ".join(f"`{name}`" for name in route.query)
            or (f"`{json.dumps(dict(route.sample))}`" if route.body else ""),
            route.right or "any operator",
        )
        for route in ROUTES
    ]
    roles = (ADMIN, AUDITOR, OWNER)
    rights = [(right, *(RIGHTS[right].get(role, "") for role in roles)) for right in RIGHTS]
    parameters = [(f"`{name}`", each.description) for name, each in PARAMETERS.items()]
    refusals = sorted(
        {
            *_list_subclasses(DirectoryError),
            DirectoryError,
            OperatorForbidden,
            ForeignPage,
            PreconditionFailed,
            InvalidQuery,
        },
        key=lambda kind: (kind.status, kind.code),
    )
    errors = [(f"`{kind.code}`", str(kind.status), kind.title) for kind in refusals]
    members = "\n".join(_format_members(schema) for schema in (bodies.NewTeam, bodies.NewKey, *_RULES))
    return f"""# The admin API

Where it is and how it is used: [administer teams and keys over HTTP](../how-to/admin-api.md).
`GET /admin/v1/openapi.json` has the schema of each body and answer, and `GET /livez` needs no credential. Times are
texts such as `2027-01-31T12:00:00.000Z`, and money is US dollars as a text.

{format_table(("address", "what it does", "query, or an example of a body", "right"), rows)}
## Who has which right

{format_table(("right", *(f"`{role}`" for role in roles)), rights)}
A list needs its right on any team, and has the rows of those on which the operator has it.

## Parameters of queries

{format_table(("parameter", "meaning"), parameters)}
## Members of bodies

{members}
## Errors

Beside those of [the gateway](errors.md), as problem documents:

{format_table(("code", "status", "title"), errors)}"""


_RULES = (bodies.Policy, bodies.Limits, bodies.Budget, bodies.Rotation)


def _format_members(schema: type[Schema]) -> str:
    rows = [(f"`{name}`", field.metadata.get("description", "")) for name, field in schema().fields.items()]
    about = inspect.cleandoc(schema.__doc__ or "")
    return f"**{schema.__name__}**: {about[0].lower()}{about[1:]}\n\n{format_table(('member', 'meaning'), rows)}"


def cli() -> str:
    """Every command with its usage and options, as click knows them."""
    sections = "\n".join(_format_command(load_command(name), "bedrock-flask") for name in COMMANDS)
    return f"""# The command line

The options of `serve` can also be set with environment variables: see [settings](settings.md). A `.env` file in the
current folder is read first. An error in the configuration is one line and exit code 1.

{sections}"""


def bedrock_rules() -> str:
    """Every rule of Bedrock's that the gateway and the emulator know, by capability."""
    own = [each for each in REGISTRY.adapters.values() if REGISTRY.sources[each.name].startswith("built in")]
    sections = "\n".join(_format_rule(each.name, own) for each in fields(Capabilities) if each.name in RULES)
    common = format_table(
        ("refused", "what the gateway does", "basis", "source"),
        [(rule.refuses, rule.remedy, source.basis, escape(source.text)) for rule, source in CONVERSE_RULES],
    )
    return f"""# What Bedrock refuses

Models differ in what they accept. What is known is a capability of the adapter, with its source. The gateway reads it
to repair a request, or to refuse it by name before it costs anything. The emulator reads it to refuse what Bedrock
refuses, in Bedrock's words, so that a test does not pass because the emulator is more lenient. `--lenient` switches
this off, for models that are newer than these tables.

A basis is *documented* (by AWS or Anthropic), *measured* (several reports, or one with live probes) or *one report*.
What is not known is not a rule: Bedrock decides. On the routes of Bedrock's own API and on the native routes the body
is the caller's own, and nothing is repaired.

A table lists patterns of model ids. The longest one that matches an id counts, so a pattern is listed only where it
differs from the next wider one. Models that write no text are not listed.

{sections}
## For every model

What Converse refuses whatever the model.

{common}"""


def _format_rule(name: str, adapters: Iterable[Adapter]) -> str:
    rule = RULES[name]
    known = {
        pattern: getattr(able, name)
        for adapter in adapters
        for pattern, able in adapter.models.items()
        if able.output == "text"
    }
    others = known.pop(GENERIC)
    patterns: dict[str, list[str]] = {}
    for pattern, value in known.items():
        if value != known.get(_find_wider(pattern, known), others):
            patterns.setdefault(_show_value(value), []).append(code(pattern))
    patterns.setdefault(_show_value(others), []).append("all others")
    values = [(code(value), ", ".join(each)) for value, each in patterns.items()]
    covered: dict[tuple[str, str], list[str]] = {}
    for adapter in adapters:
        for source in adapter.sources.get(name, ()):
            covered.setdefault((source.basis, source.text), []).append(code(source.models or adapter.name))
    sources = [(", ".join(each), basis, escape(text)) for (basis, text), each in covered.items()]
    return f"""## {name}

{rule.refuses}
{rule.remedy}

{format_table((f"`{name}`", "models"), values)}
{format_table(("models", "basis", "source"), sources)}"""


def _find_wider(pattern: str, patterns: Iterable[str]) -> str:
    """The longest other pattern that matches all ids of a pattern; empty if only `*` does."""
    wider = [each for each in patterns if each != pattern and matches(each, pattern.replace("*", "-"))]
    return max(wider, key=len, default="")


def _show_value(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "unknown" if value == 0 else str(value) or "none"


PAGES = {
    "reference/bedrock-rules.md": bedrock_rules,
    "reference/settings.md": settings,
    "reference/errors.md": errors,
    "reference/cli.md": cli,
    "reference/admin-api.md": admin_api,
    "reference/adapters.md": lambda: family_pages.write_index(REGISTRY),
    "reference/all-models.md": lambda: family_pages.write_all_models(REGISTRY),
    **{
        f"{FAMILIES}/{adapter.name}.md": partial(family_pages.write_family, REGISTRY, adapter)
        for adapter in family_pages.list_built_in(REGISTRY)
    },
    # What each member of a request becomes, as the tests see it.
    "reference/openai-members.md": runpy.run_path(str(HERE.parent / "tests/dialects/openai_members.py"))["write_page"],
    # The notes that `make sabotage` applies.
    "explanation/defences.md": runpy.run_path(str(HERE.parent / "tests/sabotage/defences.py"))["page"],
}


def _format_command(command: click.Command, above: str, level: int = 2) -> str:
    name = f"{above} {command.name}"
    context = click.Context(command, info_name=name, terminal_width=100)
    about = inspect.cleandoc(command.help or "").replace("\b\n", "")
    usage = " ".join(context.get_usage().removeprefix("Usage: ").split())
    rows = [_describe_parameter(each, context) for each in command.get_params(context) if "--help" not in each.opts]
    table = format_table(("option", "meaning"), rows) if rows else ""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    lines = [f"{'#' * level} {name}", about, f"```text\n{usage}\n```", table.rstrip("\n")]
    section = "\n\n".join(line for line in lines if line) + "\n"
    return "\n".join((section, *(_format_command(each, name, level + 1) for each in below)))


def _describe_parameter(parameter: click.Parameter, context: click.Context) -> tuple[str, str]:
    record = parameter.get_help_record(context)
    if record is None:
        return f"`{parameter.make_metavar(context)}`", ""
    names, meaning = record
    variable = f" Also `{parameter.envvar}`." if isinstance(parameter.envvar, str) else ""
    return code(names), escape(" ".join(meaning.split())) + variable


def _list_subclasses(kind: type[GatewayError]) -> list[type[GatewayError]]:
    """The kinds of errors below one; a kind with the code of the one above it is the same to a reader."""
    below = [each for direct in kind.__subclasses__() for each in (direct, *_list_subclasses(direct))]
    return [each for each in below if "code" in vars(each)]


def _format_default(value: object) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{value}`" if value or value == 0 else ""


def _format_flag(value: bool) -> str:
    return "yes" if value else "no"


if __name__ == "__main__":
    for old in (HERE / FAMILIES).glob("*.md"):
        old.unlink()
    (HERE / FAMILIES).mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (HERE / name).write_text(page())
