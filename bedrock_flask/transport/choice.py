"""Which transport calls Bedrock. Its module is imported at the first call: botocore takes longer than the rest."""

import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType

from bedrock_flask.call import Handler
from bedrock_flask.config.settings import Settings
from bedrock_flask.transport.shutdown import Shutdown

MakeTransport = Callable[[Settings, Shutdown], Handler]

# The module of each transport, by the names of the setting `BEDROCK_FLASK_TRANSPORT`; its `make_transport` is called.
TRANSPORTS: Mapping[str, str] = MappingProxyType(
    {"signed": "bedrock_flask.transport.signed.client", "boto": "bedrock_flask.transport.boto.client"}
)


def make_transport(settings: Settings, shutdown: Shutdown) -> Handler:
    """The handler of the transport that the settings choose; nothing is loaded before its first call."""
    loaded: list[Handler] = []
    lock = threading.Lock()

    def load() -> Handler:
        if not loaded:
            with lock:
                if not loaded:
                    make: MakeTransport = import_module(TRANSPORTS[settings.transport]).make_transport
                    loaded.append(make(settings, shutdown))
        return loaded[0]

    return Handler(lambda call: load().send(call), lambda call: load().send_stream(call))
