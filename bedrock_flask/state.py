"""Everything that hangs on the app: one frozen record under `app.extensions["bedrock_flask"]`."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from flask import Flask

from bedrock_flask.call import Call, Handler, Reply, Stream
from bedrock_flask.config.settings import Settings, max_concurrent_calls
from bedrock_flask.dialect import Dialect
from bedrock_flask.governance.counters import Counters
from bedrock_flask.governance.governance import Governance
from bedrock_flask.models.models_file_watch import ModelsFileWatch
from bedrock_flask.models.resolver import Models
from bedrock_flask.places import Places
from bedrock_flask.prices.pricer import Pricer
from bedrock_flask.transport.shutdown import Shutdown

KEY = "bedrock_flask"
# Calls of all requests that make many, in one process.
_SIDE_BY_SIDE = 32
# Bodies whose signature is not proven have half as many places as there are slots: an SDK of AWS sends many signed
# calls at once, and strangers must leave room for those who show their key.
_UNPROVEN_SHARE = 2
# Large bodies that share the processor.
_LARGE_BODIES = 2


def _send(call: Call) -> Reply:
    raise RuntimeError("the app has no transport")


def _send_stream(call: Call) -> Stream:
    raise RuntimeError("the app has no transport")


_NO_HANDLER = Handler(_send, _send_stream)


@dataclass(frozen=True)
class State:
    """The state of one app.

    models         the models that can be named
    dialects       the APIs that are served
    handler        calls Bedrock, through every guard
    shutdown       the end of the process, which ends every wait for Bedrock
    pool           runs calls side by side where one request makes many
    slots          one for each request that may be answered at a time
    unproven       one for each body that may arrive at a time while its signature is not proven
    large_bodies   one for each large body that may be worked on at a time
    discard_body   reads and discards the rest of a request's body
    answer_unread  the response to a request that the server cannot read: its beginning, a status, what is wrong
    openapi        builds the OpenAPI document of these models, once
    governance     knows the keys and teams of a database; None without one
    counters       what callers take of their limits; None where nobody has any
    models_file    notices that the models file has changed; None without such a file
    pricer         computes what a call costs
    """

    settings: Settings
    models: Models
    dialects: tuple[Dialect, ...] = ()
    handler: Handler = _NO_HANDLER
    shutdown: Shutdown = field(default_factory=Shutdown)
    pool: Executor = field(default_factory=lambda: ThreadPoolExecutor(_SIDE_BY_SIDE, "side-by-side"))
    slots: Places = field(default_factory=lambda: Places(1))
    unproven: Places = field(default_factory=lambda: Places(1))
    large_bodies: threading.Semaphore = field(default_factory=lambda: threading.BoundedSemaphore(_LARGE_BODIES))
    discard_body: Callable[[Mapping[str, Any], int], None] = lambda environ, limit: None
    answer_unread: Callable[[bytes, int, str], bytes] | None = None
    openapi: Callable[[Models], Mapping[str, Any]] = lambda models: {}
    governance: Governance | None = None
    counters: Counters | None = None
    models_file: ModelsFileWatch | None = None
    pricer: Pricer = field(default_factory=Pricer)


def make_state(settings: Settings, models: Models, dialects: tuple[Dialect, ...]) -> State:
    """The state before the app is composed; the steps of `create_app` add the rest."""
    calls = max_concurrent_calls(settings)
    slots, unproven = Places(calls), Places(max(calls // _UNPROVEN_SHARE, 1))
    return State(settings, models, dialects, slots=slots, unproven=unproven)


def state_of(app: Flask) -> State:
    """The app's state."""
    state: State = app.extensions[KEY]
    return state


def current_state(app: Flask) -> State:
    """The app's state for one request: with the aliases of the models file as it is now."""
    state = state_of(app)
    if state.models_file is not None:
        aliases = state.models_file.read_changed()
        if aliases is not None:
            return state_of(with_state(app, models=replace(state.models, aliases=aliases)))
    return state


def with_state(app: Flask, **changes: Any) -> Flask:
    """The app with some of its state replaced: while it is being composed, or for the requests that follow."""
    app.extensions[KEY] = replace(state_of(app), **changes)
    return app
