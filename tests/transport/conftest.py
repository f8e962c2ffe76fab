"""A transport for each test, in front of an upstream that sends the bytes of its scripts."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bedrock_flask.adapter import Adapter
from bedrock_flask.call import Call
from bedrock_flask.config.settings import Settings
from bedrock_flask.models import loading
from bedrock_flask.transport.choice import TRANSPORTS, make_transport
from bedrock_flask.transport.shutdown import Shutdown
from tests.doubles import Upstream


@pytest.fixture
def aws(upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which botocore finds the upstream and nothing else."""
    set_environment(monkeypatch, upstream.url)


def set_environment(patch: pytest.MonkeyPatch, endpoint: str) -> None:
    """Set what botocore reads, so that it finds the endpoint and nothing else."""
    for name in ("HTTP_PROXY", "http_proxy", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK", "AWS_SESSION_TOKEN"):
        patch.delenv(name, raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": endpoint,
        "AWS_ENDPOINT_URL_BEDROCK_MANTLE": endpoint,
        "AWS_ACCESS_KEY_ID": "emulator",
        "AWS_SECRET_ACCESS_KEY": "emulator",
        "AWS_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        patch.setenv(name, value)


@pytest.fixture(scope="session")
def nova() -> Adapter:
    return loading.load_registry().adapters["nova"]


@pytest.fixture(params=sorted(TRANSPORTS))
def transport(request: pytest.FixtureRequest) -> str:
    """The name of each transport."""
    return str(request.param)


@pytest.fixture
def send(
    upstream: Upstream, aws: None, service_models_read_once: None, nova: Adapter, transport: str
) -> Callable[..., Any]:
    """Send one call through each transport, with short patience."""
    settings = Settings(
        transport=transport, connect_timeout=1, read_timeout=0.5, max_attempts=2, max_reply_bytes=10_000, threads=4
    )
    short = make_transport(settings, Shutdown())
    patient = make_transport(replace(settings, read_timeout=60), Shutdown())

    def call(model: str = "amazon.nova-lite-v1:0", body: bytes = b"{}", seconds: float = 5.0, **options: Any) -> Any:
        is_patient = options.pop("patient", False)
        result = Call(
            adapter=nova,
            operation=options.pop("operation", "InvokeModel"),
            model=model,
            body=body,
            deadline=time.monotonic() + seconds,
            **options,
        )
        handler = patient if is_patient else short
        return handler.send_stream(result) if result.stream else handler.send(result), result

    return call
