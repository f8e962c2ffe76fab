"""The emulator as a WSGI application: Bedrock's runtime protocol, and `/_emulator` for the tests that control it."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import uuid4

from flask import Flask, Response, abort, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import ClosingIterator

from bedrock_flask.emulator import operations
from bedrock_flask.emulator.account.account import EmulatedAccount
from bedrock_flask.emulator.account.guardrail_policy import GuardrailPolicy
from bedrock_flask.emulator.account.jobs import AsyncJobs
from bedrock_flask.emulator.account.role_sessions import RoleSessions
from bedrock_flask.emulator.admin_access import PREFIX, refuse_strangers
from bedrock_flask.emulator.calls.body import read_body
from bedrock_flask.emulator.calls.delivery import deliver, make_abandoned_response
from bedrock_flask.emulator.calls.errors import EmulatedError
from bedrock_flask.emulator.calls.presence import CallerLeft, Presence
from bedrock_flask.emulator.calls.protocol import AWS, Protocol
from bedrock_flask.emulator.calls.request import EmulatorRequest
from bedrock_flask.emulator.calls.response import EmulatorResponse, make_error_response, with_header
from bedrock_flask.emulator.calls.signatures import (
    Authenticate,
    Scheme,
    make_authenticator,
    read_key_id,
    read_region,
    read_secrets,
    read_service,
)
from bedrock_flask.emulator.calls.unserved import make_unserved_response
from bedrock_flask.emulator.engines import AnyEngine
from bedrock_flask.emulator.environ import MANTLE_PREFIX
from bedrock_flask.emulator.faults.inject import Fault
from bedrock_flask.emulator.faults.queue import HEADER, FaultQueue, InvalidFault, parse_faults, parse_header
from bedrock_flask.emulator.faults.table import FAULTS
from bedrock_flask.emulator.operations import CONTROL_PREFIX, OPERATIONS, sts
from bedrock_flask.emulator.replies.queue import ReplyQueue
from bedrock_flask.emulator.replies.reply import InvalidReply, parse_replies
from bedrock_flask.emulator.request_log import RequestLog, UpdateEntry
from bedrock_flask.emulator.settings import EmulatorSettings
from bedrock_flask.emulator.surfaces.body import read_model
from bedrock_flask.emulator.surfaces.endpoints import find_endpoint
from bedrock_flask.emulator.surfaces.routes import BY_ADDRESS, SCHEMES, find_protocol
from bedrock_flask.models.catalogue import Catalogue
from bedrock_flask.models.registry import Registry
from bedrock_flask.protocol import sigv4

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

LOG = logging.getLogger("bedrock_flask.emulator")
MAX_BODY_BYTES = 32 * 1024 * 1024
# Calls that are answered at a time; server.py has more threads, so that callers who wait for ever silence no test.
MAX_CALLS = 128
# The header that lists what the schema of a body does not know and a lenient emulator lets pass, and its length.
UNKNOWN_FIELDS, _MAX_HEADER = "x-emulator-unknown-fields", 2000

_DEFAULTS = EmulatorSettings()
_SERVED = (
    f"{', '.join(OPERATIONS)} of bedrock-runtime, bedrock-agent-runtime and bedrock, {' and '.join(sts.ACTIONS)} of sts"
)


def _never_stops() -> bool:
    return False


def create_emulator(
    registry: Registry,
    engine: AnyEngine,
    settings: EmulatorSettings = _DEFAULTS,
    *,
    log: RequestLog | None = None,
    is_stopping: Callable[[], bool] = _never_stops,
) -> Flask:
    """Create an emulator with these plugins and this engine; stalled responses end when `is_stopping`."""
    app = Flask("bedrock_flask.emulator", static_folder=None, template_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]
    # A model id is the caller's text: it may contain two slashes in a row.
    app.url_map.merge_slashes = False
    app.extensions["bedrock_flask.engine"] = engine
    log = log or RequestLog(body_bytes=settings.log_bodies)
    faults, replies = FaultQueue(), ReplyQueue(settings.replies, only=settings.replies_only)
    faults.add(list(settings.faults))
    account = EmulatedAccount(
        registry=registry,
        engine=engine,
        replies=replies,
        catalogue=Catalogue(registry),
        jobs=AsyncJobs(settings.async_dir),
        policy=GuardrailPolicy(tuple(settings.blocked_words)),
        is_strict=not settings.lenient,
    )
    authenticate = make_authenticator(read_secrets(settings.secrets), account.sessions)
    serve = partial(_serve, account=account, authenticate=authenticate, is_stopping=is_stopping, log=log, faults=faults)
    for step in (
        partial(_with_operations, serve=serve),
        partial(_with_surfaces, serve=serve),
        partial(_with_sts, serve=serve),
        _with_access,
        partial(_with_admin, engine=engine, log=log, faults=faults),
        partial(_with_replies, replies=replies),
        partial(_with_sessions, sessions=account.sessions),
        _with_errors,
        _with_request_ids,
        _with_call_limit,
    ):
        app = step(app)
    return app


@dataclass(frozen=True, kw_only=True)
class _Served:
    """What a call calls: its name in the log, what answers, in which protocol, and how callers authenticate."""

    name: str
    run: Callable[[EmulatorRequest], EmulatorResponse]
    protocol: Protocol = AWS
    scheme: Scheme = field(default_factory=Scheme)


# Given what is called, its model and the other labels of its path.
_Serve = Callable[..., Response]


def _serve(
    served: _Served,
    model: str = "",
    *,
    body: bytes,
    account: EmulatedAccount,
    authenticate: Authenticate,
    is_stopping: Callable[[], bool],
    log: RequestLog,
    faults: FaultQueue,
    labels: Mapping[str, str],
) -> Response:
    presence = Presence(request.environ.get("gunicorn.socket"), is_stopping)
    presence.announce()
    update = log.begin(served.name, model, _request_id(), list(request.headers), body)
    headers = {name.lower(): value for name, value in request.headers}
    emulator_request = EmulatorRequest(
        operation=served.name,
        body=body,
        engine=account.make_engine(model),
        presence=presence,
        account=account,
        model=model,
        labels=labels,
        query=request.args,
        headers=headers,
        region=read_region(headers.get("authorization", "")),
    )
    update(caller=_name_caller(account, read_key_id(headers.get("authorization", ""))))
    response = _respond(served, emulator_request, authenticate, update, faults)
    if unknown := emulator_request.unknown:
        update(unknown=unknown)
        response = with_header(response, UNKNOWN_FIELDS, quote(", ".join(unknown), safe="[], -_.")[:_MAX_HEADER])
    update(status=response.status)
    return deliver(response, presence, lambda end: update(ended=end))


def _with_operations(app: Flask, serve: _Serve) -> Flask:
    def view(served: _Served, model: str = "", **labels: str) -> Response:
        return serve(served, model, body=read_body(request), labels=labels)

    for name, operation in OPERATIONS.items():
        answer = partial(view, served=_Served(name=name, run=operations.run_operation))
        app.add_url_rule(operation.path, name, answer, methods=[operation.method])
        if operation.control:
            app.add_url_rule(CONTROL_PREFIX + operation.path, f"control.{name}", answer, methods=[operation.method])
    return app


def _with_surfaces(app: Flask, serve: _Serve) -> Flask:
    """The APIs in the formats of OpenAI and Anthropic: their bodies name the model, and two endpoints share paths."""

    def view(address: tuple[str, str], **labels: str) -> Response:
        endpoint = find_endpoint(request.path, request.host, read_service(request.headers.get("authorization", "")))
        route = BY_ADDRESS[address].get(endpoint)
        if route is None:
            abort(404)
        body = read_body(request)
        served = _Served(name=route.name, run=route.run, protocol=route.protocol, scheme=SCHEMES[endpoint])
        return serve(served, read_model(body), body=body, labels=labels)

    for method, path in BY_ADDRESS:
        for prefix in ("", MANTLE_PREFIX):
            answer = partial(view, address=(method, path))
            app.add_url_rule(prefix + path, f"{method} {prefix}{path}", answer, methods=[method])
    return app


def _with_sts(app: Flask, serve: _Serve) -> Flask:
    @app.post("/")
    def call_sts() -> Response:
        body = read_body(request)
        action = sts.find_action(body) if read_service(request.headers.get("authorization", "")) == sts.SERVICE else ""
        if not action:
            abort(404)
        served = _Served(name=action, run=sts.ACTIONS[action], protocol=sts.PROTOCOL, scheme=sts.SCHEME)
        return serve(served, body=body, labels={})

    return app


def _name_caller(account: EmulatedAccount, key_id: str) -> str | None:
    """The identity of a call: the session of its key, or the key."""
    session = account.sessions.find(key_id)
    return session.arn if session else key_id or None


def _to_flask(response: EmulatorResponse) -> Response:
    return Response(b"".join(response.parts), response.status, dict(response.headers))


def _respond(
    served: _Served,
    emulator_request: EmulatorRequest,
    authenticate: Authenticate,
    update: UpdateEntry,
    faults: FaultQueue,
) -> EmulatorResponse:
    def respond() -> EmulatorResponse:
        try:
            return served.run(emulator_request)
        except EmulatedError as error:
            return refuse(error)

    def refuse(error: EmulatedError) -> EmulatorResponse:
        return make_error_response(error, served.protocol)

    try:
        authenticate(sigv4.read_wsgi_request(request.environ, request.headers, emulator_request.body), served.scheme)
        fault = _find_fault(faults, served.name)
        if fault is None:
            return respond()
        update(fault=fault.fault)
        return FAULTS[fault.fault].inject(fault, respond, emulator_request.presence)
    except CallerLeft:
        return make_abandoned_response()
    except EmulatedError as error:
        return refuse(error)
    except InvalidFault as error:
        return refuse(EmulatedError("ValidationException", f"{HEADER}: {error}"))
    except Exception as error:
        LOG.exception("%s of %s failed", emulator_request.operation, emulator_request.model)
        text = f"The emulator failed: {type(error).__name__}: {error}"
        return refuse(EmulatedError("InternalServerException", text))


def _find_fault(faults: FaultQueue, operation: str) -> Fault | None:
    header = request.headers.get(HEADER)
    return parse_header(header) if header else faults.take(operation)


def _with_access(app: Flask) -> Flask:
    app.before_request(refuse_strangers)
    return app


def _with_admin(app: Flask, engine: AnyEngine, log: RequestLog, faults: FaultQueue) -> Flask:
    @app.get("/_emulator/health")
    def health() -> Response:
        return jsonify(status="ok", engine=engine.name, description=engine.description)

    @app.get("/_emulator/faults")
    def list_faults() -> Response:
        return jsonify(waiting=faults.list_pending(), known=list(FAULTS))

    @app.post("/_emulator/faults")
    def add_faults() -> Response | tuple[Response, int]:
        try:
            faults.add(parse_faults(read_body(request)))
        except InvalidFault as error:
            return jsonify(message=str(error)), 400
        return jsonify(waiting=faults.list_pending())

    @app.delete("/_emulator/faults")
    def clear_faults() -> tuple[str, int]:
        faults.clear()
        return "", 204

    @app.get("/_emulator/requests")
    def list_requests() -> Response:
        return jsonify(log.list_entries())

    @app.delete("/_emulator/requests")
    def clear_requests() -> tuple[str, int]:
        log.clear()
        return "", 204

    return app


def _with_replies(app: Flask, replies: ReplyQueue) -> Flask:
    @app.get("/_emulator/replies")
    def list_replies() -> Response:
        return jsonify(replies.list_pending())

    @app.post("/_emulator/replies")
    def add_replies() -> Response | tuple[Response, int]:
        try:
            replies.add(parse_replies(read_body(request)))
        except InvalidReply as error:
            return jsonify(message=str(error)), 400
        return jsonify(replies.list_pending())

    @app.delete("/_emulator/replies")
    def clear_replies() -> tuple[str, int]:
        replies.clear()
        return "", 204

    return app


def _with_sessions(app: Flask, sessions: RoleSessions) -> Flask:
    @app.get("/_emulator/sessions")
    def list_sessions() -> Response:
        return jsonify(sessions.describe())

    @app.delete("/_emulator/sessions")
    def end_sessions() -> tuple[str, int]:
        sessions.end_all()
        return "", 204

    return app


def _with_errors(app: Flask) -> Flask:
    @app.errorhandler(HTTPException)
    def handle_http_error(error: HTTPException) -> Response:
        protocol = find_protocol(request.path)
        if error.code in (404, 405) and not request.path.startswith(PREFIX) and protocol is None:
            try:
                return _to_flask(_refuse_unserved(error.code))
            except HTTPException as unreadable:
                error = unreadable
        name = "UnknownOperationException" if error.code in (404, 405) else "ValidationException"
        refusal = EmulatedError(name, error.description or error.name, status=error.code)
        return _to_flask(make_error_response(refusal, protocol or AWS))

    return app


def _refuse_unserved(status: int) -> EmulatorResponse:
    headers = {name.lower(): value for name, value in request.headers}
    body = read_body(request)
    return make_unserved_response(request.method, request.path, headers, body, status=status, served=_SERVED)


def _with_request_ids(app: Flask) -> Flask:
    @app.after_request
    def add_request_id(response: Response) -> Response:
        response.headers["x-amzn-RequestId"] = _request_id()
        return response

    return app


def _with_call_limit(app: Flask) -> Flask:
    slots, inner = threading.BoundedSemaphore(MAX_CALLS), app.wsgi_app
    text = f"The emulator answers at most {MAX_CALLS} calls at a time."

    def serve(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith(PREFIX):
            return inner(environ, start_response)
        if not slots.acquire(blocking=False):
            protocol = find_protocol(environ["PATH_INFO"]) or AWS
            refusal = make_error_response(EmulatedError("ServiceUnavailableException", text), protocol)
            return _to_flask(refusal)(environ, start_response)
        try:
            return ClosingIterator(inner(environ, start_response), slots.release)
        except BaseException:
            slots.release()
            raise

    app.wsgi_app = serve  # type: ignore[method-assign]
    return app


def _request_id() -> str:
    """The id of the request that is being served."""
    request_id: str = request.environ.setdefault("bedrock_flask.request_id", str(uuid4()))
    return request_id
