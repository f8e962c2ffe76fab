"""AWS Signature Version 4: how a signature is computed, and how one is verified.

Pure functions on a request as it is sent; only signatures in the `Authorization` header are read. The transport signs
with the same functions (`transport/signed/signing.py`). Sources: AWS IAM user guide, "Create a signed AWS API request"
and "Troubleshoot Signature Version 4 signing".
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, unquote_to_bytes
from wsgiref.util import request_uri

ALGORITHM = "AWS4-HMAC-SHA256"
# How far the caller's clock may be off, and so for how long an intercepted request can be sent again.
TOLERANCE = timedelta(minutes=5)

_TERM = "aws4_request"
# The format of `X-Amz-Date`; its first eight characters are the date of the scope.
TIME = "%Y%m%dT%H%M%SZ"
_AMZ_DATE = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_PARAMETERS = ("Credential", "SignedHeaders", "Signature")
_BLANKS = re.compile(r"[ \t]+")
_ORIGIN = re.compile(r"https?://[^/?]*", re.IGNORECASE)


class BadSignature(Exception):
    """A request whose signature is not valid; the message is AWS's and contains no secret."""


class MissingSignature(BadSignature):
    """The request has no signature."""


class IncompleteSignature(BadSignature):
    """The signature cannot be read, or does not cover what it must."""


class UnknownKey(BadSignature):
    """The access key id is unknown."""

    def __init__(self) -> None:
        super().__init__("The security token included in the request is invalid.")


class SignatureMismatch(BadSignature):
    """The signature does not match the request and the secret, or is not of this time."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it was sent: `target` is path and query unchanged, header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Authorization:
    """The parts of an `Authorization` header."""

    key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str

    @property
    def scope(self) -> str:
        """The scope of the signing key."""
        return format_scope(self.date, self.region, self.service)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The signer and the time that a request names; neither is verified."""

    authorization: Authorization
    at: datetime


def read_wsgi_request(environ: Mapping[str, Any], headers: Iterable[tuple[str, str]], body: bytes = b"") -> Request:
    """Read a request from WSGI as it was sent.

    WSGI decodes the path, but the caller has signed it as it was; gunicorn provides that as `RAW_URI`.
    """
    lower = {name.lower(): value for name, value in headers}
    return Request(
        method=environ["REQUEST_METHOD"],
        target=environ.get("RAW_URI") or request_uri(dict(environ)),
        headers={**lower, ":authority": lower.get("host", "")},
        body=body,
    )


def verify(request: Request, secrets: Mapping[str, str], now: datetime, service: str = "bedrock") -> Authorization:
    """Verify a request against secrets by access key id and return its signer; raises BadSignature."""
    claim = read_claim(request.headers, now, service)
    if claim.authorization.key_id not in secrets:
        raise UnknownKey
    verify_claim(claim, request, secrets[claim.authorization.key_id])
    return claim.authorization


def read_claim(headers: Mapping[str, str], now: datetime, service: str = "bedrock") -> Claim:
    """Read the signer that a request names; raises BadSignature for all that can be refused before its body is read."""
    authorization = parse_authorization(headers.get("authorization", ""))
    at = _read_time(headers, authorization)
    _check_coverage(headers, authorization)
    if authorization.service != service:
        raise SignatureMismatch(f"Credential should be scoped to correct service: '{service}'. ")
    _check_time(at, now)
    return Claim(authorization=authorization, at=at)


def verify_claim(claim: Claim, request: Request, secret: str) -> None:
    """Raise SignatureMismatch unless the whole request was signed with the secret."""
    expected = sign(request, claim.authorization, claim.at, secret)
    signature = claim.authorization.signature
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogateescape")):
        raise SignatureMismatch(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details."
        )


def parse_authorization(header: str) -> Authorization:
    """Parse an `Authorization` header of this algorithm; raises MissingSignature or IncompleteSignature."""
    if not header:
        raise MissingSignature("Missing Authentication Token")
    algorithm, _, rest = header.partition(" ")
    if algorithm != ALGORITHM:
        raise IncompleteSignature(f"Unsupported AWS 'algorithm': '{algorithm[:40]}'.")
    pairs = [part.strip().partition("=") for part in rest.split(",")]
    given = {name: value for name, _, value in pairs}
    missing = [name for name in _PARAMETERS if not given.get(name)]
    if missing or len(given) != len(pairs):
        message = " ".join(f"Authorization header requires '{name}' parameter." for name in missing)
        raise IncompleteSignature(message or "The Authorization header gives a parameter twice.")
    scope = given["Credential"].split("/")
    if len(scope) != 5 or scope[-1] != _TERM or not all(scope):
        raise IncompleteSignature(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/aws4_request."
        )
    return Authorization(
        key_id=scope[0],
        date=scope[1],
        region=scope[2],
        service=scope[3],
        signed_headers=tuple(given["SignedHeaders"].split(";")),
        signature=given["Signature"],
    )


def sign(request: Request, authorization: Authorization, at: datetime, secret: str) -> str:
    """Compute the signature of a request for a time, a scope and signed headers."""
    key = derive_key(secret, authorization.date, authorization.region, authorization.service)
    canonical = format_canonical_request(request, authorization.signed_headers)
    return sign_canonical_request(key, at.strftime(TIME), authorization.scope, canonical)


def sign_canonical_request(key: bytes, time: str, scope: str, canonical: bytes) -> str:
    """The signature of a canonical request, in hexadecimal digits."""
    return _sign_text(key, f"{ALGORITHM}\n{time}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}").hex()


def format_scope(date: str, region: str, service: str) -> str:
    """What a signing key is valid for."""
    return f"{date}/{region}/{service}/{_TERM}"


def derive_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Derive the signing key of a secret for one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, _TERM):
        key = _sign_text(key, part)
    return key


def format_canonical_request(request: Request, signed_headers: tuple[str, ...]) -> bytes:
    """The request in the form that both sides sign."""
    path, _, query = _ORIGIN.sub("", request.target, count=1).partition("?")
    names = sorted(set(signed_headers))
    headers = "".join(format_canonical_header(name, request.headers.get(name, "")) for name in names)
    digest = hashlib.sha256(request.body).hexdigest()
    method, signed = request.method.upper(), ";".join(signed_headers)
    return join_canonical_request(
        method, format_canonical_path(path), format_canonical_query(query), headers, signed, digest
    )


def join_canonical_request(method: str, path: str, query: str, headers: str, signed_headers: str, digest: str) -> bytes:
    """The canonical request from its parts, each in its canonical form; `digest` is the body's."""
    return f"{method}\n{path}\n{query}\n{headers}\n{signed_headers}\n{digest}".encode("latin-1")


def format_canonical_header(name: str, value: str) -> str:
    """One line of a canonical request: the name in lower case, the value with each run of blanks as one space."""
    if "  " in value or "\t" in value:
        value = _BLANKS.sub(" ", value)
    return f"{name}:{value.strip()}\n"


def format_canonical_path(path: str) -> str:
    """The path without dot segments, percent-encoded once more, as for every service but S3."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    closing = "/" if kept and path.endswith("/") else ""
    return quote(f"/{'/'.join(kept)}{closing}".encode("latin-1"), safe="/~")


def format_canonical_query(query: str) -> str:
    """The parameters sorted and percent-encoded as AWS does it."""
    pairs = [part.partition("=") for part in query.split("&") if part]
    encoded = sorted((_encode(name), _encode(value)) for name, _, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _encode(text: str) -> str:
    return quote(unquote_to_bytes(text.encode("latin-1")), safe="-_.~")


def _read_time(headers: Mapping[str, str], authorization: Authorization) -> datetime:
    amz_date, date = headers.get("x-amz-date", ""), headers.get("date", "")
    if not amz_date and not date:
        raise IncompleteSignature(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    try:
        at = _parse_time(amz_date) if amz_date else parsedate_to_datetime(date).astimezone(UTC)
    except (ValueError, OverflowError):
        raise IncompleteSignature("Date must be in ISO-8601 'basic format'.") from None
    if authorization.date != f"{at:%Y%m%d}":
        raise SignatureMismatch(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP."
        )
    return at


def _parse_time(text: str) -> datetime:
    if not _AMZ_DATE.fullmatch(text):
        raise ValueError(text)
    return datetime.strptime(text, TIME).replace(tzinfo=UTC)


def _check_coverage(headers: Mapping[str, str], authorization: Authorization) -> None:
    """A signature must cover the host, the date and every header that AWS reads."""
    own = {name for name in headers if name.startswith(("x-amz-", "x-amzn-bedrock-"))}
    dated = set() if "x-amz-date" in own else {"date"}
    # AWS's SDK for JavaScript signs the host under its name in HTTP/2.
    host = ":authority" if ":authority" in authorization.signed_headers else "host"
    uncovered = sorted(({host} | own | dated) - set(authorization.signed_headers))
    if uncovered:
        names = ", ".join(f"'{name}'" for name in uncovered)
        raise SignatureMismatch(f"{names} must be a 'SignedHeader' in the AWS Authorization.")
    absent = [name for name in authorization.signed_headers if name not in headers]
    if absent:
        raise SignatureMismatch(f"The signed header '{absent[0][:100]}' is missing from the request.")


def _check_time(at: datetime, now: datetime) -> None:
    signed, current, minutes = f"{at:{TIME}}", f"{now:{TIME}}", int(TOLERANCE.total_seconds() // 60)
    if at < now - TOLERANCE:
        earliest = f"{now - TOLERANCE:{TIME}}"
        raise SignatureMismatch(
            f"Signature expired: {signed} is now earlier than {earliest} ({current} - {minutes} min.)"
        )
    if at > now + TOLERANCE:
        latest = f"{now + TOLERANCE:{TIME}}"
        raise SignatureMismatch(
            f"Signature not yet current: {signed} is still later than {latest} ({current} + {minutes} min.)"
        )


def _sign_text(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode("utf-8", "surrogateescape"), "sha256")
