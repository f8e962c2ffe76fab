"""Health: is the process alive, may it get requests. No probe ever calls a model."""

from dataclasses import asdict
from typing import Any

from flask import Flask, Response, current_app, jsonify, request

from bedrock_flask.edge.authentication import is_authenticated, public
from bedrock_flask.errors import ShuttingDown
from bedrock_flask.state import state_of
from bedrock_flask.transport.stopping import KEY as STOPPING


def with_health(app: Flask) -> Flask:
    """`/livez`, its older name `/healthz`, and `/readyz`."""
    app.add_url_rule("/livez", view_func=live)
    app.add_url_rule("/healthz", endpoint="healthz", view_func=live)
    app.add_url_rule("/readyz", view_func=ready)
    return app


@public
def live() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@public
def ready() -> Response:
    """The plugins are loaded and the process does not stop, so requests may come; `?verbose` counts them.

    A plugin that was left out makes it `degraded`; which one, and why, is told to those who have a key.
    """
    if current_app.extensions[STOPPING].begun:
        raise ShuttingDown()
    state = state_of(current_app)
    if "verbose" not in request.args:
        return jsonify(status="ok")
    found, aliases = state.models.registry, state.models.aliases
    status = "degraded" if found.broken else "ok"
    told: dict[str, Any] = {"status": status, "adapters": len(found.adapters), "aliases": len(aliases)}
    if found.broken:
        # A stranger learns how many: names, paths and what a plugin says of itself are the operator's.
        told["broken"] = [asdict(each) for each in found.broken] if is_authenticated() else len(found.broken)
    return jsonify(told)
