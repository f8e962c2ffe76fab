"""The way to an endpoint is the same over every transport: proxies, private CAs, addresses, kept connections."""

import base64
import contextlib
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bedrock_flask import errors
from bedrock_flask.adapter import Adapter
from bedrock_flask.call import Call, Handler
from bedrock_flask.config.settings import Settings
from bedrock_flask.transport.choice import make_transport
from bedrock_flask.transport.shutdown import Shutdown
from tests.doubles import (
    SendWhole,
    Upstream,
    accept_each,
    free_port,
    pour,
    receive_request,
    run_accepting,
    run_upstream,
    send_whole,
)
from tests.transport.conftest import set_environment

UNTRUSTED = "The TLS connection to Bedrock failed or is not trusted."
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")


@dataclass(frozen=True)
class Certificates:
    """Files in PEM: one authority, and certificates for loopback, for another name, and of yesterday."""

    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "authority.pem"

    def serve(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    made = Certificates(folder)
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    authority_key = folder / "authority.key"
    files = ["-keyout", str(authority_key), "-out", str(made.authority)]
    openssl("req", "-x509", *new, "-subj", "/CN=An authority", "-days", "2", *files)
    for name, alternatives, days in (
        ("loopback", "DNS:localhost,IP:127.0.0.1,IP:::1", "2"),
        ("another", "DNS:bedrock.example.com", "2"),
        ("expired", "DNS:localhost,IP:127.0.0.1,IP:::1", "-1"),
    ):
        request, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternatives}\n")
        openssl("req", *new, "-subj", "/CN=localhost", "-keyout", str(folder / f"{name}.key"), "-out", str(request))
        signed_by = ["-CA", str(made.authority), "-CAkey", str(authority_key), "-CAcreateserial"]
        result = ["-days", days, "-extfile", str(extensions), "-out", str(folder / f"{name}.pem")]
        openssl("x509", "-req", "-in", str(request), *signed_by, *result)
    return made


@dataclass
class Proxy:
    """A proxy for tunnels and for plain HTTP; it keeps the heads that it received, and may want a password."""

    port: int = 0
    tls: ssl.SSLContext | None = None
    authorization: str = ""
    heads: list[str] = field(default_factory=list)
    consent: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"

    def serve(self, listener: socket.socket) -> None:
        for client in accept_each(listener):
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError), plain:
            client = self.tls.wrap_socket(plain, server_side=True) if self.tls else plain
            with client:
                received = b""
                while b"\r\n\r\n" not in received:
                    received += client.recv(65536)
                head = received.partition(b"\r\n\r\n")[0].decode()
                self.heads.append(head)
                if self.authorization and f"proxy-authorization: {self.authorization}".lower() not in head.lower():
                    client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
                    return
                method, target, _ = head.split("\r\n")[0].split(" ")
                authority = target if method == "CONNECT" else target.split("/")[2]
                with socket.create_connection(("127.0.0.1", int(authority.rpartition(":")[2]))) as server:
                    if method == "CONNECT":
                        client.sendall(self.consent)
                    else:
                        server.sendall(received)
                    threading.Thread(target=pour, args=(server, client), daemon=True).start()
                    pour(client, server)


def run_proxy(tls: ssl.SSLContext | None = None, **options: Any) -> contextlib.AbstractContextManager[Proxy]:
    return run_accepting(lambda port: Proxy(port, tls, **options))


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with run_proxy() as proxy:
        yield proxy


@pytest.fixture
def secured(certificates: Certificates) -> Iterator[Upstream]:
    """An upstream with a certificate of the authority."""
    with run_upstream(certificates.serve("loopback")) as upstream:
        yield upstream


Connect = Callable[..., Handler]


@pytest.fixture
def connect(transport: str, monkeypatch: pytest.MonkeyPatch, service_models_read_once: None) -> Connect:
    """Make the handler of each transport, for an endpoint and an environment."""
    for name in [*PROXY_VARIABLES, "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"]:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    def make(endpoint: str, seconds: float = 5.0, **environ: str) -> Handler:
        set_environment(monkeypatch, endpoint)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        settings = Settings(
            transport=transport, connect_timeout=seconds, read_timeout=seconds, max_attempts=1, threads=4
        )
        return make_transport(settings, Shutdown())

    return make


@pytest.fixture
def call(nova: Adapter) -> Callable[[Handler], bytes]:
    """Make one call, and return the answer's body."""

    def send(handler: Handler, body: bytes = b"{}", model: str = "amazon.nova-lite-v1:0") -> bytes:
        deadline = time.monotonic() + 20
        return handler.send(Call(adapter=nova, operation="InvokeModel", model=model, body=body, deadline=deadline)).body

    return send


Send = Callable[..., bytes]


def url(upstream: Upstream, scheme: str = "https", host: str = "localhost") -> str:
    return f"{scheme}://{host}:{upstream.port}"


@pytest.mark.parametrize("way", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "file"])
def test_a_private_authority_is_trusted_and_the_connection_kept(
    secured: Upstream,
    connect: Connect,
    call: Send,
    whole: SendWhole,
    certificates: Certificates,
    way: str,
    tmp_path: Path,
) -> None:
    config = tmp_path / "config"
    config.write_text(f"[default]\nca_bundle = {certificates.authority}\n")
    environ = {"AWS_CONFIG_FILE": str(config)} if way == "file" else {way: str(certificates.authority)}
    handler = connect(url(secured), **environ)
    for number in range(3):
        secured.scripts.append(whole(b"%d" % number))
        assert call(handler) == b"%d" % number
    assert secured.connections == 1


def test_a_bundle_that_is_renewed_is_read_again(
    secured: Upstream, connect: Connect, call: Send, whole: SendWhole, certificates: Certificates, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes((certificates.folder / "another.pem").read_bytes())
    handler = connect(url(secured), AWS_CA_BUNDLE=str(bundle))
    with pytest.raises(errors.UpstreamUnreachable):
        call(handler)
    bundle.write_bytes(certificates.authority.read_bytes())
    secured.scripts.append(whole(b"{}"))
    assert call(handler) == b"{}"


def test_the_bundle_of_aws_comes_before_that_of_requests(
    secured: Upstream, connect: Connect, call: Send, whole: SendWhole, certificates: Certificates
) -> None:
    secured.scripts.append(whole(b"{}"))
    bundles = {"AWS_CA_BUNDLE": str(certificates.authority), "REQUESTS_CA_BUNDLE": "/dev/null"}
    assert call(connect(url(secured), **bundles)) == b"{}"


@pytest.mark.parametrize("bundle", ["", "/no/such/file", "/dev/null", "/"])
def test_without_the_authority_nothing_is_sent(secured: Upstream, connect: Connect, call: Send, bundle: str) -> None:
    with pytest.raises(errors.UpstreamUnreachable) as error:
        call(connect(url(secured), **({"AWS_CA_BUNDLE": bundle} if bundle else {})))
    assert (error.value.detail, error.value.retryable) == (UNTRUSTED, True)
    assert secured.requests == []


def test_an_empty_name_of_a_bundle_is_a_mistake(secured: Upstream, connect: Connect, call: Send) -> None:
    with pytest.raises(errors.CredentialsError):
        call(connect(url(secured), AWS_CA_BUNDLE=" "))


@pytest.mark.parametrize("name", ["another", "expired"])
def test_a_certificate_that_does_not_fit_is_refused(
    connect: Connect, call: Send, certificates: Certificates, name: str
) -> None:
    with run_upstream(certificates.serve(name)) as upstream:
        with pytest.raises(errors.UpstreamUnreachable) as error:
            call(connect(url(upstream), AWS_CA_BUNDLE=str(certificates.authority)))
        assert (error.value.detail, upstream.requests) == (UNTRUSTED, [])


def test_the_authority_of_an_address_is_its_number(
    secured: Upstream, connect: Connect, call: Send, whole: SendWhole, certificates: Certificates
) -> None:
    secured.scripts.append(whole(b"{}"))
    assert call(connect(url(secured, host="127.0.0.1"), AWS_CA_BUNDLE=str(certificates.authority))) == b"{}"


def test_the_name_of_the_certificate_is_the_endpoints(
    connect: Connect, call: Send, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_upstream(certificates.serve("loopback")) as upstream:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", upstream.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        with pytest.raises(errors.UpstreamUnreachable) as error:
            call(connect(url(upstream, host="elsewhere.example.com"), AWS_CA_BUNDLE=str(certificates.authority)))
        assert (error.value.detail, upstream.requests) == (UNTRUSTED, [])


def test_old_tls_is_refused(connect: Connect, call: Send, certificates: Certificates) -> None:
    context = certificates.serve("loopback")
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.deprecated_call():
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with run_upstream(context) as upstream, pytest.raises(errors.UpstreamUnreachable):
        call(connect(url(upstream), AWS_CA_BUNDLE=str(certificates.authority)))


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize("password", ["", "p:a%40s%2Fs"])
def test_a_tunnel_leads_through_the_proxy(
    secured: Upstream,
    connect: Connect,
    call: Send,
    whole: SendWhole,
    certificates: Certificates,
    variable: str,
    password: str,
) -> None:
    basic = "Basic " + base64.b64encode(b"me:p:a@s/s").decode()
    with run_proxy(authorization=basic if password else "") as proxy:
        user = f"me:{password}@" if password else ""
        environ = {variable: f"http://{user}{proxy.address}", "AWS_CA_BUNDLE": str(certificates.authority)}
        handler = connect(url(secured), **environ)
        secured.scripts += [whole(b"1"), whole(b"2")]
        assert [call(handler), call(handler)] == [b"1", b"2"]
    [head] = proxy.heads
    assert head.startswith(f"CONNECT localhost:{secured.port} HTTP/1.")
    assert secured.connections == 1
    # The proxy's password is the proxy's, and the call's signature Bedrock's.
    assert "authorization: aws4" not in head.lower()
    assert b"proxy-authorization" not in secured.requests[0].lower()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_may_speak_tls(
    connect: Connect, call: Send, whole: SendWhole, certificates: Certificates, scheme: str
) -> None:
    tls = certificates.serve("loopback")
    with run_proxy(tls) as proxy, run_upstream(tls if scheme == "https" else None) as upstream:
        environ = {f"{scheme.upper()}_PROXY": f"https://{proxy.address}", "AWS_CA_BUNDLE": str(certificates.authority)}
        handler = connect(url(upstream, scheme), **environ)
        upstream.scripts += [whole(b"1"), whole(b"2" * 300_000)]
        assert [call(handler), call(handler, body=b"3" * 300_000)] == [b"1", b"2" * 300_000]
    assert len(proxy.heads) == 1
    assert (upstream.connections, upstream.requests[1][-300_000:]) == (1, b"3" * 300_000)


def test_a_proxy_with_a_certificate_that_is_not_trusted_receives_nothing(
    secured: Upstream, connect: Connect, call: Send, certificates: Certificates
) -> None:
    with run_proxy(certificates.serve("another")) as proxy:
        environ = {"HTTPS_PROXY": f"https://{proxy.address}", "AWS_CA_BUNDLE": str(certificates.authority)}
        with pytest.raises(errors.UpstreamUnreachable):
            call(connect(url(secured), **environ))
        assert proxy.heads == []


@pytest.mark.parametrize("password", ["", "secret"])
def test_a_plain_request_goes_to_the_proxy_as_a_whole_url(
    upstream: Upstream, connect: Connect, call: Send, whole: SendWhole, proxy: Proxy, password: str
) -> None:
    user = f"me:{password}@" if password else ""
    handler = connect(url(upstream, "http", "127.0.0.1"), HTTP_PROXY=f"http://{user}{proxy.address}")
    upstream.scripts += [whole(b"1"), whole(b"2")]
    assert [call(handler), call(handler)] == [b"1", b"2"]
    assert upstream.requests[0].startswith(
        b"POST http://127.0.0.1:%d/model/amazon.nova-lite-v1%%3A0/invoke HTTP/1.1\r\n" % upstream.port
    )
    assert all((b"proxy-authorization: basic" in head.lower()) == bool(password) for head in upstream.requests)
    assert upstream.connections == 1


@pytest.mark.parametrize("names", ["localhost", "169.254.169.254,LOCALHOST", ".localhost", "*"])
def test_whom_no_proxy_names_is_reached_directly(
    secured: Upstream,
    connect: Connect,
    call: Send,
    whole: SendWhole,
    certificates: Certificates,
    proxy: Proxy,
    names: str,
) -> None:
    secured.scripts.append(whole(b"{}"))
    environ = {"HTTPS_PROXY": f"http://{proxy.address}", "NO_PROXY": names}
    assert call(connect(url(secured), AWS_CA_BUNDLE=str(certificates.authority), **environ)) == b"{}"
    assert proxy.heads == []


@pytest.mark.parametrize(
    "consent",
    [
        b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
        b"what?\r\n\r\n",
        b"",
    ],
)
def test_a_proxy_that_refuses_is_an_upstream_that_cannot_be_reached(
    secured: Upstream, connect: Connect, call: Send, certificates: Certificates, consent: bytes
) -> None:
    with run_proxy(consent=consent) as proxy:
        if not consent:
            proxy.authorization = "none"
        environ = {"HTTPS_PROXY": f"http://{proxy.address}", "AWS_CA_BUNDLE": str(certificates.authority)}
        with pytest.raises(errors.UpstreamUnreachable) as error:
            call(connect(url(secured), seconds=1, **environ))
    assert error.value.retryable
    assert secured.requests == []


def test_no_password_of_a_proxy_is_named(
    secured: Upstream, connect: Connect, call: Send, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING", "bedrock_flask"), pytest.raises(errors.UpstreamUnreachable) as error:
        call(connect(url(secured), HTTPS_PROXY=f"http://me:canary@127.0.0.1:{free_port()}"))
    assert "canary" not in caplog.text + str(error.value)
    assert caplog.records


def test_an_address_of_ipv6_is_reached(connect: Connect, call: Send, whole: SendWhole) -> None:
    with run_upstream(host="::1") as upstream:
        upstream.scripts.append(whole(b"{}"))
        assert call(connect(url(upstream, "http", "[::1]"))) == b"{}"
    assert b"host: [::1]:%d" % upstream.port in upstream.requests[0].lower()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_every_address_of_a_name_is_tried(
    connect: Connect, call: Send, whole: SendWhole, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    with run_upstream(host=host) as upstream:
        found = [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", upstream.port, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", upstream.port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        upstream.scripts.append(whole(b"{}"))
        assert call(connect(url(upstream, "http", "bedrock.example.com"))) == b"{}"


def test_a_name_without_an_address_cannot_be_reached(connect: Connect, call: Send) -> None:
    with pytest.raises(errors.UpstreamUnreachable) as error:
        call(connect("https://no-such-host.invalid"))
    assert error.value.retryable


def test_a_connection_that_nobody_accepts_times_out(connect: Connect, call: Send) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as waiting:
        # Connections that wait to be accepted fill the queue, and the next are not answered.
        for _ in range(4):
            other = waiting.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(full.getsockname())
        with pytest.raises(errors.UpstreamTimeout) as error:
            call(connect(f"http://127.0.0.1:{full.getsockname()[1]}", seconds=0.3))
    assert (error.value.detail, error.value.retryable) == ("The connection to Bedrock timed out.", True)


def test_an_upstream_that_does_not_begin_tls_times_out(connect: Connect, call: Send) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(errors.UpstreamTimeout) as error:
        call(connect(f"https://localhost:{silent.getsockname()[1]}", seconds=0.3))
    assert not error.value.retryable


def test_an_upstream_that_takes_no_body_is_given_up(connect: Connect, call: Send) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(errors.UpstreamUnreachable) as error:
        call(connect(f"http://127.0.0.1:{silent.getsockname()[1]}", seconds=0.3), body=b" " * 20_000_000)
    assert error.value.retryable


def test_an_idle_connection_that_was_closed_is_not_used(
    upstream: Upstream, connect: Connect, call: Send, whole: SendWhole
) -> None:
    handler = connect(url(upstream, "http", "127.0.0.1"))
    closed = threading.Event()

    def answer_and_close(client: socket.socket) -> None:
        whole(b"1")(client)
        client.close()
        closed.set()

    upstream.scripts.append(answer_and_close)
    assert call(handler) == b"1"
    assert closed.wait(10)
    upstream.scripts.append(whole(b"2"))
    assert call(handler) == b"2"
    assert upstream.connections == 2


class Echo(Upstream):
    """An upstream that answers each request with its body."""

    def _talk(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError), self._wrap(plain) as client:
            while request := receive_request(client):
                send_whole(request.partition(b"\r\n\r\n")[2])(client)


@pytest.fixture
def echo() -> Iterator[Echo]:
    with run_accepting(Echo) as upstream:
        yield upstream


def test_two_hundred_calls_at_once_have_their_own_answers(echo: Echo, connect: Connect, call: Send) -> None:
    handler = connect(url(echo, "http", "127.0.0.1"), seconds=20)
    bodies = [b'{"n": %d}' % number for number in range(200)]
    with ThreadPoolExecutor(200) as threads:
        for _ in range(3):
            assert list(threads.map(lambda body: call(handler, body=body), bodies)) == bodies


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_that_forks_shares_no_connection(echo: Echo, connect: Connect, call: Send) -> None:
    handler = connect(url(echo, "http", "127.0.0.1"))
    assert call(handler) == b"{}"
    child = os.fork()
    if child == 0:
        # No word of pytest's may be written twice.
        os._exit(0 if all(call(handler, body=b"child") == b"child" for _ in range(50)) else 1)
    assert all(call(handler, body=b"parent") == b"parent" for _ in range(50))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert echo.connections == 2


GREENLETS = """
import gevent.monkey
gevent.monkey.patch_all()
import sys, time
import gevent
from bedrock_flask.call import Call
from bedrock_flask.config.settings import Settings
from bedrock_flask.models import loading
from bedrock_flask.transport.choice import make_transport
from bedrock_flask.transport.shutdown import Shutdown

handler = make_transport(Settings(transport=sys.argv[1], worker="gevent"), Shutdown())
adapter = loading.load_registry().adapters["nova"]


def call(body):
    deadline = time.monotonic() + 60
    return handler.send(Call(adapter=adapter, operation="InvokeModel", model="m", body=body, deadline=deadline)).body


bodies = [b"%d" % number for number in range(200)] + [b" " * 3_000_000]
for _ in range(3):
    jobs = [gevent.spawn(call, body) for body in bodies]
    assert [job.get() for job in jobs] == bodies
print("right")
"""


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_greenlets_have_their_own_answers(
    echo: Echo,
    transport: str,
    monkeypatch: pytest.MonkeyPatch,
    certificates: Certificates,
    scheme: str,
    plain_environ: dict[str, str],
) -> None:
    if scheme == "https":
        echo.tls = certificates.serve("loopback")
    environ = {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url(echo, scheme), "AWS_CA_BUNDLE": str(certificates.authority)}
    ran = subprocess.run(
        [sys.executable, "-c", GREENLETS, transport],
        env={**plain_environ, **environ},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (ran.stdout, ran.returncode) == ("right\n", 0), ran.stderr
    # A connection is used again, and one greenlet at a time has it.
    assert echo.connections <= 201
