"""Images of the web: which are fetched, from which addresses, and what is refused."""

import base64
import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_flask.config.web_hosts import is_listed, parse_networks, parse_web_hosts
from bedrock_flask.protocol.drawn_images import draw_image
from bedrock_flask.transport import web_images
from bedrock_flask.transport.web_images import WebImageError, WebLimits, fetch_image
from tests.doubles import Upstream, run_upstream, send_whole
from tests.transport.certificate import make_certificate, serve_with

PNG = base64.b64decode(draw_image("a street", 8, 8))
LOOPBACK = parse_networks(["127.0.0.0/8", "::1/128"])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("web"))


@pytest.fixture(autouse=True)
def _trusting(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(web_images, "_make_context", lambda: context)


@pytest.fixture(scope="module")
def running(certificate: Path) -> Iterator[Upstream]:
    with run_upstream(serve_with(certificate)) as server:
        yield server


@pytest.fixture
def web(running: Upstream) -> Upstream:
    running.connections = 0
    return running.reset()


def limits(web: Upstream, **changes: Any) -> WebLimits:
    known: dict[str, Any] = {
        "hosts": parse_web_hosts([f"localhost:{web.port}"]),
        "networks": LOOPBACK,
        "most_bytes": 1000,
        "seconds": 5.0,
    }
    return WebLimits(**{**known, **changes})


def url(web: Upstream, path: str = "/a.png?b=1", host: str = "localhost") -> str:
    return f"https://{host}:{web.port}{path}"


def test_an_image_is_fetched_with_its_path_and_without_credentials(web: Upstream) -> None:
    web.scripts.append(send_whole(PNG, content_type="image/png"))
    image = fetch_image(url(web) + "#part", limits(web))
    assert (image.media_type, base64.b64decode(image.content)) == ("image/png", PNG)
    head = web.requests[0].decode().lower()
    assert head.startswith("get /a.png?b=1 http/1.1\r\n")
    assert f"host: localhost:{web.port}\r\n" in head
    assert "authorization" not in head
    assert "cookie" not in head


def test_the_port_of_https_is_no_part_of_the_host_that_is_called(
    web: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http.client.HTTPSConnection, "default_port", web.port)
    web.scripts.append(send_whole(PNG, content_type="image/png"))
    fetch_image(url(web), limits(web))
    assert b"\r\nHost: localhost\r\n" in web.requests[0]


@pytest.mark.parametrize("form", ["jpeg", "webp"])
def test_other_formats_are_fetched(web: Upstream, form: str) -> None:
    web.scripts.append(send_whole(base64.b64decode(draw_image("a", 8, 8, form)), content_type=f"Image/{form}; q=1"))
    assert fetch_image(url(web), limits(web)).media_type == f"image/{form}"


def refuse(web: Upstream, address: str, words: str, **changes: Any) -> None:
    with pytest.raises(WebImageError, match=words):
        fetch_image(address, limits(web, **changes))


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://localhost:{port}/", "is not an https URL"),
        ("ftp://localhost:{port}/", "is not an https URL"),
        ("https://:{port}/", "is not an https URL"),
        ("https://other.example:{port}/", "does not list: other.example"),
        ("https://localhost/", "does not list: localhost:443"),
        ("https://localhost.example:{port}/", "does not list"),
        ("https://127.0.0.1:{port}/", "does not list"),
        ("https://[::1]:{port}/", "does not list"),
        ("https://user@localhost:{port}/", "must not have a user name"),
        ("https://localhost:{port}@other.example/", "must not have a user name"),
        ("https://localhost:{port}/a b", "printable ASCII"),
        ("https://localhost:{port}/\r\nx: y", "printable ASCII"),
        ("https://localhost:{port}/ü", "printable ASCII"),
        ("https://localhost:99999/", "is not a URL"),
        ("https://localhost:{port}/" + "a" * 5000, "at most 4096"),
        ("https://a..web.example:{port}/", "cannot be a name"),
        (f"https://{'a' * 64}.web.example:{{port}}/", "cannot be a name"),
    ],
)
def test_another_address_is_refused_without_a_connection(web: Upstream, address: str, words: str) -> None:
    hosts = parse_web_hosts([f"localhost:{web.port}", f"*.web.example:{web.port}"])
    refuse(web, address.format(port=web.port), words, hosts=hosts)
    assert web.connections == 0


def test_a_loopback_address_is_refused_unless_its_network_is_allowed(web: Upstream) -> None:
    refuse(web, url(web), "not public", networks=())
    assert web.connections == 0


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[Any]:
    """Have every name resolve to these addresses; the list has the questions."""
    asked: list[Any] = []

    def resolve(host: Any, port: Any, *rest: Any) -> list[Any]:
        asked.append(host)
        return [
            (
                socket.AF_INET6 if ":" in each else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (each, port, 0, 0) if ":" in each else (each, port),
            )
            for each in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
    ],
)
def test_a_host_with_an_address_that_is_not_public_is_refused(
    web: Upstream, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    # The first address is public: one that is not is enough.
    asked = resolve_to(monkeypatch, "203.0.114.5", address)
    refuse(web, url(web), "not public", networks=())
    assert asked == ["localhost"]
    assert web.connections == 0


def test_the_name_is_resolved_once_and_the_connection_goes_to_that_address(
    web: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolve_to(monkeypatch, "127.0.0.1")
    web.scripts.append(send_whole(PNG, content_type="image/png"))
    assert fetch_image(url(web), limits(web)).media_type == "image/png"
    assert asked == ["localhost"]


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_ipv6_is_judged_as_itself(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(f"::ffff:{address}")
    translated = ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) + int(address))
    verdict = web_images._is_allowed(address, ())
    assert web_images._is_allowed(mapped, ()) is verdict
    assert web_images._is_allowed(translated, ()) is verdict


ANSWERS: list[tuple[Any, str]] = [
    (send_whole(b"", "302 Found", location="https://localhost/"), "is redirected"),
    (send_whole(b"", "304 Not Modified"), "is redirected"),
    (send_whole(b"gone", "404 Not Found"), "status 404"),
    (send_whole(PNG, "206 Partial Content", content_type="image/png"), "status 206"),
    (send_whole(PNG), "is not an image but application/json"),
    (send_whole(PNG, content_type="image/svg+xml"), "is not an image"),
    (send_whole(PNG, content_type="image/jpeg"), "its content is not that"),
    (send_whole(b"<svg/>", content_type="image/png"), "its content is not that"),
    (send_whole(PNG, content_type="image/png", content_encoding="gzip"), "compressed"),
    (send_whole(PNG + bytes(1000), content_type="image/png"), "is larger than 1000 bytes"),
    (send_whole(PNG, length=900, content_type="image/png"), "the connection to its host fails"),
    (
        lambda client: client.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n\r\n" + PNG + bytes(1000)),
        "larger",
    ),
    (lambda client: client.sendall(b"nonsense\r\n\r\n"), "the connection to its host fails"),
    (lambda client: client.shutdown(socket.SHUT_RDWR), "the connection to its host fails"),
]


@pytest.mark.parametrize(("script", "words"), ANSWERS)
def test_an_answer_that_is_no_image_is_refused(web: Upstream, script: Any, words: str) -> None:
    web.scripts.append(script)
    refuse(web, url(web), words, seconds=2.0)


def drip(client: socket.socket) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nx: " + b"a" * 1000:
        client.sendall(bytes([byte]))
        time.sleep(0.05)


def test_a_server_that_sends_a_byte_now_and_then_has_no_more_time(web: Upstream) -> None:
    web.scripts.append(drip)
    began = time.monotonic()
    refuse(web, url(web), "cannot be fetched within 0.5 seconds", seconds=0.5)
    assert time.monotonic() - began < 5


def begin(client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\nconnection: close\r\n\r\n" + PNG[:40])
    time.sleep(2)


def test_an_image_without_a_length_that_does_not_end_in_time_is_refused(web: Upstream) -> None:
    web.scripts.append(begin)
    refuse(web, url(web), "cannot be fetched within 0.5 seconds", seconds=0.5)


def test_a_certificate_of_another_name_is_refused(web: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_to(monkeypatch, "127.0.0.1")
    hosts = parse_web_hosts([f"images.example:{web.port}"])
    refuse(web, url(web, host="images.example"), "TLS", hosts=hosts)


def test_a_name_without_an_address_is_refused(web: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*question: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    refuse(web, url(web), "its host has no address")


def test_hosts_are_names_with_ports() -> None:
    hosts = parse_web_hosts(["Images.example.com", "*.cdn.example", "other.example:8443", "[::1]:9"])
    assert hosts == ("images.example.com:443", "*.cdn.example:443", "other.example:8443", "[::1]:9")
    assert is_listed("images.example.com", 443, hosts)
    assert is_listed("a.b.cdn.example", 443, hosts)
    assert is_listed("[::1]", 9, hosts)
    for host, port in (
        ("example.com", 443),
        ("cdn.example", 443),
        ("evilcdn.example", 443),
        ("images.example.com", 8443),
        ("other.example", 443),
    ):
        assert not is_listed(host, port, hosts)


@pytest.mark.parametrize(
    "host", ["", "*", "https://a.example", "a.example/", "a b", "*.*.example", "a.example:0", "a:99999"]
)
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="is not a host"):
        parse_web_hosts([host])


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a network"):
        parse_networks(["10.0.0.1/8"])
