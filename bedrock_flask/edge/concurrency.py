"""Limits on what a worker does at a time, so that probes are answered and overload is refused early.

A request with a known key holds a slot until its last byte is sent. A body whose signature is not proven yet holds a
place of its own while it arrives, of which there are half as many: a stranger who knows the name of a key could
otherwise hold every slot. A large body is worked on with few others: the processor is shared by all.
"""

from bedrock_flask.edge.connection import client_socket, has_arrived
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.response import Response
from bedrock_flask.errors import Overloaded

# Bytes from which on a body costs the processor so much that only few are worked on at a time; seconds to wait for it.
LARGE_BODY, _LARGE_BODY_WAIT = 64 * 1024, 10.0
# Seconds that a request may have waited in the worker: its caller has waited long enough, and others wait behind it.
_LONGEST_WAIT = 5.0


def take_slot(exchange: Exchange) -> None:
    """Take a slot for the request, until its last byte is sent; if none is free now or in a moment, refuse it."""
    if exchange.is_public:
        return
    if getattr(client_socket(exchange.environ), "waited", 0.0) > _LONGEST_WAIT:
        raise Overloaded()
    if exchange.signature_claim is not None and not has_arrived(exchange.environ):
        if not exchange.state.unproven.take():
            raise Overloaded()
        exchange.holds_unproven = True
        return
    _take(exchange)


def take_slot_when_proven(exchange: Exchange) -> None:
    """Exchange the place of an unproven body, whose signature is valid now, for a slot."""
    if exchange.holds_unproven:
        _give_back_unproven(exchange)
        _take(exchange)


def begin_large_body(exchange: Exchange, size: int) -> None:
    """Wait for one of the places for large bodies, which the request holds until its call is made."""
    if size <= LARGE_BODY or exchange.holds_large_body:
        return
    if not exchange.state.large_bodies.acquire(timeout=_LARGE_BODY_WAIT):
        raise Overloaded()
    exchange.holds_large_body = True


def end_large_body(exchange: Exchange) -> None:
    """Let the next large body be worked on: this one is about to be sent, or refused."""
    if exchange.holds_large_body:
        exchange.holds_large_body = False
        exchange.state.large_bodies.release()


def release_slot_on_close(exchange: Exchange, response: Response) -> None:
    """Give the slot back after the last byte, and the other places at once."""
    end_large_body(exchange)
    if exchange.holds_unproven:
        _give_back_unproven(exchange)
    if exchange.holds_slot:
        response.on_close.append(exchange.state.slots.give_back)


def _take(exchange: Exchange) -> None:
    slots = exchange.state.slots
    # Of threads only a few can wait; gevent's worker has more slots than connections.
    if not slots.take() and not (exchange.settings.worker == "gthread" and slots.take_soon()):
        raise Overloaded()
    exchange.holds_slot = True


def _give_back_unproven(exchange: Exchange) -> None:
    exchange.holds_unproven = False
    exchange.state.unproven.give_back()
