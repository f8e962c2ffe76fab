"""The app of the admin API: each request is authenticated, read, allowed, and answered in one transaction."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pluggy
from flask import Flask, g, jsonify
from flask import Response as FlaskResponse

from bedrock_flask.admin.authentication import Authenticator, find_operator, list_authenticators, open_login
from bedrock_flask.admin.document import build_document
from bedrock_flask.admin.query import read_parameters
from bedrock_flask.admin.route import AdminRequest, Answer, Route, compute_tag
from bedrock_flask.admin.routes import PREFIX, ROUTES
from bedrock_flask.config.server_secret import ServerSecret
from bedrock_flask.config.settings import Settings
from bedrock_flask.dialects import load_dialects
from bedrock_flask.edge.body import read_body
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.flask_door import current_exchange, public, to_flask, with_exchange
from bedrock_flask.edge.foreign_pages import find_foreign_header
from bedrock_flask.edge.host import check_host
from bedrock_flask.edge.response import make_json_response
from bedrock_flask.edge.unread_request import with_unread_requests
from bedrock_flask.errors import (
    ForeignPage,
    InvalidDocument,
    MalformedBody,
    OperatorForbidden,
    StartupError,
    StoreUnavailable,
    UnsupportedMediaType,
)
from bedrock_flask.fields import Schema, find_faults
from bedrock_flask.governance.operator import Operator, may, may_somewhere
from bedrock_flask.governance.store.directory import Directory
from bedrock_flask.governance.store.engine import PATIENCE
from bedrock_flask.governance.store.errors import DirectoryError
from bedrock_flask.governance.store.opening import open_directory
from bedrock_flask.models.registry import Registry
from bedrock_flask.models.resolver import Models
from bedrock_flask.protocol import json
from bedrock_flask.state import KEY, make_state

if TYPE_CHECKING:
    from bedrock_flask.admin.login.views import Login

LOG = logging.getLogger("bedrock_flask.admin")
_MOST_BYTES = 1_000_000
_MEDIA_TYPES = ("application/json", "application/merge-patch+json")
# Opens the directory for an operator, who may change it or not.
OpenFor = Callable[[str, bool], AbstractContextManager[Directory]]


def create_admin(settings: Settings) -> Flask:
    """The app, for one process."""
    app = Flask("bedrock_flask.admin", static_folder=None)
    app.extensions[KEY] = make_state(_narrow(settings), Models(_no_adapters()), ())
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.merge_slashes = False
    with_exchange(app)
    login = open_login(settings)
    authenticators = list_authenticators(settings, login)
    app.before_request(lambda: _admit(current_exchange(), authenticators, login))
    if login is not None:
        login.add_views(app)
    open_for = _make_opener(settings)
    for route in ROUTES:
        view = _make_view(route, open_for, settings.key_pepper)
        app.add_url_rule(route.path, f"{route.method} {route.path}", view, methods=[route.method])
    document = build_document(ROUTES)
    app.add_url_rule(f"{PREFIX}/openapi.json", "openapi", lambda: jsonify(document))
    app.add_url_rule("/livez", "livez", report_liveness)
    return with_unread_requests(app)


@public
def report_liveness() -> FlaskResponse:
    """The process answers."""
    return jsonify(status="ok")


def _narrow(settings: Settings) -> Settings:
    """The settings of the edge: what the gateway allows its callers is not meant here."""
    return replace(settings, max_body_bytes=_MOST_BYTES, cors_origins=(), base_path="")


def _no_adapters() -> Registry:
    return Registry({}, {}, (), pluggy.PluginManager("bedrock_flask"))


def _admit(exchange: Exchange, authenticators: Sequence[Authenticator], login: "Login | None") -> None:
    """Refuse what does not come from an operator; nothing of its body is read."""
    check_host(exchange)
    foreign = find_foreign_header(exchange.environ)
    if foreign and not (login and login.is_own(exchange.environ)):
        raise ForeignPage(f"The header {foreign} names another site than this machine.")
    if not exchange.is_public:
        g.operator = find_operator(exchange, authenticators)
        exchange.log_fields["operator"] = g.operator.name


def _make_view(route: Route, open_for: OpenFor, pepper: ServerSecret) -> Callable[..., FlaskResponse]:
    def view(**labels: str) -> FlaskResponse:
        exchange, operator = current_exchange(), g.operator
        # A slow body holds no transaction up.
        body = read_document(exchange, route.body()) if route.body else {}
        query = read_parameters(exchange, route.query)
        with open_for(operator.name, route.writes) as directory:
            check_right(operator, route, route.find_chain and route.find_chain(directory, labels, body))
            if_match = exchange.header("if-match")
            request = AdminRequest(operator, directory, pepper, route.right, labels, query, body, if_match)
            answer = route.respond(request)
        return _write(answer)

    return view


def check_right(operator: Operator, route: Route, chain: Sequence[str] | None) -> None:
    """Raise OperatorForbidden unless the operator has the right of a route on the last team of a chain, or on any."""
    if not route.right:
        return
    if not (may_somewhere(operator, route.right) if chain is None else may(operator, route.right, chain)):
        what = f"{route.right} of the team '{chain[-1]}'" if chain else route.right
        raise OperatorForbidden(f"The operator '{operator.name}' may not: {what}.")


def read_document(exchange: Exchange, schema: Schema) -> dict[str, Any]:
    """The JSON object in the body of a request; an empty body is an empty object."""
    media = exchange.header("content-type").partition(";")[0].strip().lower()
    data = read_body(exchange)
    if data and media not in _MEDIA_TYPES:
        raise UnsupportedMediaType(f"The body is {media or 'of no type'}: send {' or '.join(_MEDIA_TYPES)}.")
    try:
        document = json.parse(data) if data else {}
    except json.MalformedJSON as error:
        raise MalformedBody(error.message, error.path) from None
    if faults := find_faults(schema, document):
        raise InvalidDocument(faults)
    return dict(document)


def _make_opener(settings: Settings) -> OpenFor:
    dialects = {dialect.name for dialect in load_dialects()}

    @contextmanager
    def open_for(who: str, writes: bool) -> Iterator[Directory]:
        try:
            with open_directory(
                settings.database_url,
                settings.key_pepper,
                who,
                writes=writes,
                dialects=dialects,
                patience=PATIENCE,
            ) as directory:
                yield directory
        except DirectoryError:
            raise
        except StartupError as error:
            LOG.error("the database does not answer: %s", error.detail)
            raise StoreUnavailable() from None

    return open_for


def _write(answer: Answer) -> FlaskResponse:
    response = make_json_response(answer.document, answer.status)
    response.headers["cache-control"] = "no-store"
    if answer.has_tag:
        response.headers["etag"] = compute_tag(answer.document)
    if answer.location:
        response.headers["location"] = answer.location
    return to_flask(response)
