"""Settings: the environment, read once into one frozen record, every fault told at once.

Every row of `Settings` is read from `BEDROCK_FLASK_` plus its name in capitals. A `.env` file is loaded into the
environment by the processes that start the gateway (the command line, `wsgi.py`), never here. AWS's own variables
(`AWS_REGION`, `AWS_PROFILE`, `AWS_ENDPOINT_URL_BEDROCK_RUNTIME` …) are botocore's and are not read here.
"""

import difflib
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import marshmallow
from marshmallow import ValidationError, validate
from marshmallow import fields as ma

from bedrock_flask.config import EMULATOR_SECRETS, ENV_FILE, PREFIX, keys, origins
from bedrock_flask.errors import SettingsError

_ELSEWHERE = (ENV_FILE, EMULATOR_SECRETS)
NO_KEYS = (
    "{host} can be reached from other machines and there are no API keys: "
    "set BEDROCK_FLASK_API_KEYS=name:secret, or bind 127.0.0.1"
)
LOG = logging.getLogger("bedrock_flask.settings")

# What Kubernetes puts into the environment of every pod beside a Service called bedrock-flask.
_KUBERNETES = re.compile(r"BEDROCK_FLASK_(SERVICE_(HOST|PORT)\w*|PORT_\d+_(TCP|UDP)\w*)")


class _Keys(ma.Field[keys.Keys]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> keys.Keys:
        try:
            return keys.parse_keys(pair for part in str(value).split(",") if (pair := part.strip()))
        except ValueError as error:
            raise ValidationError(str(error)) from None


class _SigningSecret(ma.Field[keys.SigningSecret]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> keys.SigningSecret:
        try:
            return keys.parse_signing_secret(str(value))
        except ValueError as error:
            raise ValidationError(str(error)) from None


class _Folder(ma.String):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if value and not Path(value).is_dir():
            raise ValidationError(f"{value} is not a folder")
        return value


class _File(ma.String):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if value and not Path(value).is_file():
            raise ValidationError(f"{value} is not a file")
        return value


class _Origins(ma.Field[tuple[str, ...]]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[str, ...]:
        try:
            return origins.parse_origins(origin for part in str(value).split(",") if (origin := part.strip()))
        except ValueError as error:
            raise ValidationError(str(error)) from None


class _Names(ma.Field[tuple[str, ...]]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[str, ...]:
        return tuple(name for part in str(value).split(",") if (name := part.strip()))


class _Whole(ma.Integer):
    def _validated(self, value: Any) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", str(value)):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class _Number(ma.Float):
    # Python itself would also read `1_0`, `1e1` and the digits of other scripts.
    def _validated(self, value: Any) -> float:
        if not re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", str(value)):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


def _row(kind: ma.Field[Any], default: Any, told: str) -> Any:
    return field(default=default, metadata={"field": kind, "told": told})


def _seconds(least: float, most: float) -> ma.Float:
    return _Number(validate=validate.Range(least, most))


def _whole(least: int, most: int) -> ma.Integer:
    return _Whole(validate=validate.Range(least, most))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be configured; no secret shows, and of those of keys only digests are kept."""

    host: str = _row(ma.String(), "127.0.0.1", "Address that `bedrock-flask serve` binds.")
    port: int = _row(_whole(1, 65535), 8000, "Port that `bedrock-flask serve` binds.")
    base_path: str = _row(
        ma.String(validate=validate.Regexp(r"^(/[A-Za-z0-9._~-]+)+\Z", error="is no path such as /bedrock")),
        "",
        "Path below which the gateway is served too, `/bedrock`, for a proxy that passes whole paths on.",
    )
    worker: str = _row(
        ma.String(validate=validate.OneOf(["gthread", "gevent"])),
        "gthread",
        "`gthread`, or `gevent` (`pip install bedrock-flask[gevent]`) for thousands of streams.",
    )
    workers: int = _row(_whole(1, 256), 1, "Worker processes.")
    threads: int = _row(
        _whole(1, 4096), 64, "Threads a worker: calls and open streams at one time; also the connection pool."
    )
    api_keys: keys.Keys = _row(_Keys(), keys.Keys({}), "`name:secret` pairs, separated by commas.")
    api_keys_file: str = _row(
        _File(), "", "A file with one `name:secret` pair a line; lines beginning with `#` are notes."
    )
    signing_secret: keys.SigningSecret = _row(
        _SigningSecret(),
        keys.SigningSecret(),
        "At least 32 characters, of which each key's AWS secret is made: `bedrock-flask aws-keys`.",
    )
    signing_secret_file: str = _row(_File(), "", "A file with that secret and nothing else.")
    cors_origins: tuple[str, ...] = _row(
        _Origins(), (), "Web pages that may call: exact origins, `https://app.example.com`, separated by commas."
    )
    drop_unsupported: tuple[str, ...] = _row(
        _Names(),
        (),
        "Names of keys for whose callers what a model cannot take is left out and reported, not refused.",
    )
    plugins_dir: str = _row(_Folder(), "", "Drop-in folder: each `.py` file in it is a plugin.")
    lenient: bool = _row(
        ma.Boolean(), False, "Start without a broken plugin, and say so; otherwise it stops the start."
    )
    models_file: str = _row(_File(), "", "TOML file with aliases of your own.")
    models: str = _row(
        ma.String(validate=validate.OneOf(["any", "listed"])),
        "any",
        "`listed` closes ids that stand in no plugin and not in the models file.",
    )
    region: str = _row(ma.String(), "", "AWS region of calls whose alias names none; otherwise botocore's.")
    max_body_bytes: int = _row(
        _whole(1024, 1 << 30), 25_000_000, "Largest request body; Bedrock's own limit by default."
    )
    max_reply_bytes: int = _row(_whole(1024, 1 << 32), 100_000_000, "Largest whole answer that is taken from Bedrock.")
    client_timeout: float = _row(_seconds(0.1, 3600), 30.0, "Seconds that a client may be silent while it sends.")
    connect_timeout: float = _row(_seconds(0.05, 60), 3.0, "Seconds to connect to Bedrock.")
    read_timeout: float = _row(
        _seconds(0.1, 3600), 900.0, "Seconds that Bedrock may be silent, before and within an answer."
    )
    first_event_timeout: float = _row(
        _seconds(0.05, 600),
        10.0,
        "Seconds in which a stream's first event is awaited, so that an early refusal keeps its own status.",
    )
    keepalive: float = _row(
        _seconds(0.05, 600), 15.0, "Seconds of silence after which a stream says that it is still there."
    )
    deadline: float = _row(_seconds(0.1, 86400), 3600.0, "Seconds for the whole call, waiting and retries included.")
    max_calls: int = _row(
        _whole(0, 100_000), 0, "Requests that a worker answers at one time; 0: four threads are kept for health probes."
    )
    max_requests: int = _row(_whole(0, 1 << 31), 0, "Requests after which a worker is replaced; 0: never.")
    drain_delay: float = _row(
        _seconds(0, 600), 5.0, "Seconds after SIGTERM in which requests are still taken while /readyz says 503."
    )
    graceful_timeout: float = _row(
        _seconds(0.1, 86400), 60.0, "Seconds after SIGTERM in which open streams may finish; then each gets an error."
    )
    max_attempts: int = _row(_whole(1, 10), 3, "Attempts at one call, the first included.")
    log_level: str = _row(
        ma.String(validate=validate.OneOf(["debug", "info", "warning", "error"])), "info", "Least level that is logged."
    )


# A greenlet costs little: how many a gevent worker serves where nobody says.
_GREENLETS = 2000
# Threads that no call may have, so that health is told and refusals are made at once.
_SPARE = 4


def max_concurrent_calls(told: Settings) -> int:
    """How many requests a worker answers at one time."""
    return told.max_calls or (_GREENLETS if told.worker == "gevent" else max(told.threads - _SPARE, 1))


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from an environment. SettingsError tells every fault, one a line, and the nearest known name."""
    found = {name: value for name, value in environ.items() if name.startswith(PREFIX) and name not in _ELSEWHERE}
    given = {name: value for name, value in found.items() if not _from_kubernetes(name, value)}
    if ignored := sorted(found.keys() - given.keys()):
        LOG.warning("ignored, as Kubernetes sets them for a Service called bedrock-flask: %s", ", ".join(ignored))
    try:
        row = _schema().load({name: value.strip() for name, value in given.items() if value.strip()})
        row |= _in_files(row)
    except ValidationError as error:
        raise SettingsError(*_lines(error.messages)) from None
    return Settings(**row)


def environment_names() -> list[str]:
    """The environment variable of every setting."""
    return [PREFIX + row.name.upper() for row in fields(Settings)]


def merge_options(environ: Mapping[str, str], options: Mapping[str, Any]) -> dict[str, str]:
    """The environment with the options of a command, by their settings' names, in place of what it says."""
    told = {PREFIX + name.upper(): str(value) for name, value in options.items() if value is not None}
    return {**environ, **told}


def _schema() -> marshmallow.Schema:
    schema = marshmallow.Schema.from_dict(
        {row.name: _bound(row.metadata["field"], PREFIX + row.name.upper()) for row in fields(Settings)}
    )
    return schema()


def _bound(kind: ma.Field[Any], name: str) -> ma.Field[Any]:
    kind.data_key = name
    return kind


def _from_kubernetes(name: str, value: str) -> bool:
    return bool(_KUBERNETES.fullmatch(name)) or (name == f"{PREFIX}PORT" and "://" in value)


def _in_files(row: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that stand in files of their own."""
    found, faults = {}, {}
    for name, taken in _TAKEN.items():
        if path := row.get(f"{name}_file"):
            try:
                found[name] = taken(Path(path).read_text("utf-8"), row)
            except (OSError, ValueError) as error:
                faults[f"{PREFIX}{name.upper()}_FILE"] = [str(error)]
    if faults:
        raise ValidationError(faults)
    return found


def _keys_in_file(text: str, row: Mapping[str, Any]) -> keys.Keys:
    lines = text.splitlines()
    in_file = keys.parse_keys(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#"))
    listed: keys.Keys = row.get("api_keys", keys.Keys({}))
    if both := sorted(in_file.digests.keys() & listed.digests.keys()):
        raise ValueError(f"names keys that {PREFIX}API_KEYS names too: {', '.join(both)}")
    return keys.Keys({**listed.digests, **in_file.digests})


def _secret_in_file(text: str, row: Mapping[str, Any]) -> keys.SigningSecret:
    if "signing_secret" in row:
        raise ValueError(f"{PREFIX}SIGNING_SECRET says one too")
    return keys.parse_signing_secret(text.strip())


_TAKEN: Mapping[str, Callable[[str, Mapping[str, Any]], Any]] = MappingProxyType(
    {"api_keys": _keys_in_file, "signing_secret": _secret_in_file}
)


def _lines(messages: Any) -> list[str]:
    lines = []
    for name, told in messages.items():
        near = difflib.get_close_matches(name, environment_names(), 1) if name not in environment_names() else []
        unknown = "is not a setting" + (f"; did you mean {near[0]}?" if near else "")
        lines += [f"{name} {unknown}" if name not in environment_names() else f"{name}: {message}" for message in told]
    return lines
