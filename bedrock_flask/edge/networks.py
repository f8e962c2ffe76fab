"""The network that a request comes from, where a policy of its caller names networks."""

from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.errors import PolicyRefused
from bedrock_flask.governance.policy import find_network_refusal
from bedrock_flask.governance.principal import Principal


def check_network(exchange: Exchange) -> None:
    """Raise PolicyRefused for a key that is used from elsewhere: what is stolen is of no use, lists included.

    The address is that of the connection. What a proxy says of its client is not believed.
    """
    reject_elsewhere(exchange, exchange.principal)


def reject_elsewhere(exchange: Exchange, principal: Principal) -> None:
    """Raise PolicyRefused if the request does not come from where this caller's may."""
    if refusal := find_network_refusal(principal.policies, find_address(exchange)):
        raise PolicyRefused(refusal)


def find_address(exchange: Exchange) -> str:
    """The address that a request comes from; empty for a socket."""
    address: str = exchange.environ.get("REMOTE_ADDR", "")
    return address
