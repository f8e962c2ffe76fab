"""The gateway of the catalogue, in front of a scripted upstream."""

from pathlib import Path
from typing import Any

import pytest

from tests.catalogue.harness import PATHS, Harness
from tests.doubles import Gateway, SendStream, SendWhole, StartGateway, Upstream

Json = dict[str, Any]

# Two models that want their requests otherwise than those that are built in.
PLUGIN = '''
"""Models for the catalogue: one that takes no text beside tool results, one that does not stream."""

from bedrock_flask.plugin import Adapter, Capabilities, converse_body, hookimpl

ABLE = Capabilities(tools=True, system=True)
SAMPLE = {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}


@hookimpl
def register_adapters(register):
    for name, able in (("strict", ABLE.but(results_with_text=False)), ("mute", ABLE.but(streaming=False))):
        register(
            Adapter(
                name=f"acme-{name}",
                description="A model.",
                body=converse_body.Body,
                speaks={"converse": "Converse"},
                models={f"acme.{name}-*": able},
                default=f"acme.{name}-1",
                sample=SAMPLE,
            )
        )
'''
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
MODELS = f"""
[models.priced]
id = "amazon.nova-micro-v1:0"
arn = "{ARN}"
"""


@pytest.fixture(scope="session")
def plugins_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the models of the catalogue's own."""
    folder: Path = tmp_path_factory.mktemp("plugins")
    (folder / "acme.py").write_text(PLUGIN)
    return folder


@pytest.fixture(scope="module")
def gateway(
    request: pytest.FixtureRequest,
    start_gateway: StartGateway,
    lasting_upstream: Upstream,
    plugins_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Gateway:
    models = tmp_path_factory.mktemp("models") / "models.toml"
    models.write_text(MODELS)
    settings = {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": f"http://127.0.0.1:{lasting_upstream.port}",
        "BEDROCK_FLASK_MODELS_FILE": str(models),
        "BEDROCK_FLASK_PLUGINS_DIR": str(plugins_folder),
        "BEDROCK_FLASK_MAX_ATTEMPTS": "1",
    }
    return start_gateway(**settings | getattr(request.module, "SETTINGS", {}))


@pytest.fixture
def harness(gateway: Gateway, lasting_upstream: Upstream, whole: SendWhole, stream: SendStream) -> Harness:
    """The gateway and its upstream, which has nothing to say yet and has heard nothing."""
    harness = Harness(gateway, lasting_upstream, whole, stream)
    lasting_upstream.reset().scripts = harness
    return harness


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def streamed(request: pytest.FixtureRequest) -> bool:
    """Whether the client asks for a stream."""
    return bool(request.param)


@pytest.fixture(params=PATHS)
def dialect(request: pytest.FixtureRequest) -> str:
    """One of the dialects that are translated."""
    return str(request.param)
