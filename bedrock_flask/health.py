"""Health: is the process alive, may it get requests. No probe ever calls a model."""

from flask import Flask, Response, current_app, jsonify, request

from bedrock_flask.edge import open_to_all
from bedrock_flask.state import state_of


def with_health(app: Flask) -> Flask:
    """`/livez`, its older name `/healthz`, and `/readyz`."""
    app.add_url_rule("/livez", view_func=live)
    app.add_url_rule("/healthz", endpoint="healthz", view_func=live)
    app.add_url_rule("/readyz", view_func=ready)
    return app


@open_to_all
def live() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@open_to_all
def ready() -> Response:
    """The plugins are loaded, so requests may come; `?verbose` counts them."""
    state = state_of(current_app)
    told = {"status": "ok"}
    if "verbose" in request.args:
        counts = {"adapters": len(state.models.registry.adapters), "aliases": len(state.models.aliases)}
        return jsonify({**told, **counts})
    return jsonify(told)
