"""The exchange: one request, and what the gateway learns while it answers. Every step and every dialect gets it."""

import functools
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import methodcaller
from typing import Any

from bedrock_flask.call import CallRecord
from bedrock_flask.config.settings import Settings
from bedrock_flask.governance.principal import NOBODY, Principal
from bedrock_flask.protocol import sigv4
from bedrock_flask.state import State

_REQUEST_ID = re.compile(r"[\w.-]{1,128}", re.ASCII)
# Headers that WSGI gives a key of their own.
_OWN_KEYS = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})


@dataclass(frozen=True)
class SignatureClaim:
    """The caller whose AWS secret a request says it was signed with; nothing of it is proven."""

    principal: Principal
    secret: str = field(repr=False)
    signature: sigv4.Claim


@dataclass(slots=True)
class Exchange:
    """One request, and what is known of it so far.

    environ          the request as the WSGI server gives it
    has_unread_body  whether the request has a body of which something is still to come
    route            the address that was found for it, as Flask writes rules; None without one
    dialect          the name of the API that has this address; empty for one of no dialect
    is_public        whether that address needs no key
    started          a time of `time.monotonic()`
    record           what is learned about its calls of Bedrock
    principal        the caller
    signature_claim  the caller who has signed the request, as it claims, until that is verified
    body             a body that was read before the dialect reads it
    holds_slot, holds_unproven, holds_large_body   the places of `concurrency` that it has and must give back
    has_claim        whether it has claimed its idempotency key, so that its answer is kept
    error            the code of the error that is answered
    safeguards       the guardrail and the latency of the body, as members of a Converse request, for every call
    unknown_fields   the paths of what the schema of the body does not know, and Bedrock decides on
    log_fields       further members of the log line
    """

    environ: Mapping[str, Any]
    state: State
    settings: Settings = field(init=False)
    request_id: str
    has_unread_body: bool
    route: str | None = None
    dialect: str = ""
    is_public: bool = False
    started: float = field(default_factory=time.monotonic)
    record: CallRecord = field(default_factory=CallRecord)
    principal: Principal = NOBODY
    signature_claim: SignatureClaim | None = None
    body: bytes | None = None
    holds_slot: bool = False
    holds_unproven: bool = False
    holds_large_body: bool = False
    has_claim: bool = False
    error: str = ""
    safeguards: dict[str, Any] = field(default_factory=dict)
    unknown_fields: Sequence[str] = ()
    log_fields: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings = self.state.settings

    @property
    def key(self) -> str:
        """The name of the caller's API key; empty where the gateway has no keys."""
        return self.principal.key

    @property
    def method(self) -> str:
        """The method of the request, in upper case."""
        return str(self.environ["REQUEST_METHOD"])

    @property
    def path(self) -> str:
        """The path below the base path, decoded."""
        decoded = self.environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace")
        return f"/{decoded.lstrip('/')}"

    def header(self, name: str, default: str = "") -> str:
        """The value of a header, its name in lower case; the server has joined those of a repeated header by commas."""
        return self.environ.get(_find_environ_key(name), default)  # type: ignore[no-any-return]  # WSGI's are texts

    def has_header(self, name: str) -> bool:
        """Whether the request has the header, even if it is empty."""
        return _find_environ_key(name) in self.environ

    def list_headers(self) -> Iterator[tuple[str, str]]:
        """All headers, with their names in lower case."""
        yield from self.list_prefixed("")
        for key in _OWN_KEYS:
            if value := self.environ.get(key):
                yield key.replace("_", "-").lower(), value

    def list_prefixed(self, prefix: str) -> Iterator[tuple[str, str]]:
        """The headers whose names, in lower case, begin with a prefix; not those of the body's type and length."""
        for key in filter(_make_filter(prefix), self.environ):
            if key[5:] not in _OWN_KEYS:
                yield key[5:].replace("_", "-").lower(), self.environ[key]


def begin_exchange(environ: Mapping[str, Any], state: State) -> Exchange:
    """Begin to answer a request: its id is the caller's, if that can be a header and a word of a log line."""
    sent = environ.get("HTTP_X_REQUEST_ID", "")
    has_body = environ.get("CONTENT_LENGTH", "").strip("0 ") != ""
    return Exchange(
        environ,
        state,
        sent if sent and _REQUEST_ID.fullmatch(sent) else os.urandom(16).hex(),
        has_unread_body=has_body or "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower(),
    )


@functools.lru_cache(maxsize=16)
def _make_filter(prefix: str) -> Callable[[str], bool]:
    """Whether a key of the environment is that of a header whose name begins with a prefix."""
    return methodcaller("startswith", f"HTTP_{prefix.upper().replace('-', '_')}")


@functools.lru_cache(maxsize=256)
def _find_environ_key(name: str) -> str:
    key = name.upper().replace("-", "_")
    return key if key in _OWN_KEYS else f"HTTP_{key}"
