"""Log in, come back, log out; and who a request's session is of.

The cookies are sent only over TLS (or to this machine), are hidden from scripts, and belong to this host alone. What a
login needs is derived from one random text in the browser's cookie, so that only that browser can complete it.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, jsonify, redirect, request
from flask import Response as FlaskResponse
from werkzeug.wrappers import Response as AnyResponse

from bedrock_flask.admin.login.login_file import LoginFile
from bedrock_flask.admin.login.provider import CALLBACK, Provider
from bedrock_flask.admin.login.sessions import Claims, Sessions
from bedrock_flask.config.hosts import is_loopback, read_host
from bedrock_flask.edge.exchange import Exchange
from bedrock_flask.edge.flask_door import current_exchange, public
from bedrock_flask.edge.query import read_query
from bedrock_flask.errors import ForeignPage, OperatorForbidden, StoreUnavailable, Unauthenticated
from bedrock_flask.governance.operator import Operator, make_operator
from bedrock_flask.places import Places

LOGIN, LOGOUT = "/admin/v1/login", "/admin/v1/logout"
SESSION, PENDING = "__Host-bedrock-flask", "__Host-bedrock-flask-login"
# Seconds that a person has to log in at the provider.
_PENDING_AGE = 600
# Logins that wait for the provider at a time: strangers may begin any number.
_MOST_WAITING = 4
_SAFE = ("GET", "HEAD")
_NAME = re.compile(r"[!-~]{1,255}")


class Login:
    """The login of a login file: an authenticator of the admin API, and the views that lead to a session."""

    def __init__(self, login: LoginFile) -> None:
        self._login, self._provider = login, Provider(login)
        self._sessions = Sessions(self._provider.read_person, self._make_operator, login.max_age)
        self._waiting = Places(_MOST_WAITING)
        parts = urlsplit(login.url)
        self._host, self._origin = parts.netloc, f"{parts.scheme}://{parts.netloc}"

    def is_own(self, environ: Mapping[str, Any]) -> bool:
        """Whether a request is to this address, or to that of this machine behind a proxy, and of no other page."""
        host = environ.get("HTTP_HOST", "")
        is_to_this = host == self._host or is_loopback(read_host(f"//{host}"))
        return is_to_this and environ.get("HTTP_ORIGIN") in (None, self._origin)

    def authenticate(self, exchange: Exchange) -> Operator | None:
        """The operator whose session a request has; a change must not come from a page of another origin."""
        secret = request.cookies.get(SESSION, "")
        if not secret or exchange.header("authorization"):
            return None
        self._check_origin(exchange)
        return self._sessions.find(secret)

    def add_views(self, app: Flask) -> None:
        """Serve the addresses of the login."""
        app.add_url_rule(LOGIN, "login", public(lambda: self._begin()), methods=["GET"])
        app.add_url_rule(CALLBACK, "callback", public(lambda: self._complete()), methods=["GET"])
        # A person can log out while the provider is away, and cannot be recognised.
        app.add_url_rule(LOGOUT, "logout", public(lambda: self._end()), methods=["POST"])

    def _begin(self) -> AnyResponse:
        seed = secrets.token_urlsafe(32)
        with _Place(self._waiting):
            address = self._provider.make_address(*_derive(seed))
        response = redirect(address, 303)
        _set_cookie(response, PENDING, seed, _PENDING_AGE, "Lax")
        return response

    def _complete(self) -> FlaskResponse:
        state, nonce, verifier = _derive(request.cookies.get(PENDING, ""))
        query = dict(read_query(current_exchange()))
        code = query.get("code", "")
        if not request.cookies.get(PENDING) or not hmac.compare_digest(state, _ascii(query.get("state", ""))):
            raise Unauthenticated("This login was not begun in this browser, or too long ago: log in again.")
        if not code:
            raise Unauthenticated("The provider has refused the login.")
        with _Place(self._waiting):
            access, claims = self._provider.redeem(code, nonce, verifier)
            begun = self._sessions.begin(str(claims.get("sub", "")), access)
        if begun is None:
            raise OperatorForbidden("None of your groups has a role here.")
        secret, operator = begun
        current_exchange().log_fields["operator"] = operator.name
        response = jsonify(name=operator.name, roles=sorted(operator.roles), teams=sorted(operator.teams))
        _set_cookie(response, SESSION, secret, self._login.max_age, "Strict")
        _set_cookie(response, PENDING, "", 0, "Lax")
        return response

    def _end(self) -> FlaskResponse:
        self._check_origin(current_exchange())
        if not self._sessions.end(request.cookies.get(SESSION, "")):
            raise Unauthenticated("There is no session to end.")
        response = jsonify(status="ok")
        _set_cookie(response, SESSION, "", 0, "Strict")
        return response

    def _check_origin(self, exchange: Exchange) -> None:
        if exchange.method not in _SAFE and exchange.header("origin", self._origin) != self._origin:
            raise ForeignPage("The header Origin names another site than this one.")

    def _make_operator(self, claims: Claims) -> Operator | None:
        """The operator of a person with these claims; None without a name or a role."""
        name, groups = claims.get(self._login.name), _find_groups(claims, self._login)
        roles = [role for group in groups for role in self._login.groups.get(group, ())]
        if not roles or not isinstance(name, str) or not _NAME.fullmatch(name):
            return None
        return make_operator(f"oidc:{name}", roles)


class _Place:
    """A place of a login that waits for the provider, or StoreUnavailable."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def __enter__(self) -> None:
        if not self._places.take():
            raise StoreUnavailable("many logins wait for the provider")

    def __exit__(self, *_: object) -> None:
        self._places.give_back()


def _find_groups(claims: Claims, login: LoginFile) -> list[str]:
    value: Any = claims
    for name in login.groups_claim:
        value = value.get(name) if isinstance(value, Mapping) else None
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]


def _derive(seed: str) -> tuple[str, str, str]:
    """State, nonce and PKCE verifier of a login: who knows one of them does not know the others."""
    digests = (hashlib.sha256(f"{name}\0{seed}".encode()).digest() for name in ("state", "nonce", "verifier"))
    state, nonce, verifier = (base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in digests)
    return state, nonce, verifier


def _ascii(text: str) -> str:
    return text if text.isascii() else ""


def _set_cookie(response: AnyResponse, name: str, value: str, age: int, same_site: str) -> None:
    response.set_cookie(name, value, max_age=age, path="/", secure=True, httponly=True, samesite=same_site)
    response.headers["cache-control"] = "no-store"
