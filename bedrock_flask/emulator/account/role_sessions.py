"""The sessions of roles that the emulated STS has issued: their keys are valid until they end."""

import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

# Sessions that are kept; those before them are unknown.
_MOST = 10_000


@dataclass(frozen=True, kw_only=True)
class IssuedSession:
    """One session: its keys, the ARN of its calls, what it was assumed with, and until when it is valid."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(repr=False)
    arn: str
    role: str
    tags: Mapping[str, str]
    external_id: str
    expires: datetime

    @property
    def has_ended(self) -> bool:
        """Whether the session is over."""
        return datetime.now(UTC) >= self.expires


class RoleSessions:
    """The sessions by their access keys, with the number of calls of each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, IssuedSession] = {}
        self._calls: dict[str, int] = {}

    def issue(
        self, role: str, arn: str, tags: Mapping[str, str], external_id: str, lifetime: timedelta
    ) -> IssuedSession:
        """Issue the keys of a session."""
        session = IssuedSession(
            # The letters of AWS's keys of a session, and a length of theirs.
            access_key="ASIA" + secrets.token_hex(8).upper(),
            secret_key=secrets.token_hex(20),
            token=secrets.token_hex(64),
            arn=arn,
            role=role,
            tags=tags,
            external_id=external_id,
            expires=datetime.now(UTC) + lifetime,
        )
        with self._lock:
            if len(self._sessions) >= _MOST:
                oldest = next(iter(self._sessions))
                del self._sessions[oldest]
                self._calls.pop(oldest, None)
            self._sessions[session.access_key] = session
        return session

    def find(self, access_key: str) -> IssuedSession | None:
        """The session with this key, if the emulator has issued it."""
        return self._sessions.get(access_key)

    def count_call(self, session: IssuedSession) -> None:
        """Count a call of a session."""
        with self._lock:
            self._calls[session.access_key] = self._calls.get(session.access_key, 0) + 1

    def end_all(self) -> None:
        """End every session now."""
        with self._lock:
            now = datetime.now(UTC)
            self._sessions = {key: replace(session, expires=now) for key, session in self._sessions.items()}

    def describe(self) -> Sequence[Mapping[str, Any]]:
        """The sessions as JSON objects without their secrets, the oldest first."""
        with self._lock:
            return [
                {
                    "access_key": session.access_key,
                    "arn": session.arn,
                    "role": session.role,
                    "tags": dict(session.tags),
                    "external_id": session.external_id or None,
                    "expires": session.expires.isoformat(),
                    "calls": self._calls.get(session.access_key, 0),
                }
                for session in self._sessions.values()
            ]
