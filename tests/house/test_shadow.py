"""The nginx configuration of docs/how-to/coming-from-litellm.md: a copy of each request, under a real nginx."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.doubles import PATIENCE, Emulator, Gateway, GatewayWith, free_port
from tests.house.conftest import run_nginx

PAGE = Path(__file__).parents[2] / "docs/how-to/coming-from-litellm.md"
TURNS = [{"role": "user", "content": "Hi"}]


@dataclass(frozen=True)
class Shadowed:
    """nginx before one gateway in LiteLLM's place and another that gets the copies, and nginx's log."""

    url: str
    log: Path
    litellm: Gateway
    copied: Gateway

    def ask(self, model: str, **options: Any) -> requests.Response:
        body = {"model": model, "messages": TURNS, **options}
        with requests.Session() as session:
            session.trust_env = False
            return session.post(f"{self.url}/chat/completions", json=body, timeout=PATIENCE)


def port_of(server: Any) -> str:
    return str(server.url.rpartition(":")[2])


@pytest.fixture(scope="module")
def start_shadow(nginx: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Run nginx with the page's configuration before two ports; its own port, and its log."""
    running: list[Any] = []

    def start(litellm: str, copied: str) -> tuple[int, Path]:
        folder, port = tmp_path_factory.mktemp("shadow"), free_port()
        [site] = re.findall(r"^```nginx\n(.*?)^```", PAGE.read_text(), re.M | re.S)
        for old, new in {
            "listen 80;": f"listen 127.0.0.1:{port};",
            "127.0.0.1:4000": f"127.0.0.1:{litellm}",
            "127.0.0.1:8000": f"127.0.0.1:{copied}",
            "/var/log/nginx/litellm.log": f"{folder}/access.log",
        }.items():
            assert old in site, old
            site = site.replace(old, new)
        running.append(run_nginx(nginx, folder, site, port))
        running[-1].__enter__()
        return port, folder / "access.log"

    yield start
    for each in running:
        each.__exit__(None, None, None)


@pytest.fixture(scope="module")
def shadowed(start_shadow: Any, gateway_with: GatewayWith) -> Shadowed:
    # Without keys a gateway refuses what a proxy passes on, and nginx adds no header by which it would know one.
    litellm = gateway_with(BEDROCK_FLASK_PATHS="litellm,access-gateway")
    copied = gateway_with(BEDROCK_FLASK_PATHS="litellm", BEDROCK_FLASK_MODELS="listed")
    port, log = start_shadow(port_of(litellm), port_of(copied))
    return Shadowed(f"http://127.0.0.1:{port}", log, litellm, copied)


def test_each_request_reaches_both_with_one_id(shadowed: Shadowed, emulator: Emulator) -> None:
    answer = shadowed.ask("nova", max_tokens=17)
    assert answer.status_code == 200
    request_id = answer.headers["x-request-id"]
    lines = [gateway.line(request_id) for gateway in (shadowed.litellm, shadowed.copied)]
    assert [line["status"] for line in lines] == [200, 200]
    assert len({line["input_tokens"] for line in lines}) == 1
    assert len(emulator.calls()) == 2


def test_what_the_copy_refuses_no_client_sees_and_the_commands_of_the_page_list(
    shadowed: Shadowed, tmp_path: Path
) -> None:
    if not shutil.which("jq"):
        assert "CI" not in os.environ, "jq is not installed: apt-get install jq"
        pytest.skip("jq is not installed")
    answer = shadowed.ask("acme.unlisted-v1:0")
    assert answer.status_code == 200
    request_id = answer.headers["x-request-id"]
    assert shadowed.copied.line(request_id)["status"] == 403
    (tmp_path / "gateway.log").write_text(shadowed.copied.log.read_text())
    [commands] = re.findall(r"^```sh\n(jq .*?)^```", PAGE.read_text(), re.M | re.S)
    script = commands.replace("/var/log/nginx/litellm.log", str(shadowed.log))
    done = subprocess.run(["sh", "-ec", script], cwd=tmp_path, check=True, capture_output=True, text=True)
    [line] = [line for line in done.stdout.splitlines() if line.startswith(request_id)]
    assert line.split()[1:6] == ["200", "POST", "/chat/completions", "403", "model_not_listed"]


def test_a_stream_comes_from_litellm_and_is_copied_too(shadowed: Shadowed) -> None:
    answer = shadowed.ask("nova", stream=True)
    assert answer.text.rstrip().endswith("data: [DONE]")
    assert shadowed.copied.line(answer.headers["x-request-id"])["status"] == 200


def test_clients_do_not_notice_that_the_gateway_is_away(start_shadow: Any, shadowed: Shadowed) -> None:
    port, _ = start_shadow(port_of(shadowed.litellm), str(free_port()))
    alone = Shadowed(f"http://127.0.0.1:{port}", shadowed.log, shadowed.litellm, shadowed.copied)
    assert [alone.ask("nova").status_code for _ in range(3)] == [200] * 3
