"""Which hosts of the web the gateway may fetch from: names, `*.` for those below one, a port if it is not 443."""

import ipaddress
import re
from collections.abc import Collection, Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_HOST = re.compile(
    r"(\*\.)?(?P<host>[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:(?P<port>[1-9][0-9]{0,4}))?", re.ASCII
)
DEFAULT_PORT = 443


def parse_web_hosts(hosts: Iterable[str]) -> tuple[str, ...]:
    """The hosts, each as `host:port`. Raises ValueError for the first one that is not a host."""
    parsed: dict[str, None] = {}
    for host in hosts:
        parts = _HOST.fullmatch(host.lower())
        port = int((parts and parts["port"]) or DEFAULT_PORT)
        if parts is None or port > 65535:
            raise ValueError(f"{host[:200]!r} is not a host: write images.example.com, *.example.com or host:8443")
        parsed[f"{host.lower().removesuffix(f':{port}')}:{port}"] = None
    return tuple(parsed)


def is_listed(host: str, port: int, hosts: Collection[str]) -> bool:
    """Whether `parse_web_hosts` has the host, or a name that it is below."""
    if f"{host}:{port}" in hosts:
        return True
    labels = host.split(".")
    return any(f"*.{'.'.join(labels[at:])}:{port}" in hosts for at in range(1, len(labels)))


def parse_networks(networks: Iterable[str]) -> tuple[Network, ...]:
    """The networks, as 10.1.0.0/16. Raises ValueError for the first one that is none."""
    return tuple(map(_parse_network, networks))


def _parse_network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(f"{text[:200]!r} is not a network: write 10.1.0.0/16 or fd00::/8") from None
