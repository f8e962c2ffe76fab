"""The login file: the OpenID provider that people log in with, and which roles its groups have, in TOML.

issuer = "https://login.example.com/realms/acme"
client_id = "bedrock-flask"
client_secret_file = "/run/secrets/oidc"       # for a client that has a secret
url = "https://admin.example.com"              # the admin API, as browsers call it
scope = "openid profile"                       # by default `openid`
name = "email"                                 # the claim that names people in the audit log; by default `sub`
groups_claim = "groups"                        # by default `groups`; a claim within an object is a list
max_age = 3600                                 # seconds after which people log in again
ca_file = "/etc/…/ca.crt"                      # instead of the certificates of the system

[groups]
platform = ["admin"]
finance = ["auditor"]
"research-leads" = ["owner@research", "owner@lab"]
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import marshmallow
from marshmallow import fields, validate

from bedrock_flask.config.file_fields import File, Texts, Url, list_messages
from bedrock_flask.config.operators import is_role
from bedrock_flask.errors import LoginFileError
from bedrock_flask.governance.workloads.issuers_file import Place


@dataclass(frozen=True, kw_only=True)
class LoginFile:
    """The provider, and what its people may do."""

    issuer: str
    client_id: str
    url: str
    groups: Mapping[str, Sequence[str]]
    client_secret: str = field(default="", repr=False)
    scope: str = "openid"
    name: str = "sub"
    groups_claim: Place = ("groups",)
    max_age: int = 3600
    ca_file: str = ""


class _Role(fields.String):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not is_role(text):
            raise marshmallow.ValidationError("is not a role: admin, auditor or owner@TEAM")
        return text


class _LoginSchema(marshmallow.Schema):
    issuer = Url(required=True)
    client_id = fields.String(required=True, validate=validate.Length(1))
    client_secret_file = File()
    url = Url(required=True)
    scope = fields.String(validate=validate.Regexp(r"(^|.* )openid( .*|\Z)", error="does not contain openid"))
    name = fields.String(validate=validate.Length(1))
    groups_claim = Texts()
    max_age = fields.Integer(strict=True, validate=validate.Range(60, 86400))
    ca_file = File()
    groups = fields.Dict(
        keys=fields.String(),
        values=fields.List(_Role()),
        required=True,
        validate=validate.Length(1),
    )


def read_login_file(path: str) -> LoginFile:
    """The login file; LoginFileError lists every fault."""
    try:
        row: dict[str, Any] = _LoginSchema().load(tomllib.loads(Path(path).read_text("utf-8")))
        secret = row.pop("client_secret_file", "")
        return LoginFile(**row, client_secret=Path(secret).read_text("utf-8").strip() if secret else "")
    except marshmallow.ValidationError as error:
        raise LoginFileError(f"the login file {path} is invalid: {'; '.join(list_messages(error.messages))}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise LoginFileError(f"the login file {path} cannot be read: {error}") from None
