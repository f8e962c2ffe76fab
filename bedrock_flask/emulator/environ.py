"""Environments in which AWS clients talk to the emulator instead of AWS."""

import os
from collections.abc import Mapping

from bedrock_flask.config import ENV_FILE, PREFIX

# A profile and a session token belong to other credentials, botocore sends no bearer token without TLS, and no endpoint
# of its own may have FIPS or dualstack. With the last one it would read no endpoint at all.
UNSET = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
)
REGION = "us-east-1"
# Services that sign as `bedrock`: nothing but a path of their own tells the emulator which one is called.
PREFIXED = ("bedrock-agent", "bedrock-agent-runtime", "bedrock-data-automation", "bedrock-data-automation-runtime")
# What the paths of bedrock-mantle begin with, which shares some of bedrock-runtime's.
MANTLE_PREFIX = "/bedrock-mantle"
_LOOPBACK = "127.0.0.1,localhost"

# The shell's variables that would point the demonstration elsewhere, but for those that configure its models.
_REMOVED = ("AWS_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", PREFIX, "GUNICORN_CMD_ARGS", "BOTO")
_KEPT = (f"{PREFIX}PLUGINS_DIR", f"{PREFIX}MODELS_FILE", f"{PREFIX}LOG_LEVEL")


def make_client_environ(
    endpoint_url: str, environ: Mapping[str, str], credentials: str = "emulator:emulator"
) -> dict[str, str]:
    """The variables to set for an unmodified AWS client; it signs with the credentials, `KEYID:SECRET`.

    `environ` is read for the hosts that already bypass the proxy.
    """
    hosts = _add_loopback(environ.get("no_proxy") or environ.get("NO_PROXY") or "")
    return {
        **_make_aws_environ(endpoint_url, credentials),
        # Of every other service too: no client may reach AWS with the data of a test.
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ENDPOINT_URL_BEDROCK": endpoint_url,
        **{f"AWS_ENDPOINT_URL_{_make_suffix(service)}": f"{endpoint_url}/{service}" for service in PREFIXED},
        # What the SDKs of Anthropic and OpenAI read for Bedrock; OpenAI's client calls bedrock-mantle by default.
        "ANTHROPIC_BEDROCK_BASE_URL": endpoint_url,
        "ANTHROPIC_BEDROCK_MANTLE_BASE_URL": f"{endpoint_url}{MANTLE_PREFIX}/anthropic",
        "AWS_BEDROCK_BASE_URL": f"{endpoint_url}{MANTLE_PREFIX}/openai/v1",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": hosts,
        "no_proxy": hosts,
    }


def make_compatible_environ(endpoint_url: str, credentials: str = "emulator:emulator") -> dict[str, str]:
    """The variables with which clients of OpenAI and Anthropic themselves call Bedrock, by the key's secret.

    They are those that AWS documents for bedrock-runtime, which it recommends.
    """
    secret = credentials.partition(":")[2]
    return {
        "OPENAI_BASE_URL": f"{endpoint_url}/openai/v1",
        "OPENAI_API_KEY": secret,
        "ANTHROPIC_BASE_URL": f"{endpoint_url}/anthropic",
        "ANTHROPIC_API_KEY": secret,
    }


def make_isolated_environ(environ: Mapping[str, str], port: int) -> dict[str, str]:
    """The environment without the shell's AWS, proxy and gateway settings, pointed at the emulator on that port."""
    kept = {
        name: value
        for name, value in environ.items()
        if name in _KEPT or not name.upper().startswith(_REMOVED)
    }  # fmt: skip
    return {
        **kept,
        **_make_aws_environ(f"http://127.0.0.1:{port}", "emulator:emulator"),
        "AWS_EC2_METADATA_DISABLED": "true",
        ENV_FILE: "",
        # There is no load balancer to wait for.
        f"{PREFIX}DRAIN_DELAY": "0",
    }


def _make_aws_environ(endpoint_url: str, credentials: str) -> dict[str, str]:
    key, _, secret = credentials.partition(":")
    return {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": endpoint_url,
        "AWS_ENDPOINT_URL_BEDROCK_MANTLE": f"{endpoint_url}{MANTLE_PREFIX}",
        "AWS_ENDPOINT_URL_STS": endpoint_url,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def _make_suffix(service: str) -> str:
    return service.upper().replace("-", "_")


def _add_loopback(hosts: str) -> str:
    # A star means every host only if it is alone.
    return hosts if hosts.strip() == "*" else ",".join(filter(None, (hosts, _LOOPBACK)))
