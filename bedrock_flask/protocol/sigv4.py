"""AWS Signature Version 4 for whoever receives it: what the caller signed is made again and compared.

Pure functions on a request as it stood on the wire; only signatures in the `Authorization` header. Sources: AWS IAM
user guide, "Create a signed AWS API request" and "Troubleshoot Signature Version 4 signing".
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
# How far the caller's clock may be off; so also how long a request that was overheard can be sent again.
TOLERANCE = timedelta(minutes=5)

_TERM = "aws4_request"
_TIME = "%Y%m%dT%H%M%SZ"
_AMZ_DATE = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_PARAMETERS = ("Credential", "SignedHeaders", "Signature")
_BLANKS = re.compile(r"[ \t]+")
_ORIGIN = re.compile(r"https?://[^/?]*", re.IGNORECASE)


class BadSignature(Exception):
    """A request that does not prove who sends it; the text is AWS's, and repeats no secret."""


class Missing(BadSignature):
    """There is no signature."""


class Incomplete(BadSignature):
    """The signature cannot be read, or does not cover what it must."""


class UnknownKey(BadSignature):
    """Nobody has this access key."""

    def __init__(self) -> None:
        super().__init__("The security token included in the request is invalid.")


class Mismatch(BadSignature):
    """The signature is not that of this request and this secret, or not of this time."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it stood on the wire: `target` is path and query as they came, names of headers in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Authorization:
    """What the `Authorization` header says."""

    key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str

    @property
    def scope(self) -> str:
        """What the signing key is good for."""
        return f"{self.date}/{self.region}/{self.service}/{_TERM}"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Who a request says has signed it, and when; nothing of it is proven."""

    authorization: Authorization
    at: datetime


def received(environ: Mapping[str, Any], headers: Iterable[tuple[str, str]], body: bytes = b"") -> Request:
    """A request that came by WSGI, as it stood on the wire.

    WSGI decodes the path, and the caller has signed it as it was: gunicorn hands it on in `RAW_URI`.
    """
    found = {name.lower(): value for name, value in headers}
    return Request(
        method=environ["REQUEST_METHOD"],
        target=environ.get("RAW_URI") or request_uri(dict(environ)),
        headers={**found, ":authority": found.get("host", "")},
        body=body,
    )


def verify(request: Request, secrets: Mapping[str, str], now: datetime, service: str = "bedrock") -> Authorization:
    """Who has signed the request, with one of the secrets by access key id, or BadSignature."""
    made = claimed(request.headers, now, service)
    if made.authorization.key_id not in secrets:
        raise UnknownKey
    prove(made, request, secrets[made.authorization.key_id])
    return made.authorization


def claimed(headers: Mapping[str, str], now: datetime, service: str = "bedrock") -> Claim:
    """Who says to have signed a request, or BadSignature: all that can be refused before its body is read."""
    told = read(headers.get("authorization", ""))
    at = _signed_at(headers, told)
    _check_coverage(headers, told)
    if told.service != service:
        raise Mismatch(f"Credential should be scoped to correct service: '{service}'. ")
    _check_time(at, now)
    return Claim(authorization=told, at=at)


def prove(claim: Claim, request: Request, secret: str) -> None:
    """Nothing where the whole request was signed with the secret as it claims; a Mismatch otherwise."""
    told = claim.authorization
    expected = sign(request, told, claim.at, secret)
    if not hmac.compare_digest(expected.encode(), told.signature.encode("utf-8", "surrogateescape")):
        raise Mismatch(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details."
        )


def read(header: str) -> Authorization:
    """The parts of an `Authorization` header; Missing or Incomplete if it is none of this algorithm."""
    if not header:
        raise Missing("Missing Authentication Token")
    algorithm, _, rest = header.partition(" ")
    if algorithm != ALGORITHM:
        raise Incomplete(f"Unsupported AWS 'algorithm': '{algorithm[:40]}'.")
    pairs = [part.strip().partition("=") for part in rest.split(",")]
    given = {name: value for name, _, value in pairs}
    lacking = [name for name in _PARAMETERS if not given.get(name)]
    if lacking or len(given) != len(pairs):
        told = " ".join(f"Authorization header requires '{name}' parameter." for name in lacking)
        raise Incomplete(told or "The Authorization header gives a parameter twice.")
    scope = given["Credential"].split("/")
    if len(scope) != 5 or scope[-1] != _TERM or not all(scope):
        raise Incomplete(
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


def sign(request: Request, told: Authorization, at: datetime, secret: str) -> str:
    """The signature of a request that was signed at that time in that scope with those headers."""
    signed = hashlib.sha256(canonical_request(request, told.signed_headers)).hexdigest()
    text = "\n".join((ALGORITHM, at.strftime(_TIME), told.scope, signed))
    return _mac(signing_key(secret, told.date, told.region, told.service), text).hex()


def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key that a secret gives for one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, _TERM):
        key = _mac(key, part)
    return key


def canonical_request(request: Request, signed_headers: tuple[str, ...]) -> bytes:
    """The request in the one form that both sides sign."""
    path, _, query = _ORIGIN.sub("", request.target, count=1).partition("?")
    names = sorted(set(signed_headers))
    headers = "".join(f"{name}:{_BLANKS.sub(' ', request.headers.get(name, '')).strip()}\n" for name in names)
    lines = (
        request.method.upper(),
        canonical_path(path),
        canonical_query(query),
        headers,
        ";".join(signed_headers),
        hashlib.sha256(request.body).hexdigest(),
    )
    return "\n".join(lines).encode("latin-1")


def canonical_path(path: str) -> str:
    """The path without dot segments, percent-encoded once more than it came: every service but S3 has it so."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    closing = "/" if kept and path.endswith("/") else ""
    return quote(f"/{'/'.join(kept)}{closing}".encode("latin-1"), safe="/~")


def canonical_query(query: str) -> str:
    """The parameters sorted, each percent-encoded in the one way that AWS writes it."""
    pairs = [part.partition("=") for part in query.split("&") if part]
    encoded = sorted((_encoded(name), _encoded(value)) for name, _, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text.encode("latin-1")), safe="-_.~")


def _signed_at(headers: Mapping[str, str], told: Authorization) -> datetime:
    amz_date, date = headers.get("x-amz-date", ""), headers.get("date", "")
    if not amz_date and not date:
        raise Incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    try:
        at = _time(amz_date) if amz_date else parsedate_to_datetime(date).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Incomplete("Date must be in ISO-8601 'basic format'.") from None
    if told.date != f"{at:%Y%m%d}":
        raise Mismatch("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.")
    return at


def _time(text: str) -> datetime:
    if not _AMZ_DATE.fullmatch(text):
        raise ValueError(text)
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)


def _check_coverage(headers: Mapping[str, str], told: Authorization) -> None:
    """What a signature must cover: the host, the date, and all that AWS itself reads from the headers."""
    own = {name for name in headers if name.startswith(("x-amz-", "x-amzn-bedrock-"))}
    dated = set() if "x-amz-date" in own else {"date"}
    # AWS's SDK for JavaScript signs the host under its name in HTTP/2.
    host = ":authority" if ":authority" in told.signed_headers else "host"
    uncovered = sorted(({host} | own | dated) - set(told.signed_headers))
    if uncovered:
        named = ", ".join(f"'{name}'" for name in uncovered)
        raise Mismatch(f"{named} must be a 'SignedHeader' in the AWS Authorization.")
    absent = [name for name in told.signed_headers if name not in headers]
    if absent:
        raise Mismatch(f"The signed header '{absent[0][:100]}' is missing from the request.")


def _check_time(at: datetime, now: datetime) -> None:
    said, is_now, minutes = f"{at:{_TIME}}", f"{now:{_TIME}}", int(TOLERANCE.total_seconds() // 60)
    if at < now - TOLERANCE:
        least = f"{now - TOLERANCE:{_TIME}}"
        raise Mismatch(f"Signature expired: {said} is now earlier than {least} ({is_now} - {minutes} min.)")
    if at > now + TOLERANCE:
        most = f"{now + TOLERANCE:{_TIME}}"
        raise Mismatch(f"Signature not yet current: {said} is still later than {most} ({is_now} + {minutes} min.)")


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode("utf-8", "surrogateescape"), "sha256")
