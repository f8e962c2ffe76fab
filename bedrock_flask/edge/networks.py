"""The network that a request comes from, where a policy of its caller names networks."""

from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.errors import PolicyRefused
from bedrock_flask.governance.policy import find_network_refusal


def check_network(exchange: Exchange) -> None:
    """Raise PolicyRefused for a key that is used from elsewhere: what is stolen is of no use, lists included.

    The address is that of the connection. What a proxy says of its client is not believed.
    """
    if refusal := find_network_refusal(exchange.principal.policies, exchange.environ.get("REMOTE_ADDR", "")):
        raise PolicyRefused(refusal)
