"""A limit on the requests that a worker answers at a time, so that health probes always find a free thread."""

from bedrock_flask.edge.answer import Answer
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.errors import Overloaded


def take_slot(exchange: Exchange) -> None:
    """Take a slot for the request, until its last byte is sent; without a free one it is refused."""
    if exchange.is_public:
        return
    if not exchange.state.slots.acquire(blocking=False):
        raise Overloaded()
    exchange.holds_slot = True


def release_slot_on_close(exchange: Exchange, answer: Answer) -> None:
    """Give the slot back after the last byte."""
    if exchange.holds_slot:
        answer.on_close.append(exchange.state.slots.release)
