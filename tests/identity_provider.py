"""A real OpenID provider on loopback, of Authlib's parts, with clients that get tokens and keys that are rotated."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from authlib.oidc.core import AuthorizationCodeMixin, OpenIDCode, UserInfo
from authlib.oidc.discovery import OpenIDProviderMetadata
from flask import Flask, Response, jsonify, request
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import BaseWSGIServer, make_server

from tests.doubles import free_port

AUDIENCE = "https://gateway.example.com"
CLIENT_SECRET = "canary-client-secret"
# The server would log each request of every test.
logging.getLogger("werkzeug").setLevel(logging.ERROR)


@dataclass(frozen=True)
class _Client(ClientMixin):
    """A program that may have tokens, and what they say of it."""

    id: str
    claims: Mapping[str, Any]

    def get_client_id(self) -> str:
        return self.id

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or ""

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("client_credentials", "authorization_code")

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.claims.get("redirect_uri")

    def get_default_redirect_uri(self) -> str:
        return ""


@dataclass
class Person:
    """A person with the claims of the directory, who may be disabled there."""

    id: str
    claims: dict[str, Any]
    is_disabled: bool = False

    def get_user_id(self) -> str:
        return self.id


@dataclass(frozen=True)
class _Code(AuthorizationCodeMixin):
    """A code with which a client gets the tokens of a person."""

    client_id: str
    redirect_uri: str
    scope: str
    nonce: str
    person: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> None:
        return None

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


@dataclass
class Provider:
    """Its clients by their ids, the keys that it publishes, of which the last signs, and how often they were read."""

    port: int
    clients: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    people: dict[str, "Person"] = field(default_factory=dict)
    codes: dict[str, "_Code"] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    keys: list[RSAKey] = field(default_factory=lambda: [_make_key()])
    keys_read: int = 0
    server: BaseWSGIServer | None = None
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """The issuer's identifier."""
        return f"http://127.0.0.1:{self.port}"

    def rotate(self, *, keep: bool = True) -> None:
        """Sign with a new key from now on; the others stay published, or not."""
        self.keys = [*(self.keys if keep else ()), _make_key()]

    def issue(self, client: str, **claims: Any) -> str:
        """A token that a client gets with its secret."""
        self.clients[client] = claims
        grant = {"grant_type": "client_credentials"}
        response = requests.post(f"{self.url}/token", grant, auth=(client, CLIENT_SECRET), timeout=30)
        assert response.ok, response.text
        return str(response.json()["access_token"])

    def sign(self, claims: Mapping[str, Any], key: Any = None, **header: Any) -> str:
        """A token with claims and a header of the test's own, signed with the provider's key or another one."""
        own = key or self.keys[-1]
        now = int(time.time())
        usual = {"iss": self.url, "sub": "ci", "aud": AUDIENCE, "iat": now, "exp": now + 600}
        named = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        head = {"alg": "RS256", "kid": self.keys[-1].kid, **header}
        algorithms = [str(head["alg"])]
        return jwt.encode({name: value for name, value in head.items() if value is not None}, named, own, algorithms)

    def start(self) -> None:
        """Serve, from now on or again."""
        self.released.set()
        self.server = make_server("127.0.0.1", self.port, _make_app(self), threaded=True)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections."""
        assert self.server is not None
        self.server.shutdown()
        self.server.server_close()

    @contextlib.contextmanager
    def out_of_service(self) -> Iterator[None]:
        """Refuse connections until the block ends."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Answer nothing until the block ends."""
        self.released.clear()
        try:
            yield
        finally:
            self.released.set()


class _Tokens(JWTBearerTokenGenerator):  # type: ignore[misc]  # Authlib has no types
    def __init__(self, provider: Provider) -> None:
        super().__init__(provider.url)
        self.provider = provider

    def get_jwks(self) -> Any:
        return KeySet(self.provider.keys[-1:])

    def get_audiences(self, client: _Client, user: Any, scope: str) -> str:
        return AUDIENCE

    def get_extra_claims(self, client: _Client, grant_type: str, user: Any, scope: str) -> Mapping[str, Any]:
        return client.claims


def _keep_token(provider: Provider, token: Mapping[str, Any], request: Any) -> None:
    if request.user:
        provider.tokens[token["access_token"]] = request.user.id


def _make_app(provider: Provider) -> Flask:
    app = Flask("provider")
    server = AuthorizationServer(
        app,
        query_client=lambda name: _Client(name, provider.clients[name]) if name in provider.clients else None,
        save_token=lambda token, request: _keep_token(provider, token, request),
    )
    server.register_grant(grants.ClientCredentialsGrant)
    server.register_token_generator("client_credentials", _Tokens(provider))
    _serve_people(app, server, provider)

    @app.get("/.well-known/openid-configuration")
    def discovery() -> Response:
        provider.released.wait()
        metadata = OpenIDProviderMetadata(
            issuer=provider.url,
            jwks_uri=f"{provider.url}/jwks",
            token_endpoint=f"{provider.url}/token",
            authorization_endpoint=f"{provider.url}/authorize",
            userinfo_endpoint=f"{provider.url}/userinfo",
            grant_types_supported=["client_credentials", "authorization_code"],
            response_types_supported=["code"],
            code_challenge_methods_supported=["S256"],
            id_token_signing_alg_values_supported=["RS256"],
        )
        return jsonify(metadata)

    @app.get("/jwks")
    def jwks() -> Response:
        provider.keys_read += 1
        return jsonify(KeySet(provider.keys).as_dict(private=False))

    @app.post("/token")
    def token() -> Any:
        return server.create_token_response()

    return app


def _serve_people(app: Flask, server: AuthorizationServer, provider: Provider) -> None:
    """The authorization code flow, in which the person is named by the browser, and what is known of a person."""

    class Codes(grants.AuthorizationCodeGrant):  # type: ignore[misc]  # Authlib has no types
        def save_authorization_code(self, code: str, request: Any) -> None:
            payload = request.payload
            provider.codes[code] = _Code(
                payload.client_id,
                payload.redirect_uri,
                payload.scope,
                payload.data.get("nonce", ""),
                request.user.id,
                payload.data.get("code_challenge", ""),
                payload.data.get("code_challenge_method", ""),
            )

        def query_authorization_code(self, code: str, client: _Client) -> _Code | None:
            found = provider.codes.get(code)
            return found if found and found.client_id == client.id else None

        def delete_authorization_code(self, authorization_code: _Code) -> None:
            provider.codes = {name: code for name, code in provider.codes.items() if code is not authorization_code}

        def authenticate_user(self, authorization_code: _Code) -> Person:
            return provider.people[authorization_code.person]

    class Identities(OpenIDCode):  # type: ignore[misc]  # Authlib has no types
        def resolve_client_private_key(self, client: _Client) -> Any:
            return provider.keys[-1]

        def get_client_algorithm(self, client: _Client) -> str:
            return "RS256"

        def get_client_claims(self, client: _Client) -> Mapping[str, Any]:
            return {"iss": provider.url}

        def get_encode_header(self, client: _Client) -> Mapping[str, Any]:
            return {"alg": "RS256", "kid": provider.keys[-1].kid}

        def exists_nonce(self, nonce: str, request: Any) -> bool:
            return False

        def generate_user_info(self, user: Person, scope: str) -> UserInfo:
            return UserInfo(sub=user.id)

    server.register_grant(Codes, [CodeChallenge(required=True), Identities()])

    @app.get("/authorize")
    def authorize() -> Any:
        grant = server.get_consent_grant(end_user=provider.people[request.cookies["person"]])
        return server.create_authorization_response(grant_user=grant.request.user, grant=grant)

    @app.get("/userinfo")
    def userinfo() -> Any:
        provider.released.wait()
        person = provider.people.get(provider.tokens.get(request.headers.get("authorization", "")[7:], ""))
        if person is None or person.is_disabled:
            return jsonify(error="invalid_token"), 401
        return jsonify(sub=person.id, **person.claims)


def _make_key() -> RSAKey:
    key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, private=True)
    key.ensure_kid()
    return key


@contextlib.contextmanager
def run_provider() -> Iterator[Provider]:
    """Serve a provider until the block ends."""
    provider = Provider(free_port())
    provider.start()
    try:
        yield provider
    finally:
        provider.released.set()
        provider.stop()
