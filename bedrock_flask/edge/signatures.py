"""AWS signatures on requests: the key that a request names, then the proof that it signed the whole request."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import MappingProxyType

from bedrock_flask.bedrock.errors import ERRORS, ErrorShape
from bedrock_flask.config.settings import has_keys
from bedrock_flask.edge.body import keep_body, read_body
from bedrock_flask.edge.exchange import Exchange, SignatureClaim
from bedrock_flask.errors import InvalidSignature
from bedrock_flask.governance.principal import Principal, find_static_principal
from bedrock_flask.protocol import sigv4

_SIGNATURE = re.compile(r"aws4-", re.IGNORECASE)
# AWS's endpoint for Anthropic's and OpenAI's APIs is a separate service, and clients sign for it by its name.
_MANTLE_PATHS = ("/anthropic/", "/openai/")

# AWS's error for each fault.
_ERRORS: Mapping[type[sigv4.BadSignature], ErrorShape] = MappingProxyType(
    {
        sigv4.IncompleteSignature: ERRORS["IncompleteSignature"],
        sigv4.UnknownKey: ERRORS["UnrecognizedClientException"],
        sigv4.SignatureMismatch: ERRORS["InvalidSignatureException"],
    }
)


def verify_signature(exchange: Exchange) -> None:
    """Let only requests pass whose signature covers the whole of them; it follows the steps that let a body be read."""
    if exchange.signature_claim is not None:
        verify(exchange, exchange.signature_claim)
        exchange.principal = exchange.signature_claim.principal


def is_signature(header: str) -> bool:
    """Whether an `Authorization` header holds an AWS signature."""
    return _SIGNATURE.match(header) is not None


def read_claim(exchange: Exchange) -> SignatureClaim:
    """The key that a signed request names; raises InvalidSignature for all that its headers show."""
    settings, governance = exchange.settings, exchange.state.governance
    if not settings.signing_secret and governance is None:
        raise InvalidSignature(
            "This gateway takes no signed requests: BEDROCK_FLASK_SIGNING_SECRET is not set.",
            _ERRORS[sigv4.UnknownKey],
        )
    if exchange.has_header("x-amz-security-token"):
        raise InvalidSignature(
            "This gateway takes no session token (x-amz-security-token): sign with a key pair of this gateway, and "
            "without AWS_SESSION_TOKEN.",
            _ERRORS[sigv4.UnknownKey],
        )
    with _map_errors():
        headers = sigv4.read_wsgi_request(exchange.environ, exchange.list_headers()).headers
        signature = sigv4.read_claim(headers, datetime.now(UTC), _find_service(exchange))
        found = _find_secret(exchange, signature.authorization.key_id)
        if found is None:
            raise sigv4.UnknownKey
        return SignatureClaim(*found, signature)


def verify(exchange: Exchange, claim: SignatureClaim) -> None:
    """Raise InvalidSignature unless the whole request, its body included, was signed with the key."""
    data = read_body(exchange)
    with _map_errors():
        sent = sigv4.read_wsgi_request(exchange.environ, exchange.list_headers(), data)
        sigv4.verify_claim(claim.signature, sent, claim.secret)
    keep_body(exchange, data)


def find_signed_region(exchange: Exchange) -> str:
    """The region that the request is signed for; empty without a signature.

    With keys the signature is valid; without them anybody may call, so it is not verified.
    """
    claim = exchange.signature_claim
    if claim is not None:
        return claim.signature.authorization.region
    header = exchange.header("authorization")
    if has_keys(exchange.settings) or not is_signature(header):
        return ""
    try:
        return sigv4.parse_authorization(header).region
    except sigv4.BadSignature:
        return ""


def _find_secret(exchange: Exchange, key_id: str) -> tuple[Principal, str] | None:
    """The caller of this AWS access key id, and its secret access key."""
    settings, governance = exchange.settings, exchange.state.governance
    name = settings.api_keys.find_key(key_id) if settings.signing_secret else None
    if name is not None:
        secret = settings.api_keys.derive_aws_secret(name, settings.signing_secret)
        return find_static_principal(name, settings.limits), secret
    return governance.principals.find_access_key(key_id) if governance else None


def _find_service(exchange: Exchange) -> str:
    """The service that clients of this path sign for."""
    return "bedrock-mantle" if exchange.path.startswith(_MANTLE_PATHS) else "bedrock"


@contextmanager
def _map_errors() -> Iterator[None]:
    """Turn the fault of a signature into an error with AWS's name."""
    try:
        yield
    except sigv4.BadSignature as fault:
        raise InvalidSignature(str(fault), _ERRORS[type(fault)]) from None
