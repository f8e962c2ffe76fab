"""The emulator as a WSGI application: Bedrock's runtime protocol, and under `/_emulator` what tests steer it with."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from uuid import uuid4

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from bedrock_flask.emulator import operations
from bedrock_flask.emulator.account import EmulatedAccount
from bedrock_flask.emulator.account.catalogue import Catalogue
from bedrock_flask.emulator.account.guardrail_policy import Rule
from bedrock_flask.emulator.account.jobs import Jobs
from bedrock_flask.emulator.calls.delivery import Answer, abandoned, deliver, refused
from bedrock_flask.emulator.calls.presence import CallerLeft, Presence
from bedrock_flask.emulator.calls.refusals import Refusal
from bedrock_flask.emulator.calls.request import Asked
from bedrock_flask.emulator.calls.signatures import Admit, admitting, region_of
from bedrock_flask.emulator.engines import Engine
from bedrock_flask.emulator.engines.replies import BadReply, Replies, read_posted
from bedrock_flask.emulator.faults import FAULTS, HEADER, BadOrder, Fault, Orders, read_header, read_orders
from bedrock_flask.emulator.operations import CONTROL, OPERATIONS
from bedrock_flask.emulator.request_log import Journal, Note
from bedrock_flask.models.registry import Registry
from bedrock_flask.protocol import sigv4

LOG = logging.getLogger("bedrock_flask.emulator")
MAX_BODY = 32 * 1024 * 1024


def _goes_on() -> bool:
    return False


def create_emulator(
    registry: Registry,
    engine: Engine,
    *,
    stopping: Callable[[], bool] = _goes_on,
    journal: Journal | None = None,
    orders: Orders | None = None,
    replies: Replies | None = None,
    secrets: Mapping[str, str] | None = None,
    async_dir: Path | None = None,
    blocked_words: tuple[str, ...] = (),
) -> Flask:
    """An emulator with these plugins and this engine; `stopping` tells stalled answers that the server stops.

    With `secrets` callers must sign; `async_dir` stands in place of S3; guardrails block the `blocked_words`.
    """
    app = Flask("bedrock_flask.emulator", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.json.sort_keys = False  # type: ignore[attr-defined]
    # A model id is the caller's text: it may hold two slashes in a row.
    app.url_map.merge_slashes = False
    app.extensions["bedrock_flask.engine"] = engine
    journal, orders, replies = journal or Journal(), orders or Orders(), replies or Replies(engine)
    account = EmulatedAccount(
        registry=registry,
        replies=replies,
        catalogue=Catalogue(registry),
        jobs=Jobs(async_dir),
        rule=Rule(blocked_words),
    )
    admit = admitting(secrets or {})
    for step in (
        partial(_with_operations, account=account, admit=admit, stopping=stopping, journal=journal, orders=orders),
        partial(_with_admin, engine=engine, journal=journal, orders=orders),
        partial(_with_replies, replies=replies),
        _with_errors,
        _with_request_ids,
    ):
        app = step(app)
    return app


def _with_operations(
    app: Flask, account: EmulatedAccount, admit: Admit, stopping: Callable[[], bool], journal: Journal, orders: Orders
) -> Flask:
    def serve(operation: str, model: str = "", **labels: str) -> Response:
        presence = Presence(request.environ.get("gunicorn.socket"), stopping)
        presence.announce()
        body = request.get_data()
        note = journal.begin(operation, model, _request_id(), list(request.headers), body)
        headers = {name.lower(): value for name, value in request.headers}
        asked = Asked(
            operation=operation,
            body=body,
            engine=account.replies.answering(model),
            presence=presence,
            account=account,
            model=model,
            labels=labels,
            query=request.args,
            headers=headers,
            region=region_of(headers.get("authorization", "")),
        )
        answer = _answer(asked, admit, note, orders)
        note(status=answer.status)
        return deliver(answer, presence, lambda how: note(ended=how))

    for name, operation in OPERATIONS.items():
        view = partial(serve, operation=name)
        app.add_url_rule(operation.path, name, view, methods=[operation.method])
        if operation.control:
            app.add_url_rule(CONTROL + operation.path, f"control.{name}", view, methods=[operation.method])
    return app


def _answer(asked: Asked, admit: Admit, note: Note, orders: Orders) -> Answer:
    def real() -> Answer:
        try:
            return operations.answer(asked)
        except Refusal as refusal:
            return refused(refusal)

    try:
        admit(sigv4.received(request.environ, request.headers, asked.body))
        fault = _fault(orders)
        if fault is None:
            return real()
        note(fault=fault.fault)
        return FAULTS[fault.fault](fault, asked.operation, real, asked.presence)
    except CallerLeft:
        return abandoned()
    except Refusal as refusal:
        return refused(refusal)
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


def _with_replies(app: Flask, replies: Replies) -> Flask:
    @app.get("/_emulator/replies")
    def list_replies() -> Response:
        return jsonify(replies.listed())

    @app.post("/_emulator/replies")
    def add_replies() -> Response | tuple[Response, int]:
        try:
            replies.add(read_posted(request.get_data()))
        except BadReply as fault:
            return jsonify(message=str(fault)), 400
        return jsonify(replies.listed())

    @app.delete("/_emulator/replies")
    def clear_replies() -> tuple[str, int]:
        replies.clear()
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
