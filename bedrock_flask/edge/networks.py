"""The network that a request comes from, where a policy of its caller names networks."""

import re

from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.errors import PolicyRefused
from bedrock_flask.governance.policy import find_network_refusal, is_within
from bedrock_flask.governance.principal import Principal

_HOP = re.compile(r"(?P<v4>[0-9.]+):[0-9]+|\[(?P<v6>[0-9A-Fa-f:.]+)\](:[0-9]+)?")
# What an address can be at most; a longer text is only repeated.
_LONGEST = 45


def check_network(exchange: Exchange) -> None:
    """Raise PolicyRefused for a key that is used from elsewhere: what is stolen is of no use, lists included."""
    reject_elsewhere(exchange, exchange.principal)


def reject_elsewhere(exchange: Exchange, principal: Principal) -> None:
    """Raise PolicyRefused if the request does not come from where this caller's may."""
    ruling = [policy for policy in principal.policies if policy.networks is not None]
    if ruling and (refusal := find_network_refusal(ruling, find_address(exchange))):
        raise PolicyRefused(refusal)


def find_address(exchange: Exchange) -> str:
    """The address that a request comes from: that of the connection, empty for a socket.

    Of a connection from a trusted proxy it is the last hop in X-Forwarded-For that is not such a proxy, whatever the
    client has written before it. Forwarded (RFC 7239) is not read: a proxy that writes the one passes the other on.
    """
    address, proxies = str(exchange.environ.get("REMOTE_ADDR", "")), exchange.settings.trusted_proxies
    if not proxies or not is_within(address, proxies):
        return address
    for hop in reversed([hop for each in exchange.header("x-forwarded-for").split(",") if (hop := each.strip())]):
        address = _cut_port(hop)
        if not is_within(address, proxies):
            break
    return address


def _cut_port(hop: str) -> str:
    """The address of a hop, which may have a port: `192.0.2.7:4711`, `[2001:db8::7]:4711`."""
    found = _HOP.fullmatch(hop)
    return (found["v4"] or found["v6"]) if found else hop[:_LONGEST]
