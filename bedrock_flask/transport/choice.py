"""Which transport calls Bedrock. Its module is imported at the first call: botocore takes longer than the rest.

botocore has no operation for the surfaces of `bedrock/surfaces.py`: those are called by `signed` whatever the setting.
"""

import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TypeVar

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.offers import Offer
from bedrock_flask.call import Call, Handler
from bedrock_flask.config.settings import Settings
from bedrock_flask.transport.shutdown import Shutdown

Kept = TypeVar("Kept")
MakeTransport = Callable[[Settings, Shutdown], Handler]

SIGNED = "signed"
# The module of each transport, by the names of the setting `BEDROCK_FLASK_TRANSPORT`; its `make_transport` is called.
TRANSPORTS: Mapping[str, str] = MappingProxyType(
    {SIGNED: "bedrock_flask.transport.signed.client", "boto": "bedrock_flask.transport.boto.client"}
)
# Credentials and addresses are found, and requests signed, as in the transport `signed`.
_ACCOUNT_LISTS = "bedrock_flask.transport.signed.account_lists"


def make_transport(settings: Settings, shutdown: Shutdown) -> Handler:
    """The handler of the transport that the settings choose; nothing is loaded before its first call."""

    def load(name: str) -> Callable[[], Handler]:
        def make() -> Handler:
            build: MakeTransport = import_module(TRANSPORTS[name]).make_transport
            return build(settings, shutdown)

        return _load_once(make)

    chosen = load(settings.transport)
    signed = chosen if settings.transport == SIGNED else load(SIGNED)

    def find(call: Call) -> Handler:
        return chosen() if call.surface is None else signed()

    return Handler(lambda call: find(call).send(call), lambda call: find(call).send_stream(call))


def make_offer_reader(settings: Settings, shutdown: Shutdown, adapter: Adapter) -> Callable[[str], Offer]:
    """A function that reads what a region offers to the account; nothing is loaded before its first call."""

    def make() -> Callable[[str], Offer]:
        build: Callable[..., Callable[[str], Offer]] = import_module(_ACCOUNT_LISTS).make_offer_reader
        return build(settings, shutdown, adapter)

    load = _load_once(make)
    return lambda region: load()(region)


def _load_once(make: Callable[[], Kept]) -> Callable[[], Kept]:
    """A function that returns what `make` returns at the first call."""
    kept: list[Kept] = []
    lock = threading.Lock()

    def load() -> Kept:
        if not kept:
            with lock:
                if not kept:
                    kept.append(make())
        return kept[0]

    return load
