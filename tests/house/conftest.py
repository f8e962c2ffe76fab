"""nginx before a server, with TLS, by the configuration of docs/how-to/behind-nginx.md."""

import contextlib
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

PAGE = Path(__file__).parents[2] / "docs/how-to/behind-nginx.md"
PATIENCE = 30


@dataclass(frozen=True)
class Front:
    """A running nginx: its port, its certificate and its log of accesses."""

    port: int
    certificate: Path
    log: Path

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            session.verify = str(self.certificate)
            return session.request(method, self.url + path, timeout=PATIENCE, **options)

    def connection(self) -> ssl.SSLSocket:
        trusting = ssl.create_default_context(cafile=str(self.certificate))
        plain = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        return trusting.wrap_socket(plain, server_hostname="localhost")


@pytest.fixture(scope="session")
def nginx() -> str:
    """The program; in CI its absence is a failure."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
    assert found or "CI" not in os.environ, "nginx is not installed: apt-get install nginx-light"
    return found or pytest.skip("nginx is not installed")


@pytest.fixture(scope="session")
def nginx_page() -> str:
    """The configuration that the page shows."""
    [found] = re.findall(r"^```nginx\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    return str(found)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate, made by the page's own command."""
    folder = tmp_path_factory.mktemp("tls")
    [command] = re.findall(r"^openssl .*?(?<!\\)$", PAGE.read_text(), re.M | re.S)
    subprocess.run(["sh", "-c", command], cwd=folder, check=True, capture_output=True)
    return folder / "gateway.crt"


@pytest.fixture(scope="session")
def start_nginx(
    nginx: str, nginx_page: str, certificate: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Front]]:
    """Start nginx with the page's configuration: `start_nginx(port_of_the_gateway, {"10s": "1s"})`."""
    with contextlib.ExitStack() as running:

        def start(upstream: int, changes: dict[str, str] | None = None) -> Front:
            folder = tmp_path_factory.mktemp("nginx")
            with socket.create_server(("127.0.0.1", 0)) as probe:
                port = int(probe.getsockname()[1])
            placed = {
                "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
                "server 127.0.0.1:8000;": f"server 127.0.0.1:{upstream};",
                "/etc/nginx/tls/gateway.crt": str(certificate),
                "/etc/nginx/tls/gateway.key": str(certificate.with_suffix(".key")),
                "/var/log/nginx/bedrock-flask.log": f"{folder}/access.log",
            }
            told = nginx_page
            for old, new in {**placed, **(changes or {})}.items():
                assert old in told, old
                told = told.replace(old, new)
            running.enter_context(run_nginx(nginx, folder, told, port))
            return Front(port, certificate, folder / "access.log")

        yield start


@contextlib.contextmanager
def run_nginx(nginx: str, folder: Path, site: str, port: int) -> Iterator[None]:
    """Run nginx with this configuration of a site, which listens on the port, until the block ends."""
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(_around(folder))
    process = subprocess.Popen([nginx, "-p", str(folder), "-c", "nginx.conf", "-e", str(folder / "error.log")])
    try:
        _wait(process, port, folder / "error.log")
        yield
    finally:
        _stop(process)


def _around(folder: Path) -> str:
    """What stands around `conf.d` on every machine, with all that nginx writes kept in one folder."""
    user = "user root;\n" if os.geteuid() == 0 else ""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    return (
        f"{user}daemon off;\nworker_processes 1;\npid {folder}/pid;\nevents {{}}\n"
        f"http {{\n{temporary}include {folder}/site.conf;\n}}\n"
    )


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(PATIENCE)


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None, f"nginx did not start: {log.read_text()}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"nginx was not ready in time: {log.read_text()}")
