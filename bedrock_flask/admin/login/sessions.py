"""Sessions of people who have logged in: in memory, so that a restart ends them, and asked of the provider anew.

What a person may do is never older than two seconds when a request begins: the provider is asked who it is, and which
groups it has. So who is disabled there, or leaves a group, is refused within five seconds.
"""

import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bedrock_flask.errors import IssuerUnavailable
from bedrock_flask.governance.operator import Operator

# Seconds for which the provider's word is used.
_FRESH = 2.0
# Seconds between two trials of a provider that is away.
_TRIAL = 1.0
# What the provider is called in errors and in the log.
NAME = "login"
_MOST_SESSIONS = 1000

Claims = Mapping[str, Any]


@dataclass(slots=True, eq=False)
class _Session:
    """One session; `operator` is None once the provider refuses the person."""

    subject: str
    access: str = field(repr=False)
    ends: float
    operator: Operator | None
    checked: float
    failed: float = float("-inf")
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sessions:
    """The sessions: `read_person` asks the provider by an access token, `make_operator` makes an operator of claims."""

    def __init__(
        self,
        read_person: Callable[[str], Claims | None],
        make_operator: Callable[[Claims], Operator | None],
        max_age: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read_person, self._make_operator, self._max_age = read_person, make_operator, max_age
        self._monotonic = monotonic
        self._sessions: dict[bytes, _Session] = {}
        self._lock = threading.Lock()

    def begin(self, subject: str, access: str) -> tuple[str, Operator] | None:
        """The secret of a new session, and its operator; None for a person who may do nothing."""
        now = self._monotonic()
        session = _Session(subject, access, now + self._max_age, None, float("-inf"))
        self._check(session)
        if session.operator is None:
            return None
        secret = secrets.token_urlsafe(32)
        with self._lock:
            self._sessions = {name: each for name, each in self._sessions.items() if each.ends > now}
            if len(self._sessions) >= _MOST_SESSIONS:
                self._sessions.pop(next(iter(self._sessions)))
            self._sessions[_digest(secret)] = session
        return secret, session.operator

    def find(self, secret: str) -> Operator | None:
        """The operator of a session, as the provider knows the person now."""
        session = self._sessions.get(_digest(secret))
        if session is None or session.ends <= self._monotonic():
            return None
        self._check(session)
        if session.operator is None:
            self.end(secret)
        return session.operator

    def end(self, secret: str) -> bool:
        """End a session; False if there is none."""
        with self._lock:
            return self._sessions.pop(_digest(secret), None) is not None

    def _check(self, session: _Session) -> None:
        with session.lock:
            began = self._monotonic()
            if began - session.checked < _FRESH:
                return
            claims = self._ask(session)
            is_same = claims is not None and claims.get("sub") == session.subject
            session.operator = self._make_operator(claims) if claims is not None and is_same else None
            session.checked = began

    def _ask(self, session: _Session) -> Claims | None:
        """What the provider says; each session tries one that is away again a second after a trial has failed."""
        if self._monotonic() - session.failed < _TRIAL:
            raise IssuerUnavailable(NAME)
        try:
            return self._read_person(session.access)
        except IssuerUnavailable:
            # Its end counts: who has waited for it must not begin another one.
            session.failed = self._monotonic()
            raise


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
