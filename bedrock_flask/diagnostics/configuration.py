"""The settings that botocore reads for itself, each with its source; found without using the network."""

import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError

from bedrock_flask.bedrock.surfaces import API_KEY_VARIABLE, MANTLE
from bedrock_flask.config import PREFIX
from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import CredentialsError, SettingsError
from bedrock_flask.transport.regions import resolve_region
from bedrock_flask.transport.signed.endpoints import find_endpoint

ENVIRONMENT, ENV_FILE, DEFAULT = "environment", ".env file", "default"
CONFIG_FILE = "AWS configuration file"
BEARER = API_KEY_VARIABLE
RUNTIME, CONTROL = "bedrock-runtime", "bedrock"


@dataclass(frozen=True)
class EffectiveSetting:
    """One setting: its value, with secrets masked, and where it comes from."""

    name: str
    value: str
    source: str


def _show(value: str) -> str:
    return value


def _mask(_: str) -> str:
    return "***"


def mask_key_id(key_id: str) -> str:
    """An access key id, of which only the last four characters are shown."""
    return f"***{key_id[-4:]}" if len(key_id) >= 16 else "***"


def redact_url(url: str) -> str:
    """A URL without its parts that may be secret: user, password and query."""
    return re.sub(r"\?.*", "?***", re.sub(r"^([A-Za-z0-9+.-]+://)?.*@", r"\1***@", url))


# Name; environment variables, of which the first that is set wins; key in AWS's configuration file; formatter.
_ROWS = (
    ("region", (f"{PREFIX}REGION", "AWS_REGION", "AWS_DEFAULT_REGION"), "region", _show),
    ("profile", ("AWS_DEFAULT_PROFILE", "AWS_PROFILE"), "", _show),
    ("configuration file", ("AWS_CONFIG_FILE",), "", _show),
    ("credentials file", ("AWS_SHARED_CREDENTIALS_FILE",), "", _show),
    ("access key id", ("AWS_ACCESS_KEY_ID",), "", mask_key_id),
    ("secret access key", ("AWS_SECRET_ACCESS_KEY",), "", _mask),
    ("session token", ("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"), "", _mask),
    ("bearer token", (BEARER,), "", _mask),
    ("role", ("AWS_ROLE_ARN",), "role_arn", _show),
    ("web identity token file", ("AWS_WEB_IDENTITY_TOKEN_FILE",), "web_identity_token_file", _show),
    ("container credentials", ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",), "", _mask),
    ("container credentials address", ("AWS_CONTAINER_CREDENTIALS_FULL_URI",), "", redact_url),
    ("instance metadata disabled", ("AWS_EC2_METADATA_DISABLED",), "", _show),
    ("FIPS endpoint", ("AWS_USE_FIPS_ENDPOINT",), "use_fips_endpoint", _show),
    ("dual-stack endpoint", ("AWS_USE_DUALSTACK_ENDPOINT",), "use_dualstack_endpoint", _show),
    ("CA bundle", ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"), "ca_bundle", _show),
    ("HTTPS proxy", ("https_proxy", "HTTPS_PROXY"), "", redact_url),
    ("HTTP proxy", ("http_proxy", "HTTP_PROXY"), "", redact_url),
    ("no proxy for", ("no_proxy", "NO_PROXY"), "", _show),
)


def read_aws_settings(region: str, from_file: Collection[str]) -> list[EffectiveSetting]:
    """Read the environment and AWS's files; `from_file` are the variables that came from `.env`.

    Raises SettingsError if AWS's files cannot be read or the profile does not exist.
    """
    try:
        session = boto3.session.Session(region_name=resolve_region(region) or None)
        profile = session._session.get_scoped_config()
        rows = [_read_row(name, variables, key, show, profile, from_file) for name, variables, key, show in _ROWS]
        found = [row for row in rows if row is not None]
        if not session.region_name:
            return [EffectiveSetting("region", "", "not set"), *found]
        found += [_find_endpoint(session, service, profile, from_file) for service in (RUNTIME, CONTROL)]
        return [*found, _find_mantle(session, region, profile, from_file)]
    except BotoCoreError as error:
        raise SettingsError(f"AWS's own configuration is invalid: {error}") from None


def describe_source(variable: str, from_file: Collection[str]) -> str:
    """Where an environment variable comes from: the environment itself or the `.env` file."""
    return f"{ENV_FILE if variable in from_file else ENVIRONMENT} ({variable})"


def _read_row(
    name: str,
    variables: tuple[str, ...],
    key: str,
    show: Callable[[str], str],
    profile: Mapping[str, Any],
    from_file: Collection[str],
) -> EffectiveSetting | None:
    for variable in variables:
        if value := os.environ.get(variable, "").strip():
            return EffectiveSetting(name, show(value), describe_source(variable, from_file))
    in_file = profile.get(key)
    return EffectiveSetting(name, show(in_file), f"{CONFIG_FILE} ({key})") if isinstance(in_file, str) else None


def _find_endpoint(
    session: Any, service: str, profile: Mapping[str, Any], from_file: Collection[str]
) -> EffectiveSetting:
    # Made-up credentials, because looking for the real ones might use the network.
    client = session.client(service, aws_access_key_id="none", aws_secret_access_key="none")  # noqa: S106
    url = redact_url(client.meta.endpoint_url)
    return EffectiveSetting(f"endpoint of {service}", url, _find_endpoint_source(session, service, profile, from_file))


def _find_mantle(session: Any, region: str, profile: Mapping[str, Any], from_file: Collection[str]) -> EffectiveSetting:
    """The endpoint that botocore does not know; where AWS documents none, the reason stands in place of a source."""
    name = f"endpoint of {MANTLE}"
    try:
        url = find_endpoint(Settings(region=region), service=MANTLE).url
    except CredentialsError as error:
        return EffectiveSetting(name, "", error.detail)
    return EffectiveSetting(name, redact_url(url), _find_endpoint_source(session, MANTLE, profile, from_file))


def _find_endpoint_source(session: Any, service: str, profile: Mapping[str, Any], from_file: Collection[str]) -> str:
    if session._session.get_config_variable("ignore_configured_endpoint_urls"):
        return f"{DEFAULT} of the region"
    for variable in (f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}", "AWS_ENDPOINT_URL"):
        if os.environ.get(variable):
            return describe_source(variable, from_file)
    return CONFIG_FILE if {"endpoint_url", "services"} & profile.keys() else f"{DEFAULT} of the region"
