"""The application factory: one visible list of steps, each from app to app."""

import logging
import logging.config
import os
import sys
from collections.abc import Callable
from functools import reduce

from flask import Flask

from bedrock_flask import models
from bedrock_flask.call import Guard, Handler
from bedrock_flask.config import env_file, settings
from bedrock_flask.config.settings import Settings
from bedrock_flask.dialects.anthropic import with_anthropic
from bedrock_flask.dialects.bedrock import with_bedrock
from bedrock_flask.dialects.native import with_native
from bedrock_flask.dialects.openai import with_openai
from bedrock_flask.edge import with_edge
from bedrock_flask.edge.authentication import with_authentication, with_signatures
from bedrock_flask.edge.base_path import with_base_path
from bedrock_flask.edge.concurrency import with_concurrency_limit
from bedrock_flask.edge.cors import with_cors
from bedrock_flask.edge.health import with_health
from bedrock_flask.errors import StartupError
from bedrock_flask.guards.completed import completed
from bedrock_flask.observability import logs
from bedrock_flask.openapi import with_openapi
from bedrock_flask.state import KEY, State, state_of, with_state
from bedrock_flask.transport.boto.client import make_transport
from bedrock_flask.transport.stopping import KEY as STOPPING
from bedrock_flask.transport.stopping import Shutdown

Step = Callable[[Flask], Flask]
LOG = logging.getLogger("bedrock_flask.plugin")

# Outermost first: what a call passes on its way to the transport, and its reply on the way back.
GUARDS: tuple[Guard, ...] = (completed,)

# gunicorn takes this exit code of a worker for "do not try again".
CANNOT_START = 3


def create_app(told: Settings | None = None) -> Flask:
    """The gateway. StartupError says in one line why it cannot start."""
    return compose(
        Flask("bedrock_flask"),
        with_settings(told if told is not None else settings.read_settings(os.environ)),
        with_transport,
        with_gateway,
        with_edge,
        with_cors,
        with_authentication,
        with_concurrency_limit,
        with_signatures,
        with_native,
        with_openai,
        with_anthropic,
        with_bedrock,
        with_openapi,
        with_health,
        with_base_path,
    )


def compose(app: Flask, *steps: Step) -> Flask:
    """The app after every step, in order."""
    return reduce(lambda made, step: step(made), steps, app)


def with_settings(told: Settings) -> Step:
    """Settings, and all that can be named under them: the plugins and the models file."""

    def step(app: Flask) -> Flask:
        loaded = models.load(told)
        for broken in loaded.registry.broken:
            for line in broken.lines():
                LOG.error("left out: %s", line)
        app.extensions[KEY] = State(told, loaded)
        # A second slash is no other way to write an address: it would be answered by a page that redirects.
        app.url_map.merge_slashes = False
        app.json.sort_keys = False  # type: ignore[attr-defined]
        return app

    return step


def with_transport(app: Flask) -> Flask:
    """The way to Bedrock, which ends when the process stops."""
    stopping = app.extensions[STOPPING] = Shutdown()
    return with_state(app, handler=make_transport(state_of(app).settings, stopping))


def with_gateway(app: Flask) -> Flask:
    """The guards around it."""
    handler: Handler = reduce(lambda inner, guard: guard(inner), reversed(GUARDS), state_of(app).handler)
    return with_state(app, handler=handler)


def wsgi_app() -> Flask:
    """The gateway for a WSGI server: reads `.env`, sets logging up, and tells in one line why it cannot start."""
    try:
        env_file.load_env_file()
        told = settings.read_settings(os.environ)
        if not logs.is_configured():
            logging.config.dictConfig(logs.make_config(told.log_level))
        return create_app(told)
    except StartupError as error:
        print(f"bedrock-flask: {error}", file=sys.stderr, flush=True)
        raise SystemExit(CANNOT_START) from None
