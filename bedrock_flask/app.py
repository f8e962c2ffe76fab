"""The application factory: one visible list of steps, each from app to app."""

import logging
import logging.config
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import reduce

from flask import Flask

from bedrock_flask import models
from bedrock_flask.call import Guard, Handler
from bedrock_flask.config import env_file
from bedrock_flask.config.settings import Settings, read_settings
from bedrock_flask.dialects import load_dialects
from bedrock_flask.edge.base_path import with_base_path
from bedrock_flask.edge.cors import with_cors
from bedrock_flask.edge.direct_door import with_direct_door
from bedrock_flask.edge.flask_door import with_exchange, with_routes, with_steps
from bedrock_flask.edge.health import with_health
from bedrock_flask.edge.unread_request import with_unread_requests
from bedrock_flask.errors import StartupError
from bedrock_flask.governance.counters import Counters
from bedrock_flask.governance.counters.choice import choose_counters
from bedrock_flask.governance.governance import Governance, open_governance
from bedrock_flask.guards.authorised import authorised
from bedrock_flask.guards.completed import completed
from bedrock_flask.guards.guarded import guarded
from bedrock_flask.guards.ledgered import ledgered
from bedrock_flask.guards.limited import limited
from bedrock_flask.models.discovery import Discovery
from bedrock_flask.models.loading import load_registry
from bedrock_flask.models.models_file_watch import ModelsFileWatch
from bedrock_flask.observability import logs
from bedrock_flask.openapi import with_openapi
from bedrock_flask.prices.pricer import Pricer
from bedrock_flask.prices.table import read_file
from bedrock_flask.state import KEY, make_state, state_of, with_state
from bedrock_flask.transport.choice import make_offer_reader, make_transport

Step = Callable[[Flask], Flask]
LOG = logging.getLogger("bedrock_flask.plugin")

# gunicorn takes this exit code of a worker for "do not try again".
CANNOT_START = 3


def create_app(settings: Settings | None = None) -> Flask:
    """The gateway. StartupError says in one line why it cannot start."""
    return compose(
        Flask("bedrock_flask"),
        with_settings(settings if settings is not None else read_settings(os.environ)),
        with_governance,
        with_transport,
        with_guards,
        with_discovery,
        with_exchange,
        # A browser's preflight carries no key, so it is answered before the steps (edge/steps.py) require one.
        with_cors,
        with_steps,
        with_routes,
        with_unread_requests,
        with_openapi,
        with_health,
        # Last, because they wrap the whole app.
        with_direct_door,
        with_base_path,
    )


def compose(app: Flask, *steps: Step) -> Flask:
    """The app after every step, in order."""
    return reduce(lambda composed, step: step(composed), steps, app)


def with_settings(settings: Settings) -> Step:
    """The app's state: its settings, the models that requests can name, and the dialects."""

    def step(app: Flask) -> Flask:
        registry = load_registry(settings.plugins_dir, lenient=settings.lenient)
        watch = ModelsFileWatch(settings.models_file, registry) if settings.models_file else None
        loaded = models.load(settings, registry, watch.aliases if watch else {})
        # A bad file must not wait for the first call.
        own_prices = read_file(settings.prices_file) if settings.prices_file else ()
        for broken in registry.broken:
            for line in broken.lines():
                LOG.error("starting without %s", line)
        app.extensions[KEY] = make_state(settings, loaded, load_dialects(settings.paths))
        with_state(app, models_file=watch, pricer=Pricer(own_prices))
        # Otherwise Flask would answer an address with two slashes with a page that redirects.
        app.url_map.merge_slashes = False
        app.json.sort_keys = False  # type: ignore[attr-defined]
        return app

    return step


def with_governance(app: Flask) -> Flask:
    """The keys and teams of the database, if the settings name one, and what counts limits, if there may be any."""
    state = state_of(app)
    settings = state.settings
    return with_state(app, governance=open_governance(settings, state.pricer), counters=choose_counters(settings))


def with_transport(app: Flask) -> Flask:
    """The handler that calls Bedrock, until the process shuts down."""
    state = state_of(app)
    return with_state(app, handler=make_transport(state.settings, state.shutdown))


def with_guards(app: Flask) -> Flask:
    """The guards around the transport."""
    state = state_of(app)
    guards = list_guards(state.settings, state.governance, state.counters)
    handler: Handler = reduce(lambda inner, guard: guard(inner), reversed(guards), state.handler)
    return with_state(app, handler=handler)


def list_guards(settings: Settings, governance: Governance | None, counters: Counters | None) -> tuple[Guard, ...]:
    """What a call passes on its way to the transport, and its reply on the way back, outermost first.

    What is not allowed takes nothing of a limit, and what does not fit into a limit opens no row. What a guardrail
    objects to counts all the same: the check is billed, and so is an answer that is withheld.
    """
    limiting = (limited(counters),) if counters else ()
    accounting = (ledgered(governance),) if governance else ()
    return (authorised, *limiting, *accounting, guarded(settings), completed)


def with_discovery(app: Flask) -> Flask:
    """The models know what the account is offered; it is read when they are listed or called, in the background."""
    state = state_of(app)
    if not state.settings.discovery:
        return app
    read = make_offer_reader(state.settings, state.shutdown, state.models.registry.generic)
    return with_state(app, models=replace(state.models, discovery=Discovery(read)))


def wsgi_app() -> Flask:
    """The gateway for a WSGI server: reads `.env`, configures logging, and says in one line why it cannot start."""
    try:
        env_file.load_env_file()
        settings = read_settings(os.environ)
        if not logs.is_configured():
            logging.config.dictConfig(logs.make_config(settings.log_level))
        return create_app(settings)
    except StartupError as error:
        print(f"bedrock-flask: {error}", file=sys.stderr, flush=True)
        raise SystemExit(CANNOT_START) from None
