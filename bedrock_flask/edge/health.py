"""Health: whether the process is alive and ready for requests. A probe never calls a model."""

from dataclasses import asdict
from typing import Any

from flask import Flask, Response, jsonify, request

from bedrock_flask.config.other_gateways import OTHER_GATEWAYS
from bedrock_flask.edge.authentication import is_authenticated
from bedrock_flask.edge.flask_door import current_exchange, public
from bedrock_flask.errors import ShuttingDown
from bedrock_flask.state import state_of


def with_health(app: Flask) -> Flask:
    """`/livez`, its older name `/healthz`, and `/readyz`; `/api/hello` is what Claude Code asks at its start.

    The settings may add the addresses of other gateways.
    """
    app.add_url_rule("/livez", view_func=report_liveness)
    app.add_url_rule("/healthz", endpoint="healthz", view_func=report_liveness)
    app.add_url_rule("/api/hello", endpoint="hello", view_func=report_liveness)
    app.add_url_rule("/readyz", view_func=report_readiness)
    for other in (OTHER_GATEWAYS[name] for name in state_of(app).settings.paths):
        for address in other.liveness:
            app.add_url_rule(address, endpoint=address, view_func=report_liveness)
        for address in other.readiness:
            app.add_url_rule(address, endpoint=address, view_func=report_readiness)
    return app


@public
def report_liveness() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@public
def report_readiness() -> Response:
    """The plugins are loaded, the stores that calls need answer, and the process is not shutting down.

    `?verbose` counts adapters and aliases.

    A plugin that was left out, a models file that has become invalid, or limits that machines no longer count together
    make the status `degraded`; callers with a key also learn which one, and why.
    """
    exchange = current_exchange()
    state = exchange.state
    if state.shutdown.begun:
        raise ShuttingDown()
    if state.governance:
        state.governance.principals.refresh()
    limits = state.counters.check() if state.counters else ""
    if "verbose" not in request.args:
        return jsonify(status="ok")
    registry, aliases = state.models.registry, state.models.aliases
    watched = state.models_file.report if state.models_file else None
    status = "degraded" if registry.broken or limits or (watched and watched.problem) else "ok"
    report: dict[str, Any] = {"status": status, "adapters": len(registry.adapters), "aliases": len(aliases)}
    if registry.broken:
        # Without a key only the number is shown: names, paths and a plugin's messages are for the operator.
        report["broken"] = (
            [asdict(each) for each in registry.broken] if is_authenticated(exchange) else len(registry.broken)
        )
    if limits:
        report["limits"] = limits
    if watched:
        report["models_file"] = asdict(watched)
        if not is_authenticated(exchange):
            report["models_file"]["problem"] = bool(watched.problem)
    return jsonify(report)
