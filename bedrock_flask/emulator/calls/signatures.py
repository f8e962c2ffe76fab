"""Authentication: with secrets, each request must be signed with one of them, or carry one as its bearer token."""

import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from bedrock_flask.emulator.account.role_sessions import IssuedSession, RoleSessions
from bedrock_flask.emulator.calls.errors import EmulatedError
from bedrock_flask.errors import StartupError
from bedrock_flask.protocol import sigv4


def _refuse_token() -> EmulatedError:
    return EmulatedError("AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.")


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """How the callers of an API authenticate themselves.

    services      the services that a signature may be scoped to
    key_headers   headers that may carry a key instead of `Authorization: Bearer`
    refuse_token  makes the error for a token that does not match a secret
    """

    services: tuple[str, ...] = ("bedrock",)
    key_headers: tuple[str, ...] = ()
    refuse_token: Callable[[], EmulatedError] = _refuse_token


class Authenticate(Protocol):
    """Checks a request by a scheme. Raises EmulatedError."""

    def __call__(self, request: sigv4.Request, scheme: Scheme = ...) -> None: ...


_DEFAULT = Scheme()
# Sources: AWS user guide, common errors; the spellings with `Exception` are those of JSON protocols.
_ERROR_NAMES: Mapping[type[sigv4.BadSignature], str] = MappingProxyType(
    {
        sigv4.MissingSignature: "MissingAuthenticationTokenException",
        sigv4.IncompleteSignature: "IncompleteSignatureException",
        sigv4.UnknownKey: "UnrecognizedClientException",
        sigv4.SignatureMismatch: "InvalidSignatureException",
    }
)
_BEARER = "bearer"
_QUERY = re.compile(r"[?&]X-Amz-Signature=")
_KEY_ID = re.compile(r"[\w.-]{1,128}", re.ASCII)


def read_secrets(pairs: Iterable[str], file: Path | None = None) -> dict[str, str]:
    """Secrets by access key id, from `KEYID:SECRET` pairs and a file with one pair per line. Raises StartupError."""
    lines = [
        *((pair, f"secret {number}") for number, pair in enumerate(pairs, 1)),
        *(_read_lines(file) if file else ()),
    ]
    secrets: dict[str, str] = {}
    for pair, place in lines:
        key_id, colon, secret = pair.partition(":")
        if not colon or not _KEY_ID.fullmatch(key_id):
            raise StartupError(f"{place} is not a KEYID:SECRET pair")
        if not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
            raise StartupError(f"the secret of '{key_id}' must be printable ASCII characters without spaces")
        if key_id in secrets:
            raise StartupError(f"'{key_id}' has two secrets")
        secrets[key_id] = secret
    if file and not lines:
        raise StartupError(f"{file} contains no secret")
    return secrets


def make_authenticator(secrets: Mapping[str, str], sessions: RoleSessions) -> Authenticate:
    """Make the check of every request, which raises EmulatedError.

    Without secrets every request passes, but for those with the keys of a session: that must be valid.
    """

    def authenticate(request: sigv4.Request, scheme: Scheme = _DEFAULT) -> None:
        header = request.headers.get("authorization", "")
        if session := sessions.find(read_key_id(header)):
            _verify_session(request, session, scheme)
            sessions.count_call(session)
            return
        if not secrets:
            return
        token = _read_token(header)
        if token is None:
            token = next(filter(None, map(request.headers.get, scheme.key_headers)), None)
        if token is not None:
            if not _is_secret(token, secrets):
                raise scheme.refuse_token()
            return
        if not header and _QUERY.search(request.target):
            raise EmulatedError(
                "IncompleteSignatureException",
                "The emulator does not accept presigned URLs: sign the headers.",
                status=403,
            )
        _verify(request, secrets, scheme)

    return authenticate


def _verify_session(request: sigv4.Request, session: IssuedSession, scheme: Scheme) -> None:
    if session.has_ended:
        raise EmulatedError("ExpiredTokenException", "The security token included in the request is expired")
    if not hmac.compare_digest(
        request.headers.get("x-amz-security-token", "").encode("latin-1"), session.token.encode()
    ):
        raise EmulatedError(_ERROR_NAMES[sigv4.UnknownKey], "The security token included in the request is invalid.")
    _verify(request, {session.access_key: session.secret_key}, scheme)


def _verify(request: sigv4.Request, secrets: Mapping[str, str], scheme: Scheme) -> None:
    service = _choose_service(request.headers.get("authorization", ""), scheme.services)
    try:
        sigv4.verify(request, secrets, datetime.now(UTC), service)
    except sigv4.BadSignature as error:
        raise EmulatedError(_ERROR_NAMES[type(error)], str(error)) from None


def read_key_id(authorization: str) -> str:
    """The access key id of a request, whether or not the signature is right; empty if it is not signed."""
    try:
        return sigv4.parse_authorization(authorization).key_id
    except sigv4.BadSignature:
        return ""


def read_service(authorization: str) -> str:
    """The service that a request is signed for, whether or not the signature is right; empty if it is not signed."""
    try:
        return sigv4.parse_authorization(authorization).service
    except sigv4.BadSignature:
        return ""


def _read_token(header: str) -> str | None:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == _BEARER else None


def _choose_service(authorization: str, services: tuple[str, ...]) -> str:
    """The service of the signature if it is one of these, else the first of them."""
    service = read_service(authorization)
    return service if service in services else services[0]


def read_region(authorization: str, default: str = "us-east-1") -> str:
    """The region that a request is signed for, whether or not the signature is right."""
    try:
        return sigv4.parse_authorization(authorization).region
    except sigv4.BadSignature:
        return default


def _is_secret(token: str, secrets: Mapping[str, str]) -> bool:
    matches = [hmac.compare_digest(token.encode("latin-1"), secret.encode()) for secret in secrets.values()]
    return any(matches)


def _read_lines(file: Path) -> list[tuple[str, str]]:
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"{file} cannot be read: {error}") from None
    pairs = ((line.strip(), f"{file}, line {number},") for number, line in enumerate(lines, 1))
    return [(line, place) for line, place in pairs if line and not line.startswith("#")]
