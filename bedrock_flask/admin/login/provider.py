"""The OpenID provider, as a client of it: the authorization code flow with PKCE, and what it says of a person now."""

import logging
import ssl
import threading
import time
from collections.abc import Mapping
from functools import partial
from http.client import HTTPException
from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session

from bedrock_flask.admin.login.login_file import LoginFile
from bedrock_flask.admin.login.sessions import NAME
from bedrock_flask.config.file_fields import is_secure_url
from bedrock_flask.errors import IssuerUnavailable, Unauthenticated
from bedrock_flask.governance.workloads.fetching import discover, read_keys
from bedrock_flask.governance.workloads.issuer_keys import IssuerKeys
from bedrock_flask.governance.workloads.issuers_file import ALGORITHMS, Issuer
from bedrock_flask.governance.workloads.proof import prove
from bedrock_flask.governance.workloads.token_text import is_token, read_unproven

LOG = logging.getLogger("bedrock_flask.admin")
CALLBACK = "/admin/v1/callback"
# Seconds for an answer of the provider, for which its discovery document is used, and between two trials to read it.
_ANSWER, _FRESH, _TRIAL = 2.0, 300.0, 1.0
_REFUSED = (401, 403)


class Provider:
    """The provider of a login file; each function raises IssuerUnavailable where it does not answer."""

    def __init__(self, login: LoginFile) -> None:
        self._login = login
        # Only asymmetric algorithms: the client's secret signs nothing.
        self._issuer = Issuer(
            id=NAME, url=login.issuer, audience=(login.client_id,), algorithms=ALGORITHMS, ca_file=login.ca_file
        )
        self._keys = IssuerKeys(NAME, partial(read_keys, self._issuer), self._issuer.max_age)
        self._discovered: Mapping[str, Any] = {}
        self._read_at = self._tried_at = float("-inf")
        self._lock = threading.Lock()

    def make_address(self, state: str, nonce: str, verifier: str) -> str:
        """Where a person logs in."""
        endpoint = self._find("authorization_endpoint")
        with self._open() as client:
            address, _ = client.create_authorization_url(endpoint, state=state, nonce=nonce, code_verifier=verifier)
        return str(address)

    def redeem(self, code: str, nonce: str, verifier: str) -> tuple[str, Mapping[str, Any]]:
        """The access token of a person who comes back with a code, and the proven claims of the ID token."""
        # How the client names itself is known with the address.
        endpoint = self._find("token_endpoint")
        with self._open() as client:
            try:
                tokens = client.fetch_token(
                    endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=verifier,
                    timeout=_ANSWER,
                    allow_redirects=False,
                )
            except AuthlibBaseError as error:
                # It may be the client that is refused: only the log can say that.
                LOG.warning("the provider of the login refuses a code: %.100s", error.error)
                raise Unauthenticated("The provider does not take the code of this login: log in again.") from None
            except (requests.RequestException, ValueError) as error:
                raise _note_away("token_endpoint", error) from None
        access, identity = tokens.get("access_token"), tokens.get("id_token")
        if not isinstance(access, str) or not isinstance(identity, str):
            raise Unauthenticated("The provider has sent no access token and ID token.")
        return access, self._prove(identity, nonce)

    def read_person(self, access: str) -> Mapping[str, Any] | None:
        """What the provider says of a person now; None if it does not take the access token any more."""
        with self._open() as client:
            client.token = {"access_token": access, "token_type": "Bearer"}
            try:
                answer = client.get(self._find("userinfo_endpoint"), timeout=_ANSWER, allow_redirects=False)
                if answer.status_code in _REFUSED:
                    return None
                answer.raise_for_status()
                claims = answer.json()
            except (requests.RequestException, ValueError) as error:
                raise _note_away("userinfo_endpoint", error) from None
        if not isinstance(claims, dict):
            raise IssuerUnavailable(NAME)
        return claims

    def _prove(self, text: str, nonce: str) -> Mapping[str, Any]:
        unproven = read_unproven(text) if is_token(text) else None
        if unproven is None or unproven.algorithm not in ALGORITHMS:
            raise Unauthenticated("The provider's ID token has no asymmetric signature.")
        keys = self._keys.find()
        if not keys.find(unproven.key, unproven.algorithm):
            keys = self._keys.find_newer(keys)
        claims = prove(text, keys.find(unproven.key, unproven.algorithm), self._issuer)
        if claims.get("nonce") != nonce or claims.get("azp", self._login.client_id) != self._login.client_id:
            raise Unauthenticated("The provider's ID token is of another login.")
        return claims

    def _open(self) -> OAuth2Session:
        login, supported = self._login, self._discovered.get("token_endpoint_auth_methods_supported")
        posts = isinstance(supported, list) and "client_secret_basic" not in supported
        method = ("client_secret_post" if posts else "client_secret_basic") if login.client_secret else "none"
        return OAuth2Session(
            login.client_id,
            login.client_secret or None,
            scope=login.scope,
            redirect_uri=login.url.rstrip("/") + CALLBACK,
            code_challenge_method="S256",
            token_endpoint_auth_method=method,
            verify=login.ca_file or _find_system_certificates(),
        )

    def _find(self, name: str) -> str:
        """An address of the provider."""
        # An older document is better than none, and than to wait for another thread that reads it.
        if self._lock.acquire(blocking=not self._discovered):
            try:
                self._discover()
            finally:
                self._lock.release()
        found = self._discovered.get(name)
        if not isinstance(found, str) or not is_secure_url(found):
            raise IssuerUnavailable(NAME)
        return found

    def _discover(self) -> None:
        """Read the discovery document, unless it is fresh or was tried just before."""
        now = time.monotonic()
        if now - self._read_at < _FRESH or now - self._tried_at < _TRIAL:
            return
        try:
            self._discovered, self._read_at = discover(self._issuer), now
        except (OSError, HTTPException, ValueError, RecursionError) as error:
            LOG.warning("the discovery document of the login cannot be read: %s", error)
        finally:
            # The end of a trial counts: who has waited for it must not begin another one.
            self._tried_at = time.monotonic()


def _note_away(endpoint: str, error: Exception) -> IssuerUnavailable:
    """What to raise; the log has the kind of the error alone, because its text can have the access token."""
    LOG.warning("the %s of the login does not answer: %s", endpoint, type(error).__name__)
    return IssuerUnavailable(NAME)


def _find_system_certificates() -> str | bool:
    """Those that the discovery document is read with; `requests` would take a list of its own."""
    paths = ssl.get_default_verify_paths()
    return paths.cafile or paths.capath or True
