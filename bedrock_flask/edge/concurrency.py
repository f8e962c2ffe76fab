"""A limit on the requests that a worker answers at a time, so that health probes always find a free thread."""

from flask import Flask, Response, current_app, request

from bedrock_flask.edge.authentication import is_public
from bedrock_flask.edge.context import request_context
from bedrock_flask.errors import Overloaded
from bedrock_flask.state import state_of


def with_concurrency_limit(app: Flask) -> Flask:
    """A request with a known key holds a slot until its last byte is sent; without a free slot it is refused."""
    app.before_request(_take_slot)
    app.after_request(_release_slot_on_close)
    return app


def _take_slot() -> None:
    if is_public(request.endpoint):
        return
    if not state_of(current_app).slots.acquire(blocking=False):
        raise Overloaded()
    request_context().holds_slot = True


def _release_slot_on_close(response: Response) -> Response:
    if request_context().holds_slot:
        response.call_on_close(state_of(current_app).slots.release)
    return response
