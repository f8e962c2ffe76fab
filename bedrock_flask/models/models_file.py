"""The models file: the operator's aliases of Bedrock models, in TOML.

[models.fast]
id = "amazon.nova-lite-v1:0"             # the model, which selects the adapter
profile = "eu.amazon.nova-lite-v1:0"     # called instead: an inference profile's id, or any ARN
region = "eu-west-1"
adapter = "nova"                         # only if the id does not determine it
description = "For drafts."
validate = "warn"                        # pass on fields and values that are not known, and report them
unsupported = "drop"                     # drop what the model does not support, and report it
cache = "on"                             # mark what the model caches in requests of OpenAI's formats
successor = "nova"                       # called instead once AWS does not serve the model any more
successor_from = 2027-01-31              # … or from this day

[models.fast.policy]                     # what calls by this alias must satisfy, in addition to the caller's policies
regions = ["eu-west-1"]
most_tokens = 2000
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import marshmallow
from marshmallow import fields, validate

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.model_ids import REGION
from bedrock_flask.errors import ModelsFileError
from bedrock_flask.governance.policy import Policy, read_policy
from bedrock_flask.governance.policy_form import OF_CALLERS, find_policy_fault
from bedrock_flask.models.contradictions import find_contradictions
from bedrock_flask.models.registry import Registry

STRICT, WARN = "strict", "warn"
ERROR, DROP = "error", "drop"
# Whether requests that mark nothing are cached: where they ask for a cache in OpenAI's way, always, or never.
CACHE_MODES = AUTO, ON, OFF = "auto", "on", "off"


@dataclass(frozen=True, kw_only=True)
class Alias:
    """An entry of the models file."""

    name: str
    id: str
    adapter: str = ""
    region: str = ""
    profile: str = ""
    description: str = ""
    validate: str = STRICT
    unsupported: str = ""
    cache: str = ""
    successor: str = ""
    successor_from: date | None = None
    policy: Policy | None = None

    @property
    def model(self) -> str:
        """The id or ARN that is called on Bedrock."""
        return self.profile or self.id


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:\[\]-]{0,127}")
_ID = r"^[\x21-\x7e]{1,2048}\Z"


class _Day(fields.Field[date]):
    """A date of TOML's, or a text such as `2027-01-31`."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:
        try:
            day = date.fromisoformat(value) if isinstance(value, str) else value
        except ValueError:
            day = None
        if not isinstance(day, date) or isinstance(day, datetime):
            raise marshmallow.ValidationError("is not a day such as 2027-01-31")
        return day


class _Policy(fields.Field[Mapping[str, Any]]):
    """The rules of a policy, as teams and keys have them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Mapping[str, Any]:
        fault = find_policy_fault(value, ()) if isinstance(value, dict) else "is not a table of rules"
        if named := [name for name in OF_CALLERS if not fault and name in value]:
            fault = f"{named[0]} is a rule of teams and keys only"
        if fault:
            raise marshmallow.ValidationError(fault)
        rules: Mapping[str, Any] = value
        return rules


class _EntrySchema(marshmallow.Schema):
    id = fields.String(validate=validate.Regexp(_ID))
    profile = fields.String(validate=validate.Regexp(_ID))
    arn = fields.String(validate=[validate.Regexp(_ID), validate.Regexp(r"^arn:")])
    adapter = fields.String()
    region = fields.String(validate=validate.Regexp(rf"^{REGION}\Z"))
    description = fields.String()
    mode = fields.String(data_key="validate", validate=validate.OneOf([STRICT, WARN]))
    unsupported = fields.String(validate=validate.OneOf([ERROR, DROP]))
    cache = fields.String(validate=validate.OneOf(CACHE_MODES))
    successor = fields.String(validate=validate.Regexp(_ID))
    successor_from = _Day()
    policy = _Policy()


def read_models_file(path: str | Path | None, registry: Registry) -> Mapping[str, Alias]:
    """Read the aliases of a models file; ModelsFileError lists every fault."""
    return parse_models_file(read_text(path), path, registry) if path else MappingProxyType({})


def read_text(path: str | Path) -> str:
    """The text of a models file; ModelsFileError if it cannot be read."""
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _make_unreadable(path, error) from None


def _make_unreadable(path: str | Path, error: Exception) -> ModelsFileError:
    return ModelsFileError(f"the models file {path} cannot be read: {error}")


def parse_models_file(text: str, path: str | Path, registry: Registry) -> Mapping[str, Alias]:
    """The aliases in the text of a models file; ModelsFileError lists every fault."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # Beside TOMLDecodeError: arrays that are nested too deeply, and integers of thousands of digits.
        raise _make_unreadable(path, error) from None
    faults = [
        f"'{name}' is not known; models are declared under [models.NAME]" for name in document if name != "models"
    ]
    aliases: dict[str, Alias] = {}
    models = document.get("models", {})
    if not isinstance(models, dict):
        faults, models = [*faults, "models must be a table, with each model under [models.NAME]"], {}
    for name, entry in models.items():
        try:
            aliases[name] = _make_alias(name, entry, registry)
        except marshmallow.ValidationError as error:
            faults += [f"[models.{name}] {fault}" for fault in _format_messages(error.messages)]
    for alias in aliases.values():
        faults += [f"[models.{alias.name}] {words}" for words in find_contradictions(alias, aliases, registry)]
    if faults:
        raise ModelsFileError(f"the models file {path} is invalid: " + "; ".join(faults))
    return MappingProxyType(aliases)


def _make_alias(name: str, entry: Any, registry: Registry) -> Alias:
    row = _EntrySchema().load(entry)
    profile, arn = row.pop("profile", ""), row.pop("arn", "")
    if profile and arn:
        raise marshmallow.ValidationError({"arn": ["cannot be combined with a profile"]})
    profile = profile or arn
    mode, rules = row.pop("mode", STRICT), row.pop("policy", None)
    policy = read_policy(f"alias '{name}'", rules) if rules else None
    alias = Alias(name=name, id=row.pop("id", "") or profile, profile=profile, validate=mode, policy=policy, **row)
    if not alias.id:
        raise marshmallow.ValidationError({"id": ["is missing: give the Bedrock id, a profile or an ARN"]})
    if alias.adapter and alias.adapter not in registry.adapters:
        raise marshmallow.ValidationError({"adapter": [f"no plugin registers '{alias.adapter}'"]})
    if not _NAME.fullmatch(name):
        raise marshmallow.ValidationError(
            {"_schema": ["a name consists of letters, digits, '.', '_', ':', '-', '[' and ']'"]}
        )
    if name in registry.adapters and not _is_of(registry.adapters[name], alias, registry):
        raise marshmallow.ValidationError(
            {"_schema": [f"'{name}' is the name of an adapter, and this model belongs to another"]}
        )
    return alias


def _is_of(adapter: Adapter, alias: Alias, registry: Registry) -> bool:
    """Whether the model of an alias belongs to an adapter."""
    if alias.adapter:
        return alias.adapter == adapter.name
    claim = registry.find_claim(alias.id)
    return claim is not None and claim.adapter is adapter


def _format_messages(messages: Any) -> list[str]:
    if isinstance(messages, dict):
        return [
            f"{'' if key == '_schema' else f'{key}: '}{line}"
            for key, m in messages.items()
            for line in _format_messages(m)
        ]
    return [str(message) for message in messages]
