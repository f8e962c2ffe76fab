"""The roles that the gateway assumes for its callers, each in a session of the caller's own.

A session is kept and renewed as the gateway's own credentials are: by one thread, while calls go on with the keys that
are valid. There is no way from it to the gateway's own identity: without a session a call is refused. Sources: AWS STS
API reference, AssumeRole and Common Errors; botocore's service model of sts.
"""

import html
import logging
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from types import MappingProxyType
from urllib.parse import urlencode

from bedrock_flask.bedrock.operations import RUNTIME
from bedrock_flask.bedrock.surfaces import API_KEY_VARIABLE, STS
from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import GatewayError, RoleNotAssumed
from bedrock_flask.governance.role_session import RoleSession
from bedrock_flask.protocol.sigv4 import Request
from bedrock_flask.transport.pending import Head
from bedrock_flask.transport.regions import cache_by_region
from bedrock_flask.transport.signed.credentials import Bearer, Credentials, Frozen, Identity
from bedrock_flask.transport.signed.dial import dial
from bedrock_flask.transport.signed.endpoints import check_host
from bedrock_flask.transport.signed.gate import Gate, write_request
from bedrock_flask.transport.signed.response import Response

LOG = logging.getLogger("bedrock_flask.transport")
# Sessions that a process keeps: more keys than call within an hour.
_MOST_SESSIONS = 1024
# Seconds for one request, and for the gateway's own credentials before it; the largest answer that is read.
_SECONDS, _OWN_SECONDS, _MAX_BYTES = 10.0, 60.0, 65_536
_FORM = "application/x-www-form-urlencoded; charset=utf-8"
_VERSION = "2011-06-15"

# What STS refuses for a moment.
_TRANSIENT = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded"})
# What STS says of the gateway's own credentials.
_OWN = frozenset({"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"})
# What an operator can do, by STS's name of the error.
_HINTS: Mapping[str, str] = MappingProxyType(
    {
        "AccessDenied": (
            "allow the gateway's identity sts:AssumeRole and sts:TagSession on the role, have the role's trust policy "
            "allow both to that identity, and compare the external id"
        ),
        "RegionDisabledException": "activate STS for this region in the account settings of IAM",
        "PackedPolicyTooLarge": "list fewer session_tags, or shorten their values",
        "SignatureDoesNotMatch": "compare the clock of this machine, and the gateway's secret access key",
        "Throttling": "STS limits the account: it is tried again",
        **dict.fromkeys(_OWN, "the gateway's own credentials are expired or unknown: renew them"),
    }
)
_BEARER = (
    f"an API key of Bedrock ({API_KEY_VARIABLE}) can assume no role: unset it, and give the gateway keys or a role"
)

FindGate = Callable[[tuple[str, str]], Gate]


def cache_sessions(settings: Settings, own: Credentials, find_gate: FindGate) -> Callable[[RoleSession], Credentials]:
    """A function from a session to its credentials, one for each; nothing is requested before their first use.

    `own` are the gateway's, with which it assumes the roles.
    """

    def assume(session: RoleSession) -> tuple[Frozen, float]:
        try:
            return assume_role(session, settings, own, find_gate)
        except RoleNotAssumed as error:
            LOG.warning("%s", error.reason)
            raise

    def make(session: RoleSession) -> Credentials:
        return Credentials(lambda: partial(assume, session))

    find, _ = cache_by_region(make, most=_MOST_SESSIONS)
    return find


def assume_role(
    session: RoleSession, settings: Settings, own: Credentials, find_gate: FindGate
) -> tuple[Frozen, float]:
    """The keys of a session, and when they expire; RoleNotAssumed says why there are none."""
    try:
        gate = find_gate((STS, ""))
        check_host(find_gate((RUNTIME, "")).endpoint.host, gate.endpoint.host, STS)
        identity = own.current(time.monotonic() + _OWN_SECONDS)
        if isinstance(identity, Bearer):
            raise _refuse(session, _BEARER)
        head, answer = _post(write_form(session), gate, identity, settings)
        if head.status == 200:
            return read_keys(answer, head.headers.get("date", ""), time.time())
    except RoleNotAssumed:
        raise
    except GatewayError as error:
        raise _refuse(session, error.detail, retryable=error.retryable) from None
    except OSError as error:
        # Its type only: the messages may quote a header or an address with a password.
        raise _refuse(session, f"STS cannot be reached ({type(error).__name__})", retryable=True) from None
    except ValueError:
        raise _refuse(session, "the answer cannot be read and may not be of STS", retryable=True) from None
    code, message = _find(answer, "Code"), _find(answer, "Message")
    if code in _OWN:
        own.forget(identity)
    reason = f"STS answers {head.status} {code[:100]}: {message[:500]}"
    retryable = code in _TRANSIENT or head.status >= 500
    text = f"{reason} ({hint})" if (hint := _HINTS.get(code)) else reason
    raise _refuse(session, text, name=code, retryable=retryable)


def write_form(session: RoleSession) -> bytes:
    """The body of AssumeRole; how long the session lasts is left to STS, which gives an hour."""
    pairs = {
        "Action": "AssumeRole",
        "Version": _VERSION,
        "RoleArn": session.role,
        "RoleSessionName": session.name,
    }
    if session.external_id:
        pairs["ExternalId"] = session.external_id
    for number, (name, value) in enumerate(session.tags, 1):
        pairs |= {f"Tags.member.{number}.Key": name, f"Tags.member.{number}.Value": value}
    return urlencode(pairs).encode()


def read_keys(answer: str, date: str, now: float) -> tuple[Frozen, float]:
    """The keys in an answer, and when they expire by the clock of this machine; ValueError for another answer.

    `date` is the time of the answer by the clock of STS: a clock that is wrong makes no session longer or shorter.
    """
    keys = [_find(answer, name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
    if not all(keys):
        raise ValueError("the answer has no keys")
    expires = datetime.fromisoformat(_find(answer, "Expiration"))
    began = parsedate_to_datetime(date) if date else datetime.fromtimestamp(now, UTC)
    return Frozen(*keys), now + (expires - began).total_seconds()


def _post(form: bytes, gate: Gate, identity: Identity, settings: Settings) -> tuple[Head, str]:
    request = Request(method="POST", target="/", headers={"Content-Type": _FORM}, body=form)
    until = time.monotonic() + min(_SECONDS, settings.read_timeout)
    written = write_request(request, gate, identity)
    response = Response(gate.pool.take() or dial(gate.destination, settings.connect_timeout, until), gate.pool.keep)
    try:
        response.send(written, until)
        head = response.begin(until - time.monotonic())
        answer = bytearray()
        while piece := response.read(until - time.monotonic()):
            answer += piece
            if len(answer) > _MAX_BYTES:
                raise ValueError("the answer is too long")
        return head, answer.decode()
    finally:
        response.close()


def _find(answer: str, name: str) -> str:
    """The text of the first element of this name; empty if there is none."""
    found = re.search(rf"<{name}>([^<]*)</{name}>", answer)
    return html.unescape(found[1]).strip() if found else ""


def _refuse(session: RoleSession, reason: str, *, name: str = "", retryable: bool = False) -> RoleNotAssumed:
    return RoleNotAssumed(
        f"The AWS role that the {session.owner} prescribes cannot be assumed. "
        "Who administers this gateway finds the reason in its log.",
        reason=f"{session.role} of the {session.owner} cannot be assumed as {session.name}: {reason}",
        name=name,
        retryable=retryable,
    )
