"""What botocore has been told, and by whom; found out without asking anybody on the network."""

import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError

from bedrock_flask.config import PREFIX
from bedrock_flask.errors import SettingsError

ENVIRONMENT, ENV_FILE, DEFAULT = "environment", ".env file", "default"
CONFIG_FILE = "AWS configuration file"
BEARER = "AWS_BEARER_TOKEN_BEDROCK"
RUNTIME, CONTROL = "bedrock-runtime", "bedrock"


@dataclass(frozen=True)
class EffectiveSetting:
    """One setting: its value, without secrets, and who said so."""

    name: str
    value: str
    source: str


def _whole(value: str) -> str:
    return value


def _hidden(_: str) -> str:
    return "***"


def _last_four(value: str) -> str:
    return f"***{value[-4:]}" if len(value) >= 16 else "***"


def redact_url(url: str) -> str:
    """An address without what may be a secret in it: the user, the password and the query."""
    return re.sub(r"\?.*", "?***", re.sub(r"^([A-Za-z0-9+.-]+://)?.*@", r"\1***@", url))


# What it is called; the variables that say it, first wins; the member of the profile in AWS's configuration file.
_ROWS = (
    ("region", (f"{PREFIX}REGION", "AWS_REGION", "AWS_DEFAULT_REGION"), "region", _whole),
    ("profile", ("AWS_DEFAULT_PROFILE", "AWS_PROFILE"), "", _whole),
    ("configuration file", ("AWS_CONFIG_FILE",), "", _whole),
    ("credentials file", ("AWS_SHARED_CREDENTIALS_FILE",), "", _whole),
    ("access key id", ("AWS_ACCESS_KEY_ID",), "", _last_four),
    ("secret access key", ("AWS_SECRET_ACCESS_KEY",), "", _hidden),
    ("session token", ("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"), "", _hidden),
    ("bearer token", (BEARER,), "", _hidden),
    ("role", ("AWS_ROLE_ARN",), "role_arn", _whole),
    ("web identity token file", ("AWS_WEB_IDENTITY_TOKEN_FILE",), "web_identity_token_file", _whole),
    ("container credentials", ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",), "", _hidden),
    ("container credentials address", ("AWS_CONTAINER_CREDENTIALS_FULL_URI",), "", redact_url),
    ("instance metadata disabled", ("AWS_EC2_METADATA_DISABLED",), "", _whole),
    ("FIPS endpoint", ("AWS_USE_FIPS_ENDPOINT",), "use_fips_endpoint", _whole),
    ("dual-stack endpoint", ("AWS_USE_DUALSTACK_ENDPOINT",), "use_dualstack_endpoint", _whole),
    ("CA bundle", ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"), "ca_bundle", _whole),
    ("HTTPS proxy", ("https_proxy", "HTTPS_PROXY"), "", redact_url),
    ("HTTP proxy", ("http_proxy", "HTTP_PROXY"), "", redact_url),
    ("no proxy for", ("no_proxy", "NO_PROXY"), "", _whole),
)


def read_aws_settings(region: str, from_file: Collection[str]) -> list[EffectiveSetting]:
    """What stands in the environment and in AWS's files; `from_file` are the variables that came from `.env`.

    SettingsError where AWS's files cannot be read, or have no such profile.
    """
    try:
        session = boto3.session.Session(region_name=effective_region(region) or None)
        profile = session._session.get_scoped_config()
        told = [_told(name, variables, member, show, profile, from_file) for name, variables, member, show in _ROWS]
        found = [row for row in told if row is not None]
        if not session.region_name:
            return [EffectiveSetting("region", "", "nobody"), *found]
        return found + [_endpoint(session, service, profile, from_file) for service in (RUNTIME, CONTROL)]
    except BotoCoreError as error:
        raise SettingsError(f"AWS's own configuration does not hold: {error}") from None


def effective_region(region: str) -> str:
    """The region that a client is made for: every other AWS SDK reads AWS_REGION, botocore AWS_DEFAULT_REGION alone."""
    return region or os.environ.get("AWS_REGION", "")


def describe_source(variable: str, from_file: Collection[str]) -> str:
    """Who set an environment variable."""
    return f"{ENV_FILE if variable in from_file else ENVIRONMENT} ({variable})"


def _told(
    name: str,
    variables: tuple[str, ...],
    member: str,
    show: Callable[[str], str],
    profile: Mapping[str, Any],
    from_file: Collection[str],
) -> EffectiveSetting | None:
    for variable in variables:
        if value := os.environ.get(variable, "").strip():
            return EffectiveSetting(name, show(value), describe_source(variable, from_file))
    in_file = profile.get(member)
    return EffectiveSetting(name, show(in_file), f"{CONFIG_FILE} ({member})") if isinstance(in_file, str) else None


def _endpoint(session: Any, service: str, profile: Mapping[str, Any], from_file: Collection[str]) -> EffectiveSetting:
    # Made up credentials: looking for the real ones may ask on the network.
    client = session.client(service, aws_access_key_id="none", aws_secret_access_key="none")  # noqa: S106
    url = redact_url(client.meta.endpoint_url)
    return EffectiveSetting(f"endpoint of {service}", url, _endpoint_source(session, service, profile, from_file))


def _endpoint_source(session: Any, service: str, profile: Mapping[str, Any], from_file: Collection[str]) -> str:
    if session._session.get_config_variable("ignore_configured_endpoint_urls"):
        return f"{DEFAULT} of the region"
    for variable in (f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}", "AWS_ENDPOINT_URL"):
        if os.environ.get(variable):
            return describe_source(variable, from_file)
    return CONFIG_FILE if {"endpoint_url", "services"} & profile.keys() else f"{DEFAULT} of the region"
