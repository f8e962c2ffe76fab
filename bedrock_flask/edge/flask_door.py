"""The reference door: every address as a rule of Flask's, every step as a hook of Flask's."""

import itertools
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, g, request
from flask import Response as FlaskResponse
from werkzeug.exceptions import HTTPException

from bedrock_flask.dialect import Route
from bedrock_flask.edge import steps
from bedrock_flask.edge.exchange import Exchange, begin_exchange
from bedrock_flask.edge.idempotency import idempotent
from bedrock_flask.edge.rendering import render_error, render_unexpected_error
from bedrock_flask.edge.response import Response
from bedrock_flask.edge.unread_body import make_body_discarder
from bedrock_flask.errors import CallerError, GatewayError, MethodNotAllowed, NotFound
from bedrock_flask.state import current_state, state_of, with_state

View = TypeVar("View", bound=Callable[..., Any])


def with_exchange(app: Flask) -> Flask:
    """An exchange for every request, which ends in its headers and its log line; errors in the dialect's words."""
    app.before_request(_begin)
    app.after_request(_leave)
    app.register_error_handler(GatewayError, lambda error: to_flask(render_error(current_exchange(), error)))
    app.register_error_handler(HTTPException, _render_http_error)
    app.register_error_handler(Exception, lambda error: to_flask(render_unexpected_error(current_exchange(), error)))
    return with_state(app, discard_body=make_body_discarder())


def with_steps(app: Flask) -> Flask:
    """Every request passes the steps on the way in, before its view."""
    app.before_request(lambda: steps.enter(current_exchange()))
    return app


def with_routes(app: Flask) -> Flask:
    """The routes of every dialect, below each of its mounts."""
    for dialect in state_of(app).dialects:
        for mount, route in itertools.product(dialect.all_mounts, dialect.routes):
            rule = f"{mount}{route.path}"
            app.add_url_rule(rule, f"{route.method} {rule}", _make_view(dialect.name, route), methods=[route.method])
    return app


def public(view: View) -> View:
    """Mark a view that needs no key, because it reveals and reads nothing."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def current_exchange() -> Exchange:
    """The exchange of the request that Flask is answering."""
    exchange: Exchange = g.exchange
    return exchange


def to_flask(response: Response) -> FlaskResponse:
    """The response as Flask's."""
    flask_response = FlaskResponse(response.body, response.status, response.headers, content_type=response.content_type)
    for function in response.on_close:
        flask_response.call_on_close(function)
    return flask_response


def _make_view(dialect: str, route: Route) -> Callable[..., FlaskResponse]:
    respond = idempotent(route)

    def view(**labels: Any) -> FlaskResponse:
        exchange = current_exchange()
        exchange.dialect = dialect
        return to_flask(respond(exchange, **labels))

    return view


def _begin() -> None:
    exchange = g.exchange = begin_exchange(request.environ, current_state(current_app))
    exchange.route = request.url_rule.rule if request.url_rule else None
    exchange.is_public = getattr(current_app.view_functions.get(request.endpoint or ""), "is_public", False)


def _leave(flask_response: FlaskResponse) -> FlaskResponse:
    response = steps.leave(current_exchange(), Response(status=flask_response.status_code))
    flask_response.headers.update(response.headers)
    for function in response.on_close:
        flask_response.call_on_close(function)
    return flask_response


def _render_http_error(error: HTTPException) -> FlaskResponse:
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()  # type: ignore[return-value]
    return to_flask(render_error(current_exchange(), _name_http_error(error)))


def _name_http_error(error: HTTPException) -> GatewayError:
    if error.code == 404:
        return NotFound(f"{request.path} does not exist here; {_find_nearest_address(request.path)}.")
    if error.code == 405:
        allowed = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
        return MethodNotAllowed(f"This address takes {allowed}.", headers={"allow": allowed})
    other = CallerError(error.description or "")
    other.status = error.code or 400
    return other


def _find_nearest_address(path: str) -> str:
    """The address that a client means whose base URL has a `/v1` too many or too few, or a slash at its end."""
    routes = current_app.create_url_adapter(request)
    candidates = (path.rstrip("/"), path.removeprefix("/v1"), f"/v1{path}")
    near = [each for each in candidates if each != path and routes and routes.allowed_methods(each)]
    document = next(each.rule for each in current_app.url_map.iter_rules() if each.rule.endswith("/openapi.json"))
    return f"{near[0]} does" if near else f"{document} lists every address"
