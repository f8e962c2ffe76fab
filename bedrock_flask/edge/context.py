"""The state of one request: one typed record on `flask.g`."""

import time
from dataclasses import dataclass, field
from typing import Any

from flask import g

from bedrock_flask.call import CallRecord
from bedrock_flask.protocol import sigv4


@dataclass(frozen=True)
class SignatureClaim:
    """The key that a request says it was signed with; nothing of it is proven."""

    key: str
    signature: sigv4.Claim


@dataclass
class RequestContext:
    """What the gateway knows of the request that it is answering.

    `key` is the name of the caller's API key, empty where the gateway has no keys. `log_fields` are members of the log
    line. `body` is a body that was read before the view reads it. `safeguards` are the guardrail and
    the latency of the body, as members of a Converse request; every call of the request carries them.
    """

    request_id: str
    has_unread_body: bool
    started: float = field(default_factory=time.monotonic)
    record: CallRecord = field(default_factory=CallRecord)
    key: str = ""
    signature_claim: SignatureClaim | None = None
    body: bytes | None = None
    holds_slot: bool = False
    error: str = ""
    safeguards: dict[str, Any] = field(default_factory=dict)
    log_fields: dict[str, Any] = field(default_factory=dict)


def begin_context(request_id: str, *, has_unread_body: bool) -> None:
    """Begin the context of the request that is being answered."""
    g.request_context = RequestContext(request_id, has_unread_body)


def request_context() -> RequestContext:
    """The context of the request that is being answered."""
    context: RequestContext = g.request_context
    return context
