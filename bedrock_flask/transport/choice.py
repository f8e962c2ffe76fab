"""The transport of the settings, which is imported at its first call: a worker that only starts does not need it."""

import threading
from functools import cache

from bedrock_flask.call import Call, Handler, Reply, Stream
from bedrock_flask.config.settings import Settings
from bedrock_flask.transport.shutdown import Shutdown


def make_transport(settings: Settings, shutdown: Shutdown) -> Handler:
    """The handler that calls Bedrock, until the process shuts down."""
    lock = threading.Lock()

    @cache
    def load() -> Handler:
        from bedrock_flask.transport.boto.client import make_transport as make_boto

        return make_boto(settings, shutdown)

    def handler() -> Handler:
        # Without the lock two first calls would make two, each with its own connections.
        with lock:
            return load()

    def send(call: Call) -> Reply:
        return handler().send(call)

    def send_stream(call: Call) -> Stream:
        return handler().send_stream(call)

    return Handler(send, send_stream)
