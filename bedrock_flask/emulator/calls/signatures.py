"""Authentication: with secrets, each request must be signed with one of them, or carry one as its bearer token."""

import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from bedrock_flask.emulator.calls.errors import EmulatedError
from bedrock_flask.errors import StartupError
from bedrock_flask.protocol import sigv4

Authenticate = Callable[[sigv4.Request], None]

# Sources: AWS user guide, common errors; the spellings with `Exception` are those of JSON protocols.
_ERROR_NAMES: Mapping[type[sigv4.BadSignature], str] = MappingProxyType(
    {
        sigv4.MissingSignature: "MissingAuthenticationTokenException",
        sigv4.IncompleteSignature: "IncompleteSignatureException",
        sigv4.UnknownKey: "UnrecognizedClientException",
        sigv4.SignatureMismatch: "InvalidSignatureException",
    }
)
_BEARER = "bearer "
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


def make_authenticator(secrets: Mapping[str, str]) -> Authenticate:
    """Make the check of every request, which raises EmulatedError; without secrets every request passes."""

    def authenticate(request: sigv4.Request) -> None:
        header = request.headers.get("authorization", "")
        if header[: len(_BEARER)].lower() == _BEARER:
            _check_bearer_token(header[len(_BEARER) :].strip(), secrets)
            return
        if not header and _QUERY.search(request.target):
            raise EmulatedError(
                "IncompleteSignatureException",
                "The emulator does not accept presigned URLs: sign the headers.",
                status=403,
            )
        try:
            sigv4.verify(request, secrets, datetime.now(UTC))
        except sigv4.BadSignature as error:
            raise EmulatedError(_ERROR_NAMES[type(error)], str(error)) from None

    return authenticate if secrets else lambda request: None


def read_region(authorization: str, default: str = "us-east-1") -> str:
    """The region that a request is signed for, whether or not the signature is right."""
    try:
        return sigv4.parse_authorization(authorization).region
    except sigv4.BadSignature:
        return default


def _check_bearer_token(token: str, secrets: Mapping[str, str]) -> None:
    matches = [hmac.compare_digest(token.encode("latin-1"), secret.encode()) for secret in secrets.values()]
    if not any(matches):
        raise EmulatedError("AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.")


def _read_lines(file: Path) -> list[tuple[str, str]]:
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"{file} cannot be read: {error}") from None
    pairs = ((line.strip(), f"{file}, line {number},") for number, line in enumerate(lines, 1))
    return [(line, place) for line, place in pairs if line and not line.startswith("#")]
