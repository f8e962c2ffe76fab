"""Write the reference pages that are made from the code: `make docs`. tests/house/test_docs.py holds them to it."""

import importlib
import inspect
import json
import re
import runpy
from collections.abc import Iterable
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

import click

from bedrock_flask.__main__ import COMMANDS
from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.operations import STREAMING
from bedrock_flask.capabilities import Capabilities
from bedrock_flask.config import ENV_FILE, PREFIX
from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import BEDROCK_ERRORS, BedrockError, CallerError, GatewayError, StartupError, UpstreamError
from bedrock_flask.json_schema import to_json_schema
from bedrock_flask.models import loading
from bedrock_flask.models.registry import GENERIC

HERE = Path(__file__).parent


def settings() -> str:
    """Every setting, its default and what it means."""
    rows = [
        (f"`{PREFIX}{row.name.upper()}`", _default(row.default), row.metadata["description"])
        for row in fields(Settings)
        if row.default is not MISSING
    ]
    rows.append((f"`{ENV_FILE}`", "`.env`", "The file to load into the environment first; empty for none."))
    return f"""# Settings

Environment variables, or lines of a `.env` file in the current folder; what the environment says wins. An empty value
counts as unset. Every fault is told at once when the process starts, and so is the nearest name of an unknown one.

{_table(("variable", "default", "meaning"), rows)}
Credentials, profile and endpoint of AWS are botocore's own settings: `AWS_PROFILE`,
`AWS_ENDPOINT_URL_BEDROCK_RUNTIME` and the rest. The region is that of `AWS_REGION`, which the gateway reads; botocore
itself reads `AWS_DEFAULT_REGION` alone. `GUNICORN_CMD_ARGS` reaches gunicorn.
"""


def errors() -> str:
    """Every error code a caller can meet."""
    ours = [
        (f"`{kind.code}`", str(kind.status), _yes(kind.retryable), kind.title)
        for kind in sorted((GatewayError, *_below(GatewayError)), key=lambda kind: (kind.status, kind.code))
        if not issubclass(kind, StartupError) and kind not in (CallerError, UpstreamError, BedrockError)
    ]
    bedrock = [
        (f"`{name}`", f"`{row.code}`", str(row.status), _yes(row.retryable), row.title)
        for name, row in BEDROCK_ERRORS.items()
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


def cli() -> str:
    """Every command with its usage and options, as click knows them."""
    found = [command.replace("-", "_") for command in COMMANDS]
    modules = {name: importlib.import_module(f"bedrock_flask.commands.{name}") for name in found}
    told = "\n".join(_command(getattr(module, name), "bedrock-flask") for name, module in modules.items())
    return f"""# The command line

What an option of `serve` says can also be said by an environment variable: see [settings](settings.md). A `.env` file
in the current folder is read first. What is wrong with the configuration is one line and exit code 1.

{told}"""


def adapters() -> str:
    """Every built-in adapter: its models, its operations, its body, its sample."""
    found = loading.load_registry()
    own = [each for each in found.adapters.values() if found.sources[each.name].startswith("built in")]
    bodies = {each.name: to_json_schema(each.schema) for each in own}
    roots = {body["title"] for body in bodies.values()}
    parts = {name: part for body in bodies.values() for name, part in body["$defs"].items() if name not in roots}
    told = "\n".join(_adapter(each, bodies[each.name]) for each in own)
    tables = "\n".join(f"### {name}\n\n{_members(parts[name])}" for name in sorted(parts))
    return f"""# Adapters

The adapters that come with the gateway. `GET /v1/models` lists those of your own plugins as well, and
`GET /v1/models/NAME/schema` is the JSON Schema that these tables are made from. A bound that AWS does not document for
certain is marked *unverified* and never refuses.

{told}
## Parts

What the bodies above are made of.

{tables}"""


PAGES = {
    "reference/settings.md": settings,
    "reference/errors.md": errors,
    "reference/cli.md": cli,
    "reference/adapters.md": adapters,
    # The notes that `make sabotage` tries.
    "explanation/defences.md": runpy.run_path(str(HERE.parent / "tests/sabotage/defences.py"))["page"],
}


def _command(command: click.Command, above: str, level: int = 2) -> str:
    name = f"{above} {command.name}"
    context = click.Context(command, info_name=name, terminal_width=100)
    about = inspect.cleandoc(command.help or "").replace("\b\n", "")
    usage = " ".join(context.get_usage().removeprefix("Usage: ").split())
    rows = [_parameter(each, context) for each in command.get_params(context) if "--help" not in each.opts]
    table = _table(("option", "meaning"), rows) if rows else ""
    below = command.commands.values() if isinstance(command, click.Group) else ()
    lines = [f"{'#' * level} {name}", about, f"```text\n{usage}\n```", table.rstrip("\n")]
    told = "\n\n".join(line for line in lines if line) + "\n"
    return "\n".join((told, *(_command(each, name, level + 1) for each in below)))


def _parameter(parameter: click.Parameter, context: click.Context) -> tuple[str, str]:
    record = parameter.get_help_record(context)
    if record is None:
        return f"`{parameter.make_metavar(context)}`", ""
    names, meaning = record
    variable = f" Also `{parameter.envvar}`." if isinstance(parameter.envvar, str) else ""
    return _code(names), _cell(" ".join(meaning.split())) + variable


def _adapter(adapter: Adapter, body: dict[str, Any]) -> str:
    about = f"{adapter.description}\n\n" if adapter.description else ""
    called = "" if GENERIC in adapter.models else f" `{adapter.name}` calls `{adapter.model}`."
    models = [(_code(pattern), _abilities(able)) for pattern, able in adapter.models.items()]
    speaks = [
        (_code(wire), _code(operation), _code(STREAMING[operation]) if _streams(adapter) else "")
        for wire, operation in adapter.speaks.items()
    ]
    sample = json.dumps(adapter.sample, indent=2, ensure_ascii=False)
    return f"""## {adapter.name}

{about}Its body is that of `{adapter.operation}`.{called}

{_table(("models", "what they can do"), models)}
{_table(("wire", "operation", "streamed"), speaks)}
{_members(body)}
A body that it takes:

```json
{sample}
```
"""


def _streams(adapter: Adapter) -> bool:
    return any(able.streaming for able in adapter.models.values())


def _abilities(able: Capabilities) -> str:
    # What says no more than the usual would hide what is special.
    usual = asdict(Capabilities())
    said = {name: value for name, value in asdict(able).items() if value != usual[name] and name != "output"}
    return ", ".join(
        [able.output, *(name if value is True else f"{name}: {_spoken(value)}" for name, value in said.items())]
    )


def _spoken(value: Any) -> str:
    return "no" if value is False else str(value)


def _members(schema: dict[str, Any]) -> str:
    needed = schema.get("required", ())
    rows = [
        (_code(name), "yes" if name in needed else "", _kind(member), _cell(_meaning(member)))
        for name, member in schema.get("properties", {}).items()
    ]
    more = "" if schema.get("additionalProperties") is False else "Other members pass as they are.\n"
    return "\n".join(part for part in (_table(_MEMBERS, rows) if rows else "", more) if part)


def _meaning(member: dict[str, Any]) -> str:
    bounds = {"x-unverified-minimum": "least", "x-unverified-maximum": "most"}
    unverified = [
        f" {told.capitalize()}: {member[name]} (unverified)." for name, told in bounds.items() if name in member
    ]
    return member.get("description", "") + "".join(unverified)


def _kind(schema: dict[str, Any]) -> str:
    """The type of a JSON Schema in words, with its limits; a part is a link."""
    if "$ref" in schema:
        part = schema["$ref"].rpartition("/")[2]
        return f"[{part.partition('.')[2]}](#{_anchor(part)})"
    if "allOf" in schema:
        return _kind(schema["allOf"][0])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(map(_kind, schema["anyOf"])))
    if "enum" in schema:
        return ", ".join(_code(json.dumps(value)) for value in schema["enum"])
    if "properties" in schema:
        return " with ".join(("object", ", ".join(f"{_code(k)}: {_kind(v)}" for k, v in schema["properties"].items())))
    inner = {"array": schema.get("items"), "object": schema.get("additionalProperties")}.get(schema.get("type", ""))
    of = f" of {_bracketed(_kind(inner))}" if isinstance(inner, dict) else ""
    return f"{schema.get('type', 'anything')}{of}{_limits(schema)}"


def _bracketed(kind: str) -> str:
    return f"({kind})" if " or " in kind else kind


def _limits(schema: dict[str, Any]) -> str:
    told = [words.format(schema[name]) for name, words in _LIMITS.items() if name in schema]
    return f" ({', '.join(told)})" if told else ""


_MEMBERS = ("member", "required", "type", "meaning")
_LIMITS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "minLength": "length ≥ {}",
    "maxLength": "length ≤ {}",
    "minItems": "≥ {} items",
    "maxItems": "≤ {} items",
    "maxProperties": "≤ {} members",
}


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _code(text: str) -> str:
    return f"`{_cell(text)}`"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _below(kind: type[GatewayError]) -> list[type[GatewayError]]:
    return [each for direct in kind.__subclasses__() for each in (direct, *_below(direct))]


def _default(value: object) -> str:
    return "" if value == "" or not value else f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page())
