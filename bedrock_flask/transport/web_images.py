"""Fetch one image of the web: from a listed host, over TLS, from an address that everybody can reach.

The name is resolved once, and the connection goes to the address that was checked, so that a name cannot have another
address a moment later. Redirects are not followed, and proxies are not used.
"""

import base64
import contextlib
import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from bedrock_flask.config.web_hosts import DEFAULT_PORT, Network, is_listed
from bedrock_flask.protocol.image_files import find_format

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# The formats that models on Bedrock take, by media type.
FORMATS = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
# IPv6 addresses that stand for an IPv4 address: NAT64 (RFC 6052). Python knows the others.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Python calls it global; its networks are as private as 10.0.0.0/8 (RFC 3879).
_SITE_LOCAL = ipaddress.IPv6Network("fec0::/10")
_PRINTABLE = re.compile(r"[!-~]+")
_LONGEST_URL = 4096
_PIECE = 65536


class WebImageError(ValueError):
    """An image that is not fetched; the message continues the name of a field: "url: is not an https URL"."""


@dataclass(frozen=True)
class WebImage:
    """An image: its media type, and its file in base64."""

    media_type: str
    content: str


@dataclass(frozen=True)
class WebLimits:
    """What may be fetched.

    hosts       as `config.web_hosts` has them
    networks    networks that may be reached although they are not public
    most_bytes  the largest file
    seconds     the time for one image, from its name to its last byte
    """

    hosts: Sequence[str]
    networks: Sequence[Network]
    most_bytes: int
    seconds: float


@dataclass(frozen=True)
class _Target:
    host: str
    port: int
    path: str


def fetch_image(url: str, limits: WebLimits) -> WebImage:
    """Fetch the image; raises WebImageError for what may not be fetched, or is not an image."""
    target = _read_url(url, limits)
    until = time.monotonic() + limits.seconds
    try:
        addresses = _resolve(target, limits)
        with contextlib.closing(_connect(addresses, target, until)) as connection:
            return _request(connection, target, limits, until)
    except TimeoutError:
        raise WebImageError(f"cannot be fetched within {limits.seconds:g} seconds") from None
    except (OSError, http.client.HTTPException) as error:
        late = time.monotonic() >= until
        reason = f"within {limits.seconds:g} seconds" if late else f": {_describe(error)}"
        raise WebImageError(f"cannot be fetched{' ' if late else ''}{reason}") from None


def _describe(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "the TLS handshake with its host fails"
    return "its host has no address" if isinstance(error, socket.gaierror) else "the connection to its host fails"


def _read_url(url: str, limits: WebLimits) -> _Target:
    if len(url) > _LONGEST_URL or not _PRINTABLE.fullmatch(url):
        raise WebImageError(f"is not a URL of at most {_LONGEST_URL} printable ASCII characters")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port or DEFAULT_PORT
    except ValueError:
        raise WebImageError("is not a URL") from None
    if parts.scheme != "https" or not host:
        raise WebImageError("is not an https URL")
    if "@" in parts.netloc:
        raise WebImageError("must not have a user name or a password")
    named = f"[{host}]" if ":" in host else host
    if not is_listed(named, port, limits.hosts):
        raise WebImageError(f"has a host that BEDROCK_FLASK_IMAGE_HOSTS does not list: {named}:{port}")
    path = parts.path or "/"
    return _Target(host, port, f"{path}?{parts.query}" if parts.query else path)


# --- addresses --------------------------------------------------------------------------------------------------------


def _resolve(target: _Target, limits: WebLimits) -> list[tuple[int, tuple[object, ...]]]:
    """Every address of the host; if one of them may not be reached, none is."""
    try:
        found = socket.getaddrinfo(target.host, target.port, 0, socket.SOCK_STREAM)
    except UnicodeError:
        raise WebImageError("has a host that cannot be a name: its labels have 1 to 63 characters") from None
    for _, _, _, _, address in found:
        if not _is_allowed(ipaddress.ip_address(str(address[0]).partition("%")[0]), limits.networks):
            raise WebImageError("has a host with an address that is not public")
    return [(family, address) for family, _, _, _, address in found]


def _is_allowed(address: Address, networks: Sequence[Network]) -> bool:
    """Whether everybody can reach the address, and each that it stands for, or the operator allows it."""
    return all(_is_public(each) or any(each in network for network in networks) for each in _list_meant(address))


def _is_public(address: Address) -> bool:
    is_local = address.is_multicast or address.is_reserved or address in _SITE_LOCAL
    return address.is_global and not is_local


def _list_meant(address: Address) -> list[Address]:
    """The IPv4 addresses that an IPv6 address stands for, or else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    meant: list[Address] = [each for each in (address.ipv4_mapped, address.sixtofour) if each is not None]
    meant += address.teredo or ()
    if address in _NAT64:
        meant.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return meant or [address]


# --- HTTP -------------------------------------------------------------------------------------------------------------


@cache
def _make_context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _connect(
    addresses: Sequence[tuple[int, tuple[object, ...]]], target: _Target, until: float
) -> http.client.HTTPSConnection:
    """A connection over TLS to the first address that takes one; the certificate is the host's."""
    failed: OSError = OSError("the host has no address")
    for family, address in addresses:
        plain = socket.socket(family, socket.SOCK_STREAM)
        try:
            plain.settimeout(_remaining(until))
            plain.connect(address)
            secured = _make_context().wrap_socket(plain, server_hostname=target.host)
        except OSError as error:
            plain.close()
            failed = error
            continue
        connection = http.client.HTTPSConnection(target.host, target.port, context=_make_context())
        # It is connected, and never connects again: it would resolve the name anew.
        connection.sock, connection.auto_open = secured, 0
        return connection
    raise failed


def _request(connection: http.client.HTTPSConnection, target: _Target, limits: WebLimits, until: float) -> WebImage:
    sock = connection.sock
    # A server that sends a byte now and then would keep each read within its own time.
    timer = threading.Timer(_remaining(until), _shut_down, [sock])
    timer.daemon = True
    timer.start()
    try:
        sock.settimeout(_remaining(until))
        connection.request(
            "GET",
            target.path,
            headers={"accept": ", ".join(FORMATS), "accept-encoding": "identity", "user-agent": "bedrock-flask"},
        )
        response = connection.getresponse()
        media_type = _check_head(response, limits)
        data = _read_body(response, limits.most_bytes)
        # A body without a length ends where the timer has ended it.
        _remaining(until)
    finally:
        timer.cancel()
    if find_format(data) != FORMATS[media_type]:
        raise WebImageError(f"is called {media_type} by its host, and its content is not that")
    return WebImage("image/jpeg" if media_type == "image/jpg" else media_type, base64.b64encode(data).decode())


def _check_head(response: http.client.HTTPResponse, limits: WebLimits) -> str:
    """The media type of an answer that is an image."""
    if 300 <= response.status < 400:
        raise WebImageError("is redirected, which the gateway does not follow: send the URL that it leads to")
    if response.status != 200:
        raise WebImageError(f"cannot be fetched: its host answers with the status {response.status}")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise WebImageError("cannot be fetched: its host sends it compressed")
    media_type = response.headers.get_content_type()
    if "content-type" not in response.headers or media_type not in FORMATS:
        raise WebImageError(f"is not an image but {media_type[:100]}: use one of {', '.join(FORMATS)}")
    length = response.headers.get("content-length", "")
    if length.isdecimal() and len(length) < 20 and int(length) > limits.most_bytes:
        raise _make_too_large_error(limits.most_bytes)
    return media_type


def _read_body(response: http.client.HTTPResponse, most: int) -> bytes:
    data = bytearray()
    while piece := response.read1(_PIECE):
        data += piece
        if len(data) > most:
            raise _make_too_large_error(most)
    if response.length:
        raise WebImageError("cannot be fetched: the connection to its host fails")
    return bytes(data)


def _make_too_large_error(most: int) -> WebImageError:
    return WebImageError(f"is larger than {most} bytes")


def _remaining(until: float) -> float:
    remaining = until - time.monotonic()
    if remaining <= 0:
        raise TimeoutError
    return remaining


def _shut_down(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
