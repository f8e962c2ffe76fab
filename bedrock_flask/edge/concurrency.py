"""Admission: so many requests at one time and no more, so that a worker always has a thread for its probes."""

import threading

from flask import Flask, Response, current_app, g, request

from bedrock_flask.config.settings import max_concurrent_calls
from bedrock_flask.edge.authentication import is_public
from bedrock_flask.errors import Overloaded
from bedrock_flask.state import state_of

_PLACES = "bedrock_flask.places"


def with_concurrency_limit(app: Flask) -> Flask:
    """A request with a known key takes a place until its last byte is sent; without a place it is refused at once."""
    app.extensions[_PLACES] = threading.BoundedSemaphore(max_concurrent_calls(state_of(app).settings))
    app.before_request(_admit)
    app.after_request(_leave_at_the_end)
    return app


def _admit() -> None:
    g.admitted = False
    if is_public(request.endpoint):
        return
    if not current_app.extensions[_PLACES].acquire(blocking=False):
        raise Overloaded()
    g.admitted = True


def _leave_at_the_end(response: Response) -> Response:
    if g.get("admitted"):
        response.call_on_close(current_app.extensions[_PLACES].release)
    return response
