"""An emulator with made-up models, one for each way in which AWS serves models, and unmodified SDKs in front of it."""

from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import openai
import pytest

from tests.doubles import Emulator, StartEmulator

# As GPT-5.6: on runtime by profiles alone, on mantle below /openai/v1. As gpt-oss: on mantle below /v1. As Claude.
PLUGIN = """
from bedrock_flask.plugin import CHAT, Adapter, KnownModel, converse_body, hookimpl

FRONTIER = CHAT.but(
    images=True,
    reasoning=True,
    sampling="none",
    stop_sequences=False,
    least_tokens=16,
    efforts=("none", "low", "high"),
    surfaces=("converse", "runtime/chat", "runtime/responses", "mantle/openai/chat", "mantle/openai/responses"),
)
OPEN = CHAT.but(
    reasoning=True, efforts=("low", "high"), surfaces=("converse", "runtime/chat", "mantle/chat", "mantle/responses")
)
CHATTY = CHAT.but(tools=False, structured=False, forced_tools=False, surfaces=("mantle/chat",))
CLAUDE = CHAT.but(
    reasoning=True,
    thinking="adaptive",
    sampling="none",
    cache=True,
    surfaces=("converse", "runtime/messages", "mantle/messages"),
)
MODELS = {
    "acme.frontier-*": FRONTIER,
    "acme.open-*": OPEN,
    "acme.chatty-*": CHATTY,
    "acme.claude-*": CLAUDE,
    "acme.converse-*": CHAT,
}
KNOWN = {
    "acme.frontier-1": KnownModel(name="Frontier 1", profiles=("us", "global"), on_demand=False),
    "acme.open-1": KnownModel(name="Open 1"),
    "acme.chatty-1": KnownModel(name="Chatty 1"),
    "acme.claude-1": KnownModel(name="Claude 1", profiles=("us",), on_demand=False),
    "acme.converse-1": KnownModel(name="Converse 1"),
}


@hookimpl
def register_adapters(register):
    register(
        Adapter(
            name="acme",
            description="Made-up models.",
            body=converse_body.Body,
            speaks={"converse": "Converse"},
            models=MODELS,
            known_models=KNOWN,
            default="acme.open-1",
            sample=converse_body.SAMPLE,
        )
    )
"""
FRONTIER, PROFILE, OPEN, CHATTY = "acme.frontier-1", "us.acme.frontier-1", "acme.open-1", "acme.chatty-1"
CLAUDE, CLAUDES_PROFILE, CONVERSE = "acme.claude-1", "us.acme.claude-1", "acme.converse-1"
# Where each endpoint's OpenAI-compatible APIs are.
RUNTIME, MANTLE, MANTLE_OPENAI = "/openai/v1", "/bedrock-mantle/v1", "/bedrock-mantle/openai/v1"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
KEY = "AKIAIOSFODNN7EXAMPLE"

OpenAI = Callable[..., openai.OpenAI]
Anthropic = Callable[..., anthropic.Anthropic]


@pytest.fixture(scope="session")
def _surfaces(start_lasting_emulator: StartEmulator, tmp_path_factory: pytest.TempPathFactory) -> Emulator:
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "acme.py").write_text(PLUGIN)
    return start_lasting_emulator(plugins_dir=folder)


@pytest.fixture
def surfaces(_surfaces: Emulator) -> Iterator[Emulator]:
    """The emulator with the made-up models, with no fault set and an empty request log."""
    _surfaces.ask("DELETE", "/_emulator/requests")
    yield _surfaces
    for orders in ("faults", "replies"):
        _surfaces.ask("DELETE", f"/_emulator/{orders}")


@pytest.fixture(scope="session")
def locked(start_lasting_emulator: StartEmulator, tmp_path_factory: pytest.TempPathFactory) -> Emulator:
    """The same, and callers must have a secret."""
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "acme.py").write_text(PLUGIN)
    return start_lasting_emulator("--secret", f"{KEY}:{SECRET}", plugins_dir=folder)


@pytest.fixture(autouse=True)
def _without_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key and no proxy of the machine's."""
    for name in ("AWS_BEARER_TOKEN_BEDROCK", "AWS_PROFILE", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "OPENAI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def openai_client(surfaces: Emulator) -> Iterator[OpenAI]:
    """OpenAI's client of an endpoint: `openai_client(MANTLE)`."""
    opened: list[openai.OpenAI] = []

    def connect(path: str = RUNTIME, api_key: str = "emulator", **options: Any) -> openai.OpenAI:
        opened.append(
            openai.OpenAI(base_url=surfaces.url + path, api_key=api_key, max_retries=0, timeout=20, **options)
        )
        return opened[-1]

    yield connect
    for client in opened:
        client.close()


@pytest.fixture
def anthropic_client(surfaces: Emulator) -> Iterator[Anthropic]:
    """Anthropic's client of bedrock-runtime, or of another path."""
    opened: list[anthropic.Anthropic] = []

    def connect(path: str = "/anthropic", api_key: str = "emulator") -> anthropic.Anthropic:
        opened.append(anthropic.Anthropic(base_url=surfaces.url + path, api_key=api_key, max_retries=0, timeout=20))
        return opened[-1]

    yield connect
    for client in opened:
        client.close()


@pytest.fixture
def called(surfaces: Emulator) -> Callable[[], list[str]]:
    """The surfaces that were called so far."""
    return lambda: [call["operation"] for call in surfaces.calls()]
