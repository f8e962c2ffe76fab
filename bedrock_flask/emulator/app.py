"""The emulator as a WSGI application: Bedrock's runtime protocol, and under `/_emulator` what tests steer it with."""

import logging
from collections.abc import Callable
from functools import partial
from uuid import uuid4

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from bedrock_flask.emulator import operations
from bedrock_flask.emulator.answer import Answer, abandoned, deliver, refused
from bedrock_flask.emulator.engines import Engine
from bedrock_flask.emulator.faults import FAULTS, HEADER, BadOrder, Fault, Orders, read_header, read_orders
from bedrock_flask.emulator.journal import Journal, Note
from bedrock_flask.emulator.operations import OPERATIONS, Asked
from bedrock_flask.emulator.presence import CallerLeft, Presence
from bedrock_flask.emulator.refusals import Refusal
from bedrock_flask.registry import Registry

LOG = logging.getLogger("bedrock_flask.emulator")
MAX_BODY = 32 * 1024 * 1024


def _goes_on() -> bool:
    return False


def create_emulator(registry: Registry, engine: Engine, *, stopping: Callable[[], bool] = _goes_on) -> Flask:
    """An emulator with these plugins and this engine; `stopping` tells stalled answers that the server stops."""
    app = Flask("bedrock_flask.emulator", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.json.sort_keys = False  # type: ignore[attr-defined]
    # A model id is the caller's text: it may hold two slashes in a row.
    app.url_map.merge_slashes = False
    app.extensions["bedrock_flask.engine"] = engine
    journal, orders = Journal(), Orders()
    for step in (
        partial(_with_operations, registry=registry, engine=engine, stopping=stopping, journal=journal, orders=orders),
        partial(_with_admin, engine=engine, journal=journal, orders=orders),
        _with_errors,
        _with_request_ids,
    ):
        app = step(app)
    return app


def _with_operations(
    app: Flask, registry: Registry, engine: Engine, stopping: Callable[[], bool], journal: Journal, orders: Orders
) -> Flask:
    def serve(model: str, operation: str) -> Response:
        presence = Presence(request.environ.get("gunicorn.socket"), stopping)
        presence.announce()
        body = request.get_data()
        note = journal.begin(operation, model, _request_id(), list(request.headers), body)
        asked = Asked(operation=operation, model=model, body=body, registry=registry, engine=engine, presence=presence)
        answer = _answer(asked, note, orders)
        note(status=answer.status)
        return deliver(answer, presence, lambda how: note(ended=how))

    for name, operation in OPERATIONS.items():
        app.add_url_rule(
            f"/model/<path:model>/{operation.path}", name, partial(serve, operation=name), methods=["POST"]
        )
    return app


def _answer(asked: Asked, note: Note, orders: Orders) -> Answer:
    def real() -> Answer:
        try:
            return operations.answer(asked)
        except Refusal as refusal:
            return refused(refusal)

    try:
        fault = _fault(orders)
        if fault is None:
            return real()
        note(fault=fault.fault)
        return FAULTS[fault.fault](fault, asked.operation, real, asked.presence)
    except CallerLeft:
        return abandoned()
    except BadOrder as fault_in_order:
        return refused(Refusal("ValidationException", f"{HEADER}: {fault_in_order}"))
    except Exception as error:
        LOG.exception("%s of %s failed", asked.operation, asked.model)
        return refused(Refusal("InternalServerException", f"The emulator failed: {type(error).__name__}: {error}"))


def _fault(orders: Orders) -> Fault | None:
    told = request.headers.get(HEADER)
    return read_header(told) if told else orders.take()


def _with_admin(app: Flask, engine: Engine, journal: Journal, orders: Orders) -> Flask:
    @app.get("/_emulator/health")
    def health() -> Response:
        return jsonify(status="ok", engine=engine.name, description=engine.description)

    @app.get("/_emulator/faults")
    def list_faults() -> Response:
        return jsonify(waiting=orders.listed(), known=list(FAULTS))

    @app.post("/_emulator/faults")
    def order_faults() -> Response | tuple[Response, int]:
        try:
            orders.add(read_orders(request.get_data()))
        except BadOrder as fault:
            return jsonify(message=str(fault)), 400
        return jsonify(waiting=orders.listed())

    @app.delete("/_emulator/faults")
    def clear_faults() -> tuple[str, int]:
        orders.clear()
        return "", 204

    @app.get("/_emulator/requests")
    def list_requests() -> Response:
        return jsonify(journal.listed())

    @app.delete("/_emulator/requests")
    def clear_requests() -> tuple[str, int]:
        journal.clear()
        return "", 204

    return app


def _with_errors(app: Flask) -> Flask:
    @app.errorhandler(HTTPException)
    def unknown(error: HTTPException) -> Response:
        name = "UnknownOperationException" if error.code in (404, 405) else "ValidationException"
        refusal = Refusal(name, error.description or error.name, status=error.code)
        answer = refused(refusal)
        return Response(b"".join(answer.parts), answer.status, dict(answer.headers))

    return app


def _with_request_ids(app: Flask) -> Flask:
    @app.after_request
    def identify(response: Response) -> Response:
        response.headers["x-amzn-RequestId"] = _request_id()
        return response

    return app


def _request_id() -> str:
    """The id of the request that is served now."""
    found: str = request.environ.setdefault("bedrock_flask.request_id", str(uuid4()))
    return found
