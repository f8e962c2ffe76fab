"""The environment in which an unmodified AWS client talks to the emulator, and to nothing of the machine's own."""

import os
from collections.abc import Mapping

from bedrock_flask.config import PREFIX

# A profile and a session token belong to other credentials, botocore sends no bearer token without TLS, and the last
# one would keep it from looking at the endpoint at all.
UNSET = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
)
REGION = "us-east-1"
_HERE = "127.0.0.1,localhost"


def client_environ(endpoint_url: str, environ: Mapping[str, str], signing: str = "emulator:emulator") -> dict[str, str]:
    """The variables to set; `environ` is asked what no proxy is used for already, clients sign with `signing`."""
    key, _, secret = signing.partition(":")
    direct = _without_proxy(environ.get("no_proxy") or environ.get("NO_PROXY") or "")
    return {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": endpoint_url,
        "AWS_ENDPOINT_URL_BEDROCK": endpoint_url,
        "ANTHROPIC_BEDROCK_BASE_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": direct,
        "no_proxy": direct,
    }


def _without_proxy(told: str) -> str:
    # The star stands for everything only where it stands alone.
    return told if told.strip() == "*" else ",".join(filter(None, (told, _HERE)))


# The shell's own AWS and proxy settings would lead the demonstration elsewhere: it brings its own.
_OURS = ("AWS_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", PREFIX, "GUNICORN_CMD_ARGS", "BOTO")
_KEPT = (f"{PREFIX}PLUGINS_DIR", f"{PREFIX}MODELS_FILE", f"{PREFIX}LOG_LEVEL")


def isolated_environ(environ: Mapping[str, str], emulator: int) -> dict[str, str]:
    """The environment without the shell's AWS, proxy and gateway settings, pointed at the emulator."""
    kept = {
        name: value
        for name, value in environ.items()
        if name in _KEPT or not name.upper().startswith(_OURS)
    }  # fmt: skip
    return kept | {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": f"http://127.0.0.1:{emulator}",
        "AWS_ACCESS_KEY_ID": "emulator",
        "AWS_SECRET_ACCESS_KEY": "emulator",
        "AWS_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        f"{PREFIX}ENV_FILE": "",
        # Nobody's load balancer waits to be told.
        f"{PREFIX}DRAIN_DELAY": "0",
    }
