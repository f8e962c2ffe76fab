"""How an endpoint is reached: directly or through a proxy, and whose certificates are trusted.

Both are what botocore chooses, by its own functions: they read the environment, and nothing else does.
"""

import os
import ssl
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from bedrock_flask.transport.signed.endpoints import DEFAULT_PORTS


@dataclass(frozen=True)
class Proxy:
    """A proxy; `authorization` is the value of its header, empty without a user and a password."""

    scheme: str
    host: str
    port: int
    authorization: str


def find_proxy(url: str) -> Proxy | None:
    """The proxy for requests to this URL, by HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in lower case too.

    ValueError if its URL cannot be read.
    """
    from botocore.httpsession import ProxyConfiguration
    from botocore.utils import get_environ_proxies

    configuration = ProxyConfiguration(get_environ_proxies(url))
    proxy_url = configuration.proxy_url_for(url)
    if not proxy_url:
        return None
    parts = urlsplit(proxy_url)
    if not parts.hostname or parts.scheme not in DEFAULT_PORTS:
        raise ValueError("the URL of the proxy has no host")
    # As urllib3, which takes the port of the scheme for a URL that has none.
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    authorization = configuration.proxy_headers_for(proxy_url).get("Proxy-Authorization", "")
    return Proxy(parts.scheme, parts.hostname, port, authorization)


def find_ca_file(ca_bundle: str) -> str:
    """The file of trusted certificates: the configured one, or botocore's: certifi's list where that is installed."""
    from botocore.httpsession import get_cert_path

    return os.path.expanduser(ca_bundle or str(get_cert_path(True)))


def find_tls_context(ca_file: str) -> ssl.SSLContext:
    """The rules of TLS, with the certificates that the file holds now; ssl.SSLError if it cannot be read."""
    try:
        return _make_tls_context(ca_file, os.stat(ca_file).st_mtime_ns)
    except OSError:
        raise ssl.SSLError("the file of trusted certificates cannot be read") from None


@lru_cache(maxsize=4)
def _make_tls_context(ca_file: str, changed: int) -> ssl.SSLContext:
    """Certificate and name are verified, with at least TLS 1.2."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_TICKET
    context.load_verify_locations(ca_file)
    return context
