"""Settings: the environment, read once into one frozen record; all faults are reported together.

Each member of `Settings` is read from `BEDROCK_FLASK_` plus its name in capitals. A `.env` file is loaded into the
environment by the processes that start the gateway (the command line, `wsgi.py`), never here. AWS's own variables
(`AWS_REGION`, `AWS_PROFILE`, `AWS_ENDPOINT_URL_BEDROCK_RUNTIME` …) are read by botocore.
"""

import difflib
import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import marshmallow
from marshmallow import ValidationError, validate
from marshmallow import fields as ma

from bedrock_flask.bedrock import s3, surfaces
from bedrock_flask.bedrock.model_ids import REGION
from bedrock_flask.config import EMULATOR_SECRETS, ENV_FILE, PREFIX, keys, operators, origins, web_hosts, webhook
from bedrock_flask.config.database import DatabaseURL, parse_database_url
from bedrock_flask.config.limits import OTHERS, StaticLimits, parse_static_limits
from bedrock_flask.config.other_gateways import OTHER_GATEWAYS
from bedrock_flask.config.server_secret import ServerSecret, parse_server_secret
from bedrock_flask.config.state_url import StateURL, parse_state_url
from bedrock_flask.errors import SettingsError

_READ_ELSEWHERE = (ENV_FILE, EMULATOR_SECRETS)
NO_KEYS = (
    "{host} is reachable from other machines, but no API keys are set: "
    "set BEDROCK_FLASK_API_KEYS=name:secret, or bind 127.0.0.1"
)
LOG = logging.getLogger("bedrock_flask.settings")

# Kubernetes sets these variables in every pod next to a Service named bedrock-flask.
_KUBERNETES = re.compile(r"BEDROCK_FLASK_(SERVICE_(HOST|PORT)\w*|PORT_\d+_(TCP|UDP)\w*)")


class _Keys(ma.Field[keys.Keys]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> keys.Keys:
        try:
            return keys.parse_keys(pair for part in str(value).split(",") if (pair := part.strip()))
        except ValueError as error:
            raise ValidationError(str(error)) from None


class _Operators(ma.Field[keys.Keys]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> keys.Keys:
        try:
            return operators.parse_operators(pair for part in str(value).split(",") if (pair := part.strip()))
        except ValueError as error:
            raise ValidationError(str(error)) from None


class _Grants(ma.Field[tuple[str, ...]]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[str, ...]:
        try:
            return operators.parse_grants(pair for part in str(value).split(",") if (pair := part.strip()))
        except ValueError as error:
            raise ValidationError(str(error)) from None


class _ServerSecret(ma.Field[ServerSecret]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> ServerSecret:
        try:
            return parse_server_secret(str(value))
        except ValueError as error:
            raise ValidationError(str(error)) from None


class _DatabaseURL(ma.Field[DatabaseURL]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> DatabaseURL:
        try:
            return parse_database_url(str(value))
        except ValueError as error:
            raise ValidationError(str(error)) from None


class _StateURL(ma.Field[StateURL]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> StateURL:
        try:
            return parse_state_url(str(value))
        except ValueError as error:
            raise ValidationError(str(error)) from None


class _StaticLimits(ma.Field[StaticLimits]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> StaticLimits:
        try:
            return parse_static_limits(str(value))
        except ValueError as error:
            raise ValidationError(str(error)) from None


class _WebhookURL(ma.Field[webhook.WebhookURL]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> webhook.WebhookURL:
        try:
            return webhook.parse_webhook_url(str(value))
        except ValueError as error:
            raise ValidationError(str(error)) from None


class _WebhookSecret(ma.Field[ServerSecret]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> ServerSecret:
        try:
            return webhook.parse_webhook_secret(str(value))
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


class _Regions(_Names):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[str, ...]:
        regions = super()._deserialize(value, attr, data, **kwargs)
        if wrong := [region for region in regions if not re.fullmatch(REGION, region, re.ASCII)]:
            raise ValidationError(f"contains what is not a region: {', '.join(wrong)}")
        return regions


class _WebHosts(_Names):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[str, ...]:
        try:
            return web_hosts.parse_web_hosts(super()._deserialize(value, attr, data, **kwargs))
        except ValueError as error:
            raise ValidationError(str(error)) from None


class _Networks(ma.Field[tuple[web_hosts.Network, ...]]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[web_hosts.Network, ...]:
        try:
            return web_hosts.parse_networks(part.strip() for part in str(value).split(",") if part.strip())
        except ValueError as error:
            raise ValidationError(str(error)) from None


class _Surfaces(_Names):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[str, ...]:
        names = super()._deserialize(value, attr, data, **kwargs)
        if wrong := [name for name in names if name not in surfaces.NAMES]:
            raise ValidationError(f"contains what is not a surface: {', '.join(wrong)}")
        return names


class _Paths(_Names):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[str, ...]:
        names = super()._deserialize(value, attr, data, **kwargs)
        if wrong := [name for name in names if name not in OTHER_GATEWAYS]:
            raise ValidationError(f"contains what is not a gateway: {', '.join(wrong)}")
        return tuple(dict.fromkeys(names))


class _Choices(ma.Field[tuple[str, ...]]):
    """`name:choice` pairs, separated by commas."""

    def __init__(self, choices: Sequence[str]) -> None:
        super().__init__()
        self.choices = choices

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[str, ...]:
        pairs = [pair.strip().rpartition(":") for pair in str(value).split(",") if pair.strip()]
        if wrong := [choice or name for name, _, choice in pairs if not name or choice not in self.choices]:
            raise ValidationError(f"{wrong[0]!r}: use name:{' or name:'.join(self.choices)}")
        return tuple(f"{name}:{choice}" for name, _, choice in pairs)


class _Integer(ma.Integer):
    def _validated(self, value: Any) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", str(value)):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


class _Number(ma.Float):
    # Python's float() also accepts `1_0`, `1e1` and the digits of other scripts.
    def _validated(self, value: Any) -> float:
        if not re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", str(value)):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


def _setting(kind: ma.Field[Any], default: Any, description: str) -> Any:
    return field(default=default, metadata={"field": kind, "description": description})


def _seconds(minimum: float, maximum: float) -> ma.Float:
    return _Number(validate=validate.Range(minimum, maximum))


def _integer(minimum: int, maximum: int) -> ma.Integer:
    return _Integer(validate=validate.Range(minimum, maximum))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings. The repr contains no secret, and of API keys only digests are kept."""

    host: str = _setting(ma.String(), "127.0.0.1", "Address to bind.")
    port: int = _setting(_integer(1, 65535), 8000, "Port to bind.")
    base_path: str = _setting(
        ma.String(validate=validate.Regexp(r"^(/[A-Za-z0-9._~-]+)+\Z", error="is not a path such as /bedrock")),
        "",
        "Path prefix under which the gateway is also served, such as `/bedrock`, for proxies that do not strip it.",
    )
    paths: tuple[str, ...] = _setting(
        _Paths(),
        (),
        "Other gateways at whose addresses the APIs are served too, separated by commas: `litellm`, `access-gateway`.",
    )
    worker: str = _setting(
        ma.String(validate=validate.OneOf(["gevent", "gthread"])),
        "gevent",
        "Worker type: `gevent`, or `gthread` for plugins whose code blocks and that gevent cannot make wait.",
    )
    door: str = _setting(
        ma.String(validate=validate.OneOf(["direct", "flask"])),
        "direct",
        "How plain requests to the dialects' addresses are served: `direct`, or through `flask` as all others are.",
    )
    workers: int = _setting(_integer(1, 256), 1, "Number of worker processes.")
    threads: int = _setting(
        _integer(1, 4096),
        64,
        "Threads per `gthread` worker, one for each call or open stream.",
    )
    api_keys: keys.Keys = _setting(_Keys(), keys.Keys({}), "API keys: `name:secret` pairs, separated by commas.")
    api_keys_file: str = _setting(
        _File(), "", "File with one `name:secret` pair per line; lines that begin with `#` are comments."
    )
    signing_secret: ServerSecret = _setting(
        _ServerSecret(),
        ServerSecret(),
        "Secret of at least 32 characters from which each key's AWS secret is derived (`bedrock-flask aws-keys`).",
    )
    signing_secret_file: str = _setting(_File(), "", "File that contains only the signing secret.")
    limits: StaticLimits = _setting(
        _StaticLimits(),
        StaticLimits(),
        "Limits a minute and at a time of the API keys: `NAME:requests=60,tokens=100000,calls=5`, separated by "
        "semicolons; `*` is each key that is not named, and `NAME:none` has no limits.",
    )
    database_url: DatabaseURL = _setting(
        _DatabaseURL(),
        DatabaseURL(),
        "Database of teams and their keys: `sqlite:///FILE`, or `postgresql://USER:PASSWORD@HOST/DATABASE`; by default "
        "there is none.",
    )
    database_url_file: str = _setting(_File(), "", "File that contains only the address of the database.")
    key_pepper: ServerSecret = _setting(
        _ServerSecret(),
        ServerSecret(),
        "Secret of at least 32 characters on which the digests of keys in the database depend. It cannot be changed.",
    )
    key_pepper_file: str = _setting(_File(), "", "File that contains only that secret.")
    admin_host: str = _setting(ma.String(), "127.0.0.1", "Address that `bedrock-flask admin` binds.")
    admin_port: int = _setting(_integer(1, 65535), 8900, "Port that it binds.")
    admin_keys: keys.Keys = _setting(
        _Operators(),
        keys.Keys({}),
        "Operators of the admin API: `name:secret` pairs, separated by commas, with secrets of at least 32 characters.",
    )
    admin_keys_file: str = _setting(
        _File(), "", "File with one such pair per line; lines that begin with `#` are comments."
    )
    admin_roles: tuple[str, ...] = _setting(
        _Grants(),
        (),
        "What operators may do: `name:admin`, `name:auditor` or `name:owner@TEAM`, separated by commas. One without a "
        "role is an admin.",
    )
    admin_login_file: str = _setting(
        _File(), "", "TOML file with the OpenID provider that people log in to the admin API with."
    )
    issuers_file: str = _setting(
        _File(),
        "",
        "TOML file with the issuers whose tokens are taken instead of keys, such as Kubernetes' and GitHub's.",
    )
    ledger: str = _setting(
        ma.String(validate=validate.OneOf(["batched", "durable"])),
        "batched",
        "When the cost of a call is committed: `batched`, a moment after its answer, or `durable`, before the answer's "
        "last byte, and flushed to the disk with SQLite too.",
    )
    state_url: StateURL = _setting(
        _StateURL(),
        StateURL(),
        "Redis or Valkey that counts limits for the gateways of many machines: `redis://:PASSWORD@HOST:6379/0`, "
        "`rediss://…` or `valkey://…`; by default each machine counts its own.",
    )
    state_url_file: str = _setting(_File(), "", "File that contains only the address of Redis.")
    state_away: str = _setting(
        ma.String(validate=validate.OneOf(["local", "refuse"])),
        "local",
        "What holds limits while Redis is away: `local`, each machine by itself, or `refuse`, which answers 503.",
    )
    trusted_proxies: tuple[web_hosts.Network, ...] = _setting(
        _Networks(),
        (),
        "Networks of the proxies whose `X-Forwarded-For` is believed, such as `10.0.1.0/24`, where policies of keys "
        "name networks; by default none is.",
    )
    cors_origins: tuple[str, ...] = _setting(
        _Origins(),
        (),
        "Origins of web pages that may call, such as `https://app.example.com`, separated by commas.",
    )
    drop_unsupported: tuple[str, ...] = _setting(
        _Names(),
        (),
        "Names of API keys for which parameters that a model cannot take are dropped and reported, not refused.",
    )
    cache: str = _setting(
        ma.String(validate=validate.OneOf(["auto", "on", "off"])),
        "auto",
        "Whether requests of OpenAI's formats without cache marks get them: `auto` where they ask for a cache "
        "(`prompt_cache_key`), `on`, or `off`.",
    )
    cache_keys: tuple[str, ...] = _setting(
        _Choices(("on", "off")),
        (),
        "The same for single API keys: `name:on` or `name:off`, separated by commas.",
    )
    count: str = _setting(
        ma.String(validate=validate.OneOf(["exact", "estimate"])),
        "exact",
        "What a count of tokens is where Bedrock counts nothing: `exact` refuses, `estimate` estimates and says so.",
    )
    plugins_dir: str = _setting(_Folder(), "", "Drop-in folder: each `.py` file in it is a plugin.")
    lenient: bool = _setting(
        ma.Boolean(), False, "Start without broken plugins and log them; otherwise a broken plugin prevents the start."
    )
    models_file: str = _setting(_File(), "", "TOML file with your own aliases.")
    models: str = _setting(
        ma.String(validate=validate.OneOf(["any", "listed"])),
        "any",
        "`any`, or `listed` to allow only models that a plugin or the models file lists.",
    )
    jobs_s3_uri: str = _setting(
        ma.String(validate=validate.Regexp(s3.URI, error="is not an address such as s3://bucket/prefix")),
        "",
        "Where the output of asynchronous jobs goes whose request names no place, such as `s3://bucket/prefix`.",
    )
    prices_file: str = _setting(
        _File(), "", "CSV file with your own prices, which are preferred to the gateway's (`bedrock-flask prices`)."
    )
    discovery: bool = _setting(
        ma.Boolean(),
        True,
        "Whether lists of models join the plugins' catalogue with the models that the AWS account is offered "
        "(ListFoundationModels and ListInferenceProfiles).",
    )
    region: str = _setting(ma.String(), "", "AWS region for calls whose alias names none; by default botocore's.")
    regions: tuple[str, ...] = _setting(
        _Regions(),
        (),
        "AWS regions that callers may choose, separated by commas: by an ARN, or by the region of an AWS signature.",
    )
    image_hosts: tuple[str, ...] = _setting(
        _WebHosts(),
        (),
        "Hosts from which images are fetched by https URL, such as `images.example.com`, `*.example.com` or "
        "`host:8443`, separated by commas; by default none are.",
    )
    image_networks: tuple[web_hosts.Network, ...] = _setting(
        _Networks(),
        (),
        "Networks such as `10.1.0.0/16` from which images may be fetched although they are not public.",
    )
    image_max_bytes: int = _setting(
        _integer(1024, 1 << 30), 5_000_000, "Maximum size of an image that is fetched by URL."
    )
    image_timeout: float = _setting(_seconds(0.1, 60), 5.0, "Seconds in which an image by URL must be fetched.")
    surfaces: tuple[str, ...] = _setting(
        _Surfaces(),
        (),
        "APIs of AWS that may be called, separated by commas, such as `converse,invoke,runtime/chat`; by default all.",
    )
    max_body_bytes: int = _setting(
        _integer(1024, 1 << 30), 25_000_000, "Maximum size of a request body; by default Bedrock's own limit."
    )
    max_reply_bytes: int = _setting(
        _integer(1024, 1 << 32),
        100_000_000,
        "Maximum size of a response from Bedrock, if not streamed, or if held back for a guardrail.",
    )
    webhook_url: webhook.WebhookURL = _setting(
        _WebhookURL(),
        webhook.WebhookURL(),
        "Where a warning is posted when a budget reaches a threshold, such as `https://hooks.example.com/budgets`.",
    )
    webhook_url_file: str = _setting(_File(), "", "File that contains only that address.")
    webhook_secret: ServerSecret = _setting(
        _WebhookSecret(), ServerSecret(), "Secret that signs warnings: `whsec_` and 24 to 64 bytes in base64."
    )
    webhook_secret_file: str = _setting(_File(), "", "File that contains only that secret.")
    replay_max_bytes: int = _setting(
        _integer(0, 100_000_000),
        1_000_000,
        "Maximum size of an answer that is kept for a request with `Idempotency-Key`, which needs a database; 0 keeps "
        "none.",
    )
    client_timeout: float = _setting(_seconds(0.1, 3600), 30.0, "Seconds that a client may be silent while sending.")
    transport: str = _setting(
        ma.String(validate=validate.OneOf(["signed", "boto"])),
        "signed",
        "What calls Bedrock: `signed`, the gateway's own client, or `boto`, which is boto3.",
    )
    connect_timeout: float = _setting(_seconds(0.05, 60), 3.0, "Seconds to wait for a connection to Bedrock.")
    read_timeout: float = _setting(
        _seconds(0.1, 3600), 900.0, "Seconds that Bedrock may be silent, before and during a response."
    )
    first_event_timeout: float = _setting(
        _seconds(0.05, 600),
        10.0,
        "Seconds to wait for the first event of a stream, so that an early error keeps its HTTP status.",
    )
    keepalive: float = _setting(
        _seconds(0.05, 600), 15.0, "Seconds of silence after which a stream sends a keep-alive."
    )
    deadline: float = _setting(_seconds(0.1, 86400), 3600.0, "Seconds for a whole call, including waits and retries.")
    max_calls: int = _setting(
        _integer(0, 100_000),
        0,
        "Requests that a worker answers at the same time; 0 means 2000, or with `gthread` all threads but four.",
    )
    max_requests: int = _setting(_integer(0, 1 << 31), 0, "Requests after which a worker is replaced; 0 means never.")
    drain_delay: float = _setting(
        _seconds(0, 600),
        5.0,
        "Seconds after SIGTERM during which requests are still accepted while `/readyz` returns 503.",
    )
    graceful_timeout: float = _setting(
        _seconds(0.1, 86400),
        60.0,
        "Seconds after SIGTERM during which open streams may finish; then they end with an error.",
    )
    max_attempts: int = _setting(_integer(1, 10), 3, "Maximum attempts for each call, including the first.")
    log_level: str = _setting(
        ma.String(validate=validate.OneOf(["debug", "info", "warning", "error"])), "info", "Minimum log level."
    )


# Default for a gevent worker, whose greenlets cost little.
_GEVENT_CALLS = 2000
# Threads that calls cannot use, so that health probes and refusals are answered at once.
_SPARE_THREADS = 4


def max_concurrent_calls(settings: Settings) -> int:
    """How many requests a worker answers at the same time."""
    by_default = _GEVENT_CALLS if settings.worker == "gevent" else max(settings.threads - _SPARE_THREADS, 1)
    return settings.max_calls or by_default


def has_keys(settings: Settings) -> bool:
    """Whether callers need a key."""
    return bool(settings.api_keys or settings.database_url)


def has_limits(settings: Settings) -> bool:
    """Whether callers may have limits."""
    return bool(settings.limits or settings.database_url)


def find_region(settings: Settings) -> str:
    """The region of calls whose alias names none, as far as settings and environment tell; empty if they do not."""
    return settings.region or os.environ.get("AWS_REGION", "") or os.environ.get("AWS_DEFAULT_REGION", "")


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings from an environment. Raises SettingsError with every fault, and the nearest known names."""
    found = {name: value for name, value in environ.items() if name.startswith(PREFIX) and name not in _READ_ELSEWHERE}
    given = {name: value for name, value in found.items() if not _is_from_kubernetes(name, value)}
    if ignored := sorted(found.keys() - given.keys()):
        LOG.warning("ignored, because Kubernetes sets them for a Service named bedrock-flask: %s", ", ".join(ignored))
    try:
        row = _make_schema().load({name: value.strip() for name, value in given.items() if value.strip()})
        row |= _read_files(row)
        _check_together(row)
    except ValidationError as error:
        raise SettingsError(*_format_faults(error.messages)) from None
    return Settings(**row)


def environment_names() -> list[str]:
    """The environment variable of each setting."""
    return [PREFIX + row.name.upper() for row in fields(Settings)]


def merge_options(environ: Mapping[str, str], options: Mapping[str, Any]) -> dict[str, str]:
    """The environment, overridden by a command's options, which have the names of their settings."""
    given = {PREFIX + name.upper(): str(value) for name, value in options.items() if value is not None}
    return {**environ, **given}


def _make_schema() -> marshmallow.Schema:
    schema = marshmallow.Schema.from_dict(
        {row.name: _bind_key(row.metadata["field"], PREFIX + row.name.upper()) for row in fields(Settings)}
    )
    return schema()


def _bind_key(kind: ma.Field[Any], name: str) -> ma.Field[Any]:
    kind.data_key = name
    return kind


def _is_from_kubernetes(name: str, value: str) -> bool:
    return bool(_KUBERNETES.fullmatch(name)) or (name == f"{PREFIX}PORT" and "://" in value)


def _read_files(row: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that are read from files."""
    found, faults = {}, {}
    for name, read in _FILE_READERS.items():
        if path := row.get(f"{name}_file"):
            try:
                found[name] = read(Path(path).read_text("utf-8"), row)
            except (OSError, ValueError) as error:
                faults[f"{PREFIX}{name.upper()}_FILE"] = [str(error)]
    if faults:
        raise ValidationError(faults)
    return found


def _read_keys(name: str, parse: Callable[[Iterable[str]], keys.Keys]) -> Callable[[str, Mapping[str, Any]], keys.Keys]:
    """A reader of a file of `name:secret` lines, which are added to those of the setting itself."""

    def read(text: str, row: Mapping[str, Any]) -> keys.Keys:
        lines = text.splitlines()
        in_file = parse(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#"))
        listed: keys.Keys = row.get(name, keys.Keys({}))
        if both := sorted(in_file.digests.keys() & listed.digests.keys()):
            raise ValueError(f"contains keys that {PREFIX}{name.upper()} contains too: {', '.join(both)}")
        return keys.Keys({**listed.digests, **in_file.digests})

    return read


def _read_alone(name: str, parse: Callable[[str], Any]) -> Callable[[str, Mapping[str, Any]], Any]:
    """A reader of a file that contains only one setting, which must not be set otherwise too."""

    def read(text: str, row: Mapping[str, Any]) -> Any:
        if name in row:
            raise ValueError(f"{PREFIX}{name.upper()} is set too")
        return parse(text.strip())

    return read


_FILE_READERS: Mapping[str, Callable[[str, Mapping[str, Any]], Any]] = MappingProxyType(
    {
        "api_keys": _read_keys("api_keys", keys.parse_keys),
        "admin_keys": _read_keys("admin_keys", operators.parse_operators),
        "signing_secret": _read_alone("signing_secret", parse_server_secret),
        "database_url": _read_alone("database_url", parse_database_url),
        "key_pepper": _read_alone("key_pepper", parse_server_secret),
        "state_url": _read_alone("state_url", parse_state_url),
        "webhook_url": _read_alone("webhook_url", webhook.parse_webhook_url),
        "webhook_secret": _read_alone("webhook_secret", webhook.parse_webhook_secret),
    }
)


def _check_together(row: Mapping[str, Any]) -> None:
    """Raise ValidationError for a setting that needs another one."""
    if row.get("database_url") and not row.get("key_pepper"):
        raise ValidationError(
            {f"{PREFIX}KEY_PEPPER": ["is needed with a database: openssl rand -hex 32 prints a good one"]}
        )
    if row.get("webhook_url") and not row.get("webhook_secret"):
        raise ValidationError(
            {f"{PREFIX}WEBHOOK_SECRET": ["is needed with a webhook: echo whsec_$(openssl rand -base64 32) prints one"]}
        )
    if row.get("webhook_url") and not row.get("database_url"):
        raise ValidationError({f"{PREFIX}DATABASE_URL": [f"is needed with {PREFIX}WEBHOOK_URL: it has the budgets"]})
    limits, known = row.get("limits", StaticLimits()), row.get("api_keys", keys.Keys({}))
    if unknown := sorted(limits.rows.keys() - known.digests.keys() - {OTHERS}):
        raise ValidationError({f"{PREFIX}LIMITS": [f"names what is not an API key: {', '.join(unknown)[:200]}"]})
    if row.get("issuers_file") and not row.get("database_url"):
        raise ValidationError({f"{PREFIX}DATABASE_URL": [f"is needed with {PREFIX}ISSUERS_FILE: it has the teams"]})
    listed = row.get("admin_keys", keys.Keys({})).digests
    if unknown := [pair for pair in row.get("admin_roles", ()) if pair.rpartition(":")[0] not in listed]:
        raise ValidationError({f"{PREFIX}ADMIN_ROLES": [f"'{unknown[0]}': {PREFIX}ADMIN_KEYS has no such operator"]})


def _format_faults(messages: Any) -> list[str]:
    return [
        _describe_unknown(name) if name not in environment_names() else f"{name}: {message}"
        for name, faults in messages.items()
        for message in faults
    ]


def _describe_unknown(name: str) -> str:
    nearest = difflib.get_close_matches(name, environment_names(), 1)
    return f"{name} is not a setting" + (f"; did you mean {nearest[0]}?" if nearest else "")
