"""What makes a request AWS's: a signature or a bearer token, and the headers that every AWS SDK sends.

The signature is that of botocore's `SigV4Auth` for the same request and second: `protocol/sigv4.py` computes it, and
this module remembers what does not change from call to call. A clock that is wrong is not corrected, as botocore does
not correct it either: the refusal names both times, and `bedrock-flask doctor` measures the difference.
"""

import hashlib
import os
import platform
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import version

import botocore

from bedrock_flask.errors import CredentialsError
from bedrock_flask.protocol import sigv4
from bedrock_flask.transport.signed.credentials import Bearer, Identity
from bedrock_flask.transport.signed.endpoints import Endpoint

# botocore signs every header but those that a proxy may change (`SIGNED_HEADERS_BLACKLIST`).
UNSIGNED = frozenset(
    {
        "baggage",
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
    }
)
# What this module or the connection writes; a caller's value would be a second one, or would change what is signed.
_OWN = frozenset(
    {
        "accept-encoding",
        "amz-sdk-invocation-id",
        "amz-sdk-request",
        "authorization",
        "content-length",
        "date",
        "host",
        "user-agent",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-security-token",
    }
)
_TARGET = re.compile(r"/[!-~]*")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t -~\x80-\xff]*")


def sign(
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    endpoint: Endpoint,
    identity: Identity,
    now: float,
) -> list[tuple[str, str]]:
    """All headers of a request, in the order in which they are sent; each name once.

    `target` is the target of the request line, with the endpoint's base path; `headers` are the call's, `now` is a time
    of `time.time()`. CredentialsError for a bearer token without TLS, ValueError for what no header or target may hold.
    """
    if not _TARGET.fullmatch(target):
        raise ValueError("the target of the request has a character that must be encoded")
    sent = _merge(headers)
    if method != "GET" and "content-type" not in sent:
        sent = {"content-type": ("Content-Type", "application/json"), **sent}
    if isinstance(identity, Bearer):
        authorization = _authorize_bearer(identity, endpoint)
    else:
        second = _format_time(int(now))
        sent["host"] = ("Host", endpoint.authority)
        sent["x-amz-date"] = ("X-Amz-Date", second)
        if identity.token:
            sent["x-amz-security-token"] = ("X-Amz-Security-Token", identity.token)
        path, _, query = target.partition("?")
        signed = sorted(sent.keys() - UNSIGNED)
        names = ";".join(signed)
        canonical = sigv4.join_canonical_request(
            method,
            _format_path(path),
            sigv4.format_canonical_query(query) if query else "",
            "".join([sigv4.format_canonical_header(name, sent[name][1]) for name in signed]),
            names,
            hashlib.sha256(body).hexdigest(),
        )
        region, service = endpoint.signing_region, endpoint.signing_service
        key = _derive_key(identity.secret_key, second[:8], region, service)
        scope = sigv4.format_scope(second[:8], region, service)
        signature = sigv4.sign_canonical_request(key, second, scope, canonical)
        authorization = (
            f"{sigv4.ALGORITHM} Credential={identity.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        del sent["host"]
    length = [("Content-Length", str(len(body)))] if method != "GET" or body else []
    return [
        ("Host", endpoint.authority),
        ("Accept-Encoding", "identity"),
        ("User-Agent", USER_AGENT),
        *sent.values(),
        ("Authorization", authorization),
        ("amz-sdk-invocation-id", _make_uuid()),
        # The gateway tries again with a request of its own, as `boto` does.
        ("amz-sdk-request", "attempt=1; max=1"),
        *length,
    ]


def _merge(headers: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The headers of a call by their names in lower case, each with the name and the value that are sent."""
    merged: dict[str, tuple[str, str]] = {}
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError("a header of the call has a character that no header may hold")
        lower = name.lower()
        if lower in merged:
            first, before = merged[lower]
            merged[lower] = first, f"{before},{value}"
        elif lower not in _OWN:
            merged[lower] = name, value
    return merged


def _authorize_bearer(identity: Bearer, endpoint: Endpoint) -> str:
    # A token that is read on its way can be used by others.
    if endpoint.scheme != "https":
        raise CredentialsError("The gateway's Bedrock API key may only be sent to an https endpoint.")
    return f"Bearer {identity.token}"


def _make_uuid() -> str:
    """A random UUID; `uuid.uuid4` costs three times as much."""
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


@lru_cache(maxsize=4)
def _format_time(second: int) -> str:
    return time.strftime(sigv4.TIME, time.gmtime(second))


# A day has one key for each secret and region, and each role session has a secret; of paths there are as many as models
# that are called.
_derive_key = lru_cache(maxsize=2048)(sigv4.derive_key)
_format_path = lru_cache(maxsize=512)(sigv4.format_canonical_path)


def _describe_agent() -> str:
    """The gateway and the botocore that found credentials and endpoint, in the form of AWS's SDKs."""
    return (
        f"bedrock-flask/{version('bedrock-flask')} md/Botocore#{botocore.__version__} "
        f"lang/python#{platform.python_version()}"
    )


USER_AGENT = _describe_agent()
