"""The gateway's own identity at AWS: found by botocore, and renewed while calls go on with the one that is valid.

botocore renews credentials within the call that happens to find them old: that call waits for STS or for a process of
eight seconds, in the last ten minutes all others wait with it, and then a failure is an error although the old ones are
still valid. Here one thread of each process looks for credentials and renews them, and calls read what it has found.
"""

import re
import threading
import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import botocore.exceptions as boto
from botocore.auth import resolve_auth_scheme_preference
from botocore.session import Session
from botocore.tokens import FrozenAuthToken
from botocore.utils import get_token_from_environment

from bedrock_flask.config.settings import Settings
from bedrock_flask.errors import CredentialsError, DeadlineExceeded
from bedrock_flask.transport.signed.sessions import SIGNING_NAME, make_session, map_errors

# How callers may prove who they are, as botocore's service model of bedrock-runtime lists it under `auth`.
AUTH_SCHEMES = ("aws.auth#sigv4", "smithy.api#httpBearerAuth")

# Renewed this long before they expire, or after half of their life if that is shorter: botocore does it from a quarter
# of an hour, and earlier it would not.
_RENEW_SECONDS = 14 * 60
# So short before the end that a request could arrive too late: calls wait for the renewal that runs. At most a quarter
# of their life.
_WAIT_SECONDS = 10
# The longest pauses after failures, while there is an identity and while there is none.
_MAX_PAUSE, _MAX_PAUSE_WITHOUT = 15.0, 2.0
# Longer than any provider should take: a process may ask somebody to sign in, and never end.
_MAX_WAIT = 60.0
_LATE = "The gateway's AWS credentials were not found in time."
_HEADER_TEXT = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class Frozen:
    """Keys with which requests are signed; `token` is empty for keys that do not expire."""

    access_key: str
    secret_key: str
    token: str = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


@dataclass(frozen=True)
class Bearer:
    """A token that is sent as it is: an API key of Bedrock's, or a token of IAM Identity Center."""

    token: str

    __repr__ = Frozen.__repr__


Identity = Frozen | Bearer


@dataclass(frozen=True)
class Held:
    """An identity and its times, in seconds of `time.time()`: when it is renewed, when calls wait, when it expires."""

    identity: Identity
    renew_at: float
    wait_at: float
    expires_at: float


# Gives the identity as it is now and when it expires; renews it first where that is due. It may take long, and raise.
Source = Callable[[], tuple[Identity, float]]


class _Attempt:
    """One attempt to find or renew the identity; those who need its result wait for `done`."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.fault: CredentialsError | None = None


class Credentials:
    """The identity of this process, found at the first call, so after a fork.

    `find` looks for credentials from the beginning, with files and environment as they are then.
    """

    def __init__(self, find: Callable[[], Source], now: Callable[[], float] = time.time) -> None:
        self._find, self._now = find, now
        self._source: Source | None = None
        self._held: Held | None = None
        self._attempt: _Attempt | None = None
        self._failures = 0
        self._lock = threading.Lock()

    def current(self, deadline: float = float("inf"), check: Callable[[], None] = lambda: None) -> Identity:
        """The identity to use now.

        Waits only while there is none that is valid for some time, at most a minute and until `deadline` (of
        `time.monotonic()`), calling `check` about once a second, which may raise. CredentialsError if there are none,
        DeadlineExceeded.
        """
        held = self._held
        if held is not None and self._now() < held.renew_at:
            return held.identity
        attempt = self._start_attempt(held)
        if held is not None and self._now() < held.wait_at:
            return held.identity
        return self._wait(attempt, deadline, check)

    def forget(self, refused: Identity) -> None:
        """Look for credentials anew at the next call, because AWS refused these; others are not forgotten."""
        with self._lock:
            if self._held is not None and self._held.identity == refused:
                self._held = self._source = None

    def _wait(self, attempt: _Attempt, deadline: float, check: Callable[[], None]) -> Identity:
        until = min(deadline, time.monotonic() + _MAX_WAIT)
        left = until - time.monotonic()
        while left > 0 and not attempt.done.wait(min(left, 1.0)):
            check()
            left = until - time.monotonic()
        held = self._held
        if held is not None and self._now() < held.expires_at:
            return held.identity
        if until == deadline and not attempt.done.is_set():
            raise DeadlineExceeded()
        # An error of each call's own: what handles it may change it.
        raise copy(attempt.fault) if attempt.fault else CredentialsError(_LATE)

    def _start_attempt(self, seen: Held | None) -> _Attempt:
        """The attempt that runs, or a new one, or one that has ended if it has replaced what the call has seen."""
        with self._lock:
            if (attempt := self._attempt) is None:
                attempt = _Attempt()
                if self._held is not None and self._held is not seen:
                    attempt.done.set()
                    return attempt
                self._attempt = attempt
                try:
                    # Under gevent a greenlet: sockets and processes that are waited for let the others go on.
                    threading.Thread(target=self._run, args=(attempt,), name="credentials", daemon=True).start()
                except RuntimeError:
                    # The system has no thread left; what is valid stays so.
                    self._end(attempt, CredentialsError())
            return attempt

    def _run(self, attempt: _Attempt) -> None:
        held, fault = None, CredentialsError()
        try:
            self._pause()
            with map_errors():
                held = self._renew()
        except CredentialsError as failed:
            fault = failed
        finally:
            with self._lock:
                self._held = held or self._held
                self._end(attempt, None if held else fault)

    def _end(self, attempt: _Attempt, fault: CredentialsError | None) -> None:
        attempt.fault, self._attempt = fault, None
        self._failures = self._failures + 1 if fault else 0
        if fault and not self._is_valid():
            # The next attempt begins with files and environment as they are then.
            self._source = None
        attempt.done.set()

    def _pause(self) -> None:
        """After failures, wait twice as long each time."""
        if self._failures:
            most = _MAX_PAUSE if self._is_valid() else _MAX_PAUSE_WITHOUT
            time.sleep(min(0.05 * 2.0 ** min(self._failures, 20), most))

    def _is_valid(self) -> bool:
        return self._held is not None and self._now() < self._held.expires_at

    def _renew(self) -> Held:
        source = self._source or self._find()
        identity, expires_at = source()
        now = self._now()
        if expires_at <= now:
            raise CredentialsError("The gateway's AWS credentials have expired.")
        self._source = source
        life = expires_at - now
        return Held(
            identity,
            renew_at=expires_at - min(_RENEW_SECONDS, life / 2),
            wait_at=expires_at - min(_WAIT_SECONDS, life / 4),
            expires_at=expires_at,
        )


def make_credentials(settings: Settings, now: Callable[[], float] = time.time) -> Credentials:
    """The credentials of a process with these settings."""
    return Credentials(lambda: find_source(make_session(settings.region)), now)


def find_source(session: Session) -> Source:
    """The first of botocore's providers that has credentials, or a bearer token where botocore prefers it."""
    if prefers_bearer(session):
        # The types of botocore do not have the name, without which the variable is not read.
        return partial(_read_token, session.get_auth_token(signing_name=SIGNING_NAME))  # type: ignore[call-arg]
    return _Keys(session.get_credentials())


def prefers_bearer(session: Session) -> bool:
    """Whether botocore would send a bearer token.

    The variable for Bedrock's API keys is preferred to every other credential. Without it a token of IAM Identity
    Center is used where the preferred scheme of authentication says so.
    """
    if get_token_from_environment(SIGNING_NAME) is not None:
        return True
    preferred = session.get_config_variable("auth_scheme_preference")
    return bool(preferred) and resolve_auth_scheme_preference(preferred.split(","), list(AUTH_SCHEMES)) == "bearer"


def _read_token(found: Any) -> tuple[Bearer, float]:
    if found is None:
        raise boto.NoAuthTokenError()
    # The token of the environment is one that cannot be renewed.
    frozen = found if isinstance(found, FrozenAuthToken) else found.get_frozen_token()
    return Bearer(_check(frozen.token)), _read_time(frozen.expiration)


class _Keys:
    """The keys that a provider has found.

    Their time, and the keys without a renewal, can only be read where botocore keeps them; tests/transport/signed
    notices when they move.
    """

    def __init__(self, found: Any) -> None:
        if found is None:
            raise boto.NoCredentialsError()
        # A second renewal at once would cost a second process, and its failure keys that are valid.
        self._found, self._unread = found, getattr(found, "_frozen_credentials", None)

    def __call__(self) -> tuple[Frozen, float]:
        keys, self._unread = self._unread, None
        if keys is None or self._find_expiry() <= time.time():
            keys = self._found.get_frozen_credentials()
        token = _check(keys.token) if keys.token else ""
        return Frozen(_check(keys.access_key), _check(keys.secret_key), token), self._find_expiry()

    def _find_expiry(self) -> float:
        return _read_time(getattr(self._found, "_expiry_time", None))


def _read_time(expiration: datetime | None) -> float:
    return float("inf") if expiration is None else expiration.timestamp()


def _check(text: str) -> str:
    """The text, if a header may hold it. CredentialsError for anything else, such as the line end of a file."""
    if not _HEADER_TEXT.fullmatch(text):
        raise CredentialsError("The gateway's AWS credentials are empty or contain a character that is not allowed.")
    return text
