"""Which transport calls Bedrock. Its module is imported at the first call: botocore takes longer than the rest."""

import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TypeVar

from bedrock_flask.adapter import Adapter
from bedrock_flask.bedrock.offers import Offer
from bedrock_flask.call import Handler
from bedrock_flask.config.settings import Settings
from bedrock_flask.transport.shutdown import Shutdown

Kept = TypeVar("Kept")
MakeTransport = Callable[[Settings, Shutdown], Handler]

# The module of each transport, by the names of the setting `BEDROCK_FLASK_TRANSPORT`; its `make_transport` is called.
TRANSPORTS: Mapping[str, str] = MappingProxyType(
    {"signed": "bedrock_flask.transport.signed.client", "boto": "bedrock_flask.transport.boto.client"}
)
# Credentials and addresses are found, and requests signed, as in the transport `signed`.
_ACCOUNT_LISTS = "bedrock_flask.transport.signed.account_lists"


def make_transport(settings: Settings, shutdown: Shutdown) -> Handler:
    """The handler of the transport that the settings choose; nothing is loaded before its first call."""

    def make() -> Handler:
        build: MakeTransport = import_module(TRANSPORTS[settings.transport]).make_transport
        return build(settings, shutdown)

    load = _load_once(make)
    return Handler(lambda call: load().send(call), lambda call: load().send_stream(call))


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
