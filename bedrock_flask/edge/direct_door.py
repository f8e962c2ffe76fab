"""The direct door: the plain request to a hot address, answered without Flask's contexts, routing and responses.

An address is hot if it is a dialect's, takes POST, and has no label in its path but a model's name. A request to it is
plain if all of this holds; the list is short, so that it can be checked by reading it.

- Its length is announced in digits, and its body is neither chunked nor encoded otherwise for the transfer.
- It has no `Origin`, so nothing of CORS applies.
- Its `Host` is a name or an address, and a port.
- Its path is ASCII without spaces, `%` and the like, when it is decoded.

Everything else goes to Flask (`flask_door`), and is decided before anything of the body is read. Both doors call the
same steps, the same functions of dialects and the same renderers of errors.
"""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask

from bedrock_flask.dialect import Dialect, Route
from bedrock_flask.edge import steps
from bedrock_flask.edge.base_path import Application
from bedrock_flask.edge.exchange import begin_exchange
from bedrock_flask.edge.idempotency import idempotent
from bedrock_flask.edge.rendering import render_error, render_unexpected_error
from bedrock_flask.edge.response import Response
from bedrock_flask.edge.statuses import format_status
from bedrock_flask.errors import GatewayError
from bedrock_flask.state import current_state, state_of

_RULE = re.compile(r"(?P<prefix>[^<>]*/)<path:\w+>(?P<suffix>/[^<>/]*)")
# A model's name, and so what stands for it in a path.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]*")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,255}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


@dataclass(frozen=True)
class Hot:
    """A hot address: its rule, as Flask writes it, the name of its dialect, and the function that answers."""

    rule: str
    dialect: str
    respond: Callable[..., Response]


@dataclass(frozen=True)
class HotAddresses:
    """The hot addresses: those without a label by their path, and the others by what is before and after the label."""

    exact: Mapping[str, Hot]
    named: Mapping[tuple[str, str], Hot]
    prefixes: tuple[str, ...]

    def find(self, path: str) -> tuple[Hot, tuple[str, ...]] | None:
        """The address with this path, and its labels."""
        if hot := self.exact.get(path):
            return hot, ()
        suffix = path[path.rfind("/") :]
        for prefix in self.prefixes:
            if path.startswith(prefix) and (hot := self.named.get((prefix, suffix))):
                name = path[len(prefix) : -len(suffix)]
                return (hot, (name,)) if _NAME.fullmatch(name) else None
        return None


def with_direct_door(app: Flask) -> Flask:
    """Hot addresses are served without Flask, unless the settings say otherwise."""
    if state_of(app).settings.door == "direct":
        app.wsgi_app = open_direct_door(app, app.wsgi_app)  # type: ignore[method-assign, assignment]
    return app


def list_hot(dialects: Iterable[Dialect]) -> HotAddresses:
    """The hot addresses of these dialects."""
    exact: dict[str, Hot] = {}
    named: dict[tuple[str, str], Hot] = {}
    for dialect in dialects:
        for mount, route in itertools.product(dialect.all_mounts, dialect.routes):
            _add(Hot(f"{mount}{route.path}", dialect.name, idempotent(route)), route, exact, named)
    return HotAddresses(exact, named, tuple(dict.fromkeys(prefix for prefix, _ in named)))


def _add(hot: Hot, route: Route, exact: dict[str, Hot], named: dict[tuple[str, str], Hot]) -> None:
    if route.method != "POST":
        return
    if "<" not in hot.rule:
        exact[hot.rule] = hot
    elif parts := _RULE.fullmatch(hot.rule):
        named[parts["prefix"], parts["suffix"]] = hot


def is_plain(environ: Mapping[str, Any]) -> bool:
    """Whether a request holds nothing that only Flask looks at; its path is looked at elsewhere."""
    length = environ.get("CONTENT_LENGTH", "")
    return (
        environ["REQUEST_METHOD"] == "POST"
        and length.isascii()
        and length.isdigit()
        and "HTTP_ORIGIN" not in environ
        and "HTTP_TRANSFER_ENCODING" not in environ
        and _HOST.fullmatch(environ.get("HTTP_HOST", "")) is not None
    )


def open_direct_door(app: Flask, flask: Application) -> Application:
    """The application that serves hot addresses, and leaves all other requests to Flask."""
    hot_addresses = list_hot(state_of(app).dialects)
    own_hooks = _count_hooks(app)

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        found = hot_addresses.find(environ.get("PATH_INFO", "")) if is_plain(environ) else None
        # Hooks that a host has added are Flask's to call.
        if found is None or _count_hooks(app) != own_hooks:
            return flask(environ, start_response)
        hot, labels = found
        exchange = begin_exchange(environ, current_state(app))
        exchange.route, exchange.dialect = hot.rule, hot.dialect
        try:
            steps.enter(exchange)
            response = hot.respond(exchange, *labels)
        except GatewayError as error:
            response = render_error(exchange, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer and the log its frames
            response = render_unexpected_error(exchange, error)
        return _send(steps.leave(exchange, response), start_response)

    return serve


def _count_hooks(app: Flask) -> int:
    """How many functions Flask calls around every request."""
    return (
        len(app.url_value_preprocessors.get(None, ()))
        + len(app.before_request_funcs.get(None, ()))
        + len(app.after_request_funcs.get(None, ()))
        + len(app.teardown_request_funcs.get(None, ()))
        + len(app.teardown_appcontext_funcs)
    )


class _Body:
    """The parts of a body; `close` is the server's sign that the last byte is sent or the client has left."""

    def __init__(self, parts: Iterable[bytes], on_close: Iterable[Callable[[], object]]) -> None:
        self._parts, self._on_close = parts, on_close

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def close(self) -> None:
        """End the parts, then call everything that was waiting for the end."""
        try:
            if close := getattr(self._parts, "close", None):
                close()
        finally:
            for function in self._on_close:
                function()


def _send(response: Response, start_response: Callable[..., Any]) -> Iterable[bytes]:
    headers = [("content-type", response.content_type), *response.headers.items()]
    if isinstance(response.body, bytes):
        headers.append(("content-length", str(len(response.body))))
        body = _Body((response.body,), response.on_close)
    else:
        body = _Body(response.body, response.on_close)
    try:
        start_response(format_status(response.status), headers)
    except BaseException:
        # The server closes only a body that it has been given.
        body.close()
        raise
    return body
