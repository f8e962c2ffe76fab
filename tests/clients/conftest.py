"""One gateway for all clients, with keys, key pairs and aliases, in front of the session's emulator."""

import base64
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.clients.endpoint import Endpoint
from tests.doubles import Emulator, Gateway, GatewayWith, StartGateway, Upstream

KEY = "a-key-for-the-clients-alone"
SIGNING = "a-signing-secret-for-the-clients-alone"
PROFILE = "eu.anthropic.claude-opus-5-5"
ARN = f"arn:aws:bedrock:eu-west-1:123456789012:inference-profile/{PROFILE}"
ALIASES = f"""
[models.draft]
id = "amazon.nova-lite-v1:0"

[models.profiled]
id = "anthropic.claude-opus-5-5"
profile = "{PROFILE}"

[models.by-arn]
id = "anthropic.claude-opus-5-5"
profile = "{ARN}"

[models.easy]
id = "amazon.nova-lite-v1:0"
unsupported = "drop"
"""
LARGEST = 300_000
# One black point; its label in a request may say otherwise.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@pytest.fixture(scope="module", autouse=True)
def _without_surroundings() -> Iterator[None]:
    """No proxy, no key of somebody's own and no tracing: the clients speak with loopback only."""
    looked_up: list[Any] = []
    resolve = socket.getaddrinfo

    def on_loopback(host: Any, *rest: Any, **more: Any) -> Any:
        if host not in ("127.0.0.1", b"127.0.0.1"):
            looked_up.append(host)
            raise OSError(f"a client asks for {host!r}")
        return resolve(host, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.lower().endswith("_proxy") or name.startswith(("OPENAI_", "ANTHROPIC_", "AWS_", "LANG")):
                patch.delenv(name)
        patch.setenv("LANGSMITH_TRACING", "false")
        patch.setenv("LANGCHAIN_TRACING_V2", "false")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setattr(socket, "getaddrinfo", on_loopback)
        yield
    assert looked_up == []


@pytest.fixture(scope="session")
def endpoint(
    start_lasting_gateway: StartGateway,
    plain_environ: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Endpoint:
    """The gateway: one attempt, so that each error comes at once and as it is."""
    models = tmp_path_factory.mktemp("models") / "models.toml"
    models.write_text(ALIASES)
    keys = {"BEDROCK_FLASK_API_KEYS": f"clients:{KEY}", "BEDROCK_FLASK_SIGNING_SECRET": SIGNING}
    server = start_lasting_gateway(
        **keys,
        BEDROCK_FLASK_MODELS_FILE=str(models),
        BEDROCK_FLASK_BASE_PATH="/bedrock",
        BEDROCK_FLASK_MAX_ATTEMPTS="1",
        BEDROCK_FLASK_DRAIN_DELAY="0",
        BEDROCK_FLASK_MAX_BODY_BYTES=str(LARGEST),
        BEDROCK_FLASK_FIRST_EVENT_TIMEOUT="2",
        BEDROCK_FLASK_READ_TIMEOUT="5",
    )
    return Endpoint(server.url, server, KEY, _pair(plain_environ | keys))


def _pair(environ: dict[str, str]) -> tuple[str, str]:
    command = [sys.executable, "-m", "bedrock_flask", "aws-keys", "clients"]
    output = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=30).stdout
    lines = dict(line.split("=", 1) for line in output.split())
    return lines["AWS_ACCESS_KEY_ID"], lines["AWS_SECRET_ACCESS_KEY"]


@pytest.fixture
def script(emulator: Emulator) -> Iterator[Callable[..., None]]:
    """Script the next answers of the emulator: `script({"text": "Hi."})`."""

    def script(*replies: dict[str, Any]) -> None:
        response = emulator.post("/_emulator/replies", list(replies))
        assert response.ok, response.text

    yield script
    emulator.ask("DELETE", "/_emulator/replies")


@pytest.fixture
def says(script: Callable[..., None]) -> Callable[..., None]:
    """Script one whole answer in Converse's words: `says([{"text": "Hi."}], stop="end_turn", prompt="Hello")`."""

    def says(content: list[Any], stop: str = "end_turn", usage: dict[str, int] | None = None, **when: Any) -> None:
        counts = usage or {"inputTokens": 7, "outputTokens": 5}
        document = {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": stop,
            "usage": {**counts, "totalTokens": sum(counts.values())},
        }
        script({**when, "response": document})

    return says


@pytest.fixture
def sent(emulator: Emulator) -> Callable[[], list[Any]]:
    """The bodies that the models were sent so far, oldest first."""
    return lambda: [json.loads(call["body"]) for call in emulator.calls()]


@pytest.fixture(scope="session")
def png() -> bytes:
    return PNG


@pytest.fixture(scope="session")
def pdf() -> bytes:
    return PDF


@pytest.fixture
def upstream(session_upstream: Upstream) -> Upstream:
    return session_upstream.reset()


@pytest.fixture
def replayed(gateway_with: GatewayWith, upstream: Upstream) -> Gateway:
    """A gateway without keys in front of an upstream that sends what its scripts hold."""
    return gateway_with(AWS_ENDPOINT_URL_BEDROCK_RUNTIME=upstream.url)
