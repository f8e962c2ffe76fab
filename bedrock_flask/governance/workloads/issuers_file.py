"""The issuers file: whose tokens are trusted, and which team or key a token stands for, in TOML.

[issuers.github]
url = "https://token.actions.githubusercontent.com"   # the claim `iss`, and where the keys are found
audience = "https://gateway.example.com"              # the claim `aud` has it, or one of a list
algorithms = ["RS256"]                                # by default RS256 and ES256
max_age = 3600                                        # seconds for which keys serve that cannot be read again
jwks_uri = "https://…"                                # where the keys are, without discovery
ca_file = "/etc/…/ca.crt"                             # instead of the certificates of the system
token_file = "/var/…/token"                           # a bearer token for `jwks_uri`

[[issuers.github.rules]]                              # the first that matches decides
claims = { repository = "acme/app", ref = ["refs/heads/main", "refs/tags/v*"] }
team = "research"                                     # or key = "research/nightly-job"
name = "repository"                                   # the claim that names the caller in its team; by default `sub`
tags = { workflow = "workflow" }                      # tags, by the claims that have their values
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import marshmallow
from marshmallow import fields, validate

from bedrock_flask.config.file_fields import File, Texts, Url, list_messages
from bedrock_flask.errors import IssuersFileError

# The asymmetric algorithms of JWS: an issuer never has a secret in common with the gateway.
ALGORITHMS = (
    *(f"{family}{size}" for family in ("RS", "PS", "ES") for size in (256, 384, 512)),
    "EdDSA",
    "Ed25519",
)
_BY_DEFAULT = ("RS256", "ES256")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")

# A claim, or the way to it through objects.
Place = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What tokens with these claims stand for.

    claims  what the claims must be: a text with `*`, a number, a truth value, a list of those, or an object of claims
    team    the team that the caller belongs to; empty where it is a key
    key     `TEAM/NAME`, the key of the database that the caller is
    name    the claim that names the caller in its team
    tags    the claims that are tags of its calls
    """

    claims: Mapping[str, Any]
    team: str = ""
    key: str = ""
    name: Place = ("sub",)
    tags: Mapping[str, Place] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """An issuer whose tokens are trusted, as the operator describes it."""

    id: str
    url: str
    audience: Sequence[str]
    algorithms: Sequence[str] = _BY_DEFAULT
    max_age: int = 3600
    jwks_uri: str = ""
    ca_file: str = ""
    token_file: str = ""
    rules: Sequence[Rule] = ()


def read_issuers(path: str) -> Sequence[Issuer]:
    """The issuers of a file; IssuersFileError lists every fault."""
    try:
        document = tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise IssuersFileError(f"the issuers file {path} cannot be read: {error}") from None
    issuers, faults = _parse(document)
    if faults:
        raise IssuersFileError(f"the issuers file {path} is invalid: {'; '.join(faults)}")
    return issuers


def _parse(document: Mapping[str, Any]) -> tuple[list[Issuer], list[str]]:
    faults = [f"'{name}' is not known" for name in document if name != "issuers"]
    tables, issuers = document.get("issuers", {}), []
    if not isinstance(tables, dict) or not tables:
        return [], [*faults, "it has no issuers: each has a table [issuers.NAME]"]
    for name, table in tables.items():
        try:
            issuers.append(_read_issuer(name, table))
        except marshmallow.ValidationError as error:
            faults += [f"[issuers.{name}] {words}" for words in list_messages(error.messages)]
    if len({issuer.url for issuer in issuers}) < len(issuers):
        faults.append("two issuers have the same url")
    return issuers, faults


def _read_issuer(name: str, table: Any) -> Issuer:
    if not _NAME.fullmatch(name):
        raise marshmallow.ValidationError("a name has up to 32 letters, digits, '_' and '-'")
    row = _IssuerSchema().load(table)
    if row.get("token_file") and not row.get("jwks_uri"):
        raise marshmallow.ValidationError({"token_file": ["needs jwks_uri, the address that gets the token"]})
    return Issuer(id=name, **row | {"rules": [Rule(**rule) for rule in row["rules"]]})


class _Claims(fields.Field[Mapping[str, Any]]):
    """What claims must be; without any, a rule would take every token of its issuer."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Mapping[str, Any]:
        if not isinstance(value, dict) or not value or not all(_is_expectation(each) for each in value.values()):
            raise marshmallow.ValidationError(
                "is not a table of claims with texts, numbers, true, false, lists of those, or tables of claims"
            )
        return MappingProxyType(value)


def _is_expectation(value: Any) -> bool:
    if isinstance(value, dict | list):
        each = value.values() if isinstance(value, dict) else value
        return bool(value) and all(_is_expectation(one) for one in each)
    return isinstance(value, str | int | bool) and value != ""


class _RuleSchema(marshmallow.Schema):
    claims = _Claims(required=True)
    team = fields.String(validate=validate.Regexp(r"^[\w.-]{1,64}\Z", re.ASCII))
    key = fields.String(validate=validate.Regexp(r"^[\w.-]{1,64}/[\w.-]{1,64}\Z", re.ASCII))
    name = Texts()
    tags = fields.Dict(keys=fields.String(validate=validate.Length(1, 128)), values=Texts())

    @marshmallow.validates_schema
    def check(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        """A token stands for a caller of a team, or for a key."""
        if ("team" in data) == ("key" in data):
            raise marshmallow.ValidationError("has either a team or a key")
        if "key" in data and "name" in data:
            raise marshmallow.ValidationError("has a key, which has its own name", "name")


class _IssuerSchema(marshmallow.Schema):
    url = Url(required=True)
    audience = Texts(required=True)
    algorithms = fields.List(fields.String(validate=validate.OneOf(ALGORITHMS)), validate=validate.Length(1))
    max_age = fields.Integer(strict=True, validate=validate.Range(1, 86400))
    jwks_uri = Url()
    ca_file = File()
    token_file = File()
    rules = fields.List(fields.Nested(_RuleSchema), required=True, validate=validate.Length(1))
