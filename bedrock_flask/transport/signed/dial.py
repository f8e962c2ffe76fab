"""A new connection to an endpoint: addresses, TCP, a proxy's tunnel, TLS."""

import re
import socket
import time
from dataclasses import dataclass

from bedrock_flask.transport.keep_alive import PROBE_OPTIONS
from bedrock_flask.transport.signed.channel import Channel, Plain, Tls, never, receive_within
from bedrock_flask.transport.signed.route import Proxy, find_tls_context

_OPTIONS = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *PROBE_OPTIONS,
)
_MAX_TUNNEL_HEAD = 65536


class ConnectTimedOut(TimeoutError):
    """No address of the endpoint took a connection in time."""


class ProxyRefused(OSError):
    """The proxy cannot be reached, or opens no tunnel."""


@dataclass(frozen=True)
class Destination:
    """Where requests go: an endpoint, the proxy on the way, and the file of certificates that TLS trusts."""

    scheme: str
    host: str
    port: int
    proxy: Proxy | None
    ca_file: str

    @property
    def authority(self) -> str:
        """The host and the port as a tunnel is opened to them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def dial(destination: Destination, seconds: float, deadline: float) -> Channel:
    """A connection over which requests to `destination` can be sent; each step may take this many seconds.

    Raises ConnectTimedOut, TimeoutError for a later step, ProxyRefused, ssl.SSLError, and other OSErrors.
    """
    proxy = destination.proxy
    channel = _reach_proxy(destination, proxy, seconds, deadline) if proxy else _reach(destination, seconds, deadline)
    try:
        if destination.scheme == "https":
            if proxy:
                _open_tunnel(channel, destination, proxy, _until(seconds, deadline))
            channel = _secure(channel, destination.ca_file, destination.host, _until(seconds, deadline))
    except BaseException:
        channel.sock.close()
        raise
    return channel


def _reach(destination: Destination, seconds: float, deadline: float) -> Channel:
    try:
        return Plain(_connect(destination.host, destination.port, seconds, deadline))
    except TimeoutError:
        raise ConnectTimedOut from None


def _reach_proxy(destination: Destination, proxy: Proxy, seconds: float, deadline: float) -> Channel:
    try:
        channel: Channel = Plain(_connect(proxy.host, proxy.port, seconds, deadline))
    except OSError as error:
        raise ProxyRefused(type(error).__name__) from None
    if proxy.scheme != "https":
        return channel
    try:
        return _secure(channel, destination.ca_file, proxy.host, _until(seconds, deadline))
    except BaseException:
        channel.sock.close()
        raise


def _connect(host: str, port: int, seconds: float, deadline: float) -> socket.socket:
    """A TCP connection to the first address that takes one, in the system's order of IPv6 and IPv4."""
    error: OSError = OSError("the name has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM):
        try:
            return _connect_to(socket.socket(family, kind, protocol), address, _until(seconds, deadline))
        except OSError as failed:
            error = failed
    raise error


def _connect_to(sock: socket.socket, address: tuple[object, ...], until: float) -> socket.socket:
    try:
        for option in _OPTIONS:
            sock.setsockopt(*option)
        sock.settimeout(max(until - time.monotonic(), 0.001))
        sock.connect(address)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _secure(channel: Channel, ca_file: str, host: str, until: float) -> Channel:
    # A name may end with a dot; certificates have none.
    secured = Tls(channel, find_tls_context(ca_file), host.rstrip("."))
    secured.handshake(until)
    return secured


def _open_tunnel(channel: Channel, destination: Destination, proxy: Proxy, until: float) -> None:
    """Have the proxy connect to the endpoint; nothing but its consent may have arrived afterwards."""
    authorization = f"Proxy-Authorization: {proxy.authorization}\r\n" if proxy.authorization else ""
    lines = f"CONNECT {destination.authority} HTTP/1.1\r\nHost: {destination.authority}\r\n{authorization}\r\n"
    channel.send(lines.encode("latin-1"), until, never)
    head = b""
    while b"\r\n\r\n" not in head:
        received = receive_within(channel, until)
        head += received
        if not received or len(head) > _MAX_TUNNEL_HEAD:
            raise ProxyRefused("the proxy did not answer")
    if not _CONSENT.match(head) or not head.endswith(b"\r\n\r\n"):
        raise ProxyRefused("the proxy opens no tunnel")


_CONSENT = re.compile(rb"HTTP/1\.[01] 200[ \r]")


def _until(seconds: float, deadline: float) -> float:
    return min(time.monotonic() + seconds, deadline)
