"""The keys of one issuer in one worker: read in the background, kept for a while, and read again for a new one.

Strangers can name keys that do not exist. So one reading is under way at a time, the next begins a second after it at
the earliest, six in a minute are the most for keys that are not known, and few requests wait for one.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from http.client import HTTPException

from bedrock_flask.errors import IssuerUnavailable
from bedrock_flask.governance.workloads.signing_keys import SigningKeys
from bedrock_flask.places import Places

LOG = logging.getLogger("bedrock_flask.workloads")
# Keys are read again after this share of the time for which they serve.
_FRESH = 1 / 12
# Seconds between the beginnings of two readings, and of two in the background.
_TRIAL, _PAUSE = 1.0, 10.0
# Readings after which an unknown key causes none, until the first of them is that many seconds old.
_MOST_READINGS, _WINDOW = 6, 60.0
# Seconds that a request waits for a reading, and how many do; seconds after which a reading is given up.
_PATIENCE, _MOST_WAITING, _LONGEST = 4.0, 8, 30.0


class IssuerKeys:
    """The keys that `read` finds; they serve `max_age` seconds without another reading that succeeds."""

    def __init__(
        self,
        name: str,
        read: Callable[[], SigningKeys],
        max_age: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._read, self._max_age, self._monotonic = name, read, max_age, monotonic
        self._keys: SigningKeys | None = None
        self._read_at = self._tried_at = float("-inf")
        self._reading: threading.Event | None = None
        self._begun: deque[float] = deque(maxlen=_MOST_READINGS)
        self._lock = threading.Lock()
        self._waiting = Places(_MOST_WAITING)
        self._is_away = False

    def find(self) -> SigningKeys:
        """The keys, perhaps while they are read again; raises IssuerUnavailable if those that are known are too old."""
        read_at = self._read_at
        keys, age = self._keys, self._monotonic() - read_at
        if keys is None or age >= self._max_age:
            return self._wait(read_at)
        if age >= self._max_age * _FRESH:
            self.begin(_PAUSE)
        return keys

    def find_newer(self, keys: SigningKeys) -> SigningKeys:
        """The keys after those, which lack one; the same if they were read a moment ago."""
        read_at = self._read_at
        if self._keys is not None and self._keys is not keys:
            return self._keys
        return self._wait(read_at) if self._may_find_newer() else keys

    def _may_find_newer(self) -> bool:
        if self._reading is not None or self._is_away:
            return True
        now, begun = self._monotonic(), self._begun
        has_read_often = len(begun) == _MOST_READINGS and now - begun[0] < _WINDOW
        return now - self._tried_at >= _TRIAL and not has_read_often

    def begin(self, pause: float = _TRIAL) -> threading.Event | None:
        """Begin to read, unless that was tried less than `pause` seconds ago; the event of the end of what goes on."""
        with self._lock:
            age = self._monotonic() - self._tried_at
            if age >= (pause if self._reading is None else _LONGEST):
                self._tried_at, self._reading = self._monotonic(), threading.Event()
                self._begun.append(self._tried_at)
                self._start(self._reading)
            return self._reading

    def _start(self, reading: threading.Event) -> None:
        try:
            threading.Thread(target=self._run, args=(reading,), name="issuer-keys", daemon=True).start()
        except RuntimeError as error:
            # The machine has no more threads.
            self._note_away(error)
            self._reading = None

    def _wait(self, read_at: float) -> SigningKeys:
        """The keys that were read after a time."""
        reading = self.begin()
        if reading is not None and self._waiting.take():
            try:
                reading.wait(_PATIENCE)
            finally:
                self._waiting.give_back()
        if self._keys is None or self._read_at == read_at:
            raise IssuerUnavailable(self._name)
        return self._keys

    def _run(self, reading: threading.Event) -> None:
        began = self._monotonic()
        try:
            found = self._read()
        except (OSError, HTTPException, ValueError, RecursionError) as error:
            self._note_away(error)
        else:
            self._note(found, began)
        finally:
            if self._reading is reading:
                self._reading = None
            reading.set()

    def _note(self, found: SigningKeys, began: float) -> None:
        # The same object shows that nothing has changed: tokens need not be proven again.
        if self._keys is None or self._keys.document != found.document:
            self._keys = found
        self._read_at = began
        if self._is_away:
            LOG.warning("the keys of the issuer '%s' can be read again", self._name)
        self._is_away = False

    def _note_away(self, error: Exception) -> None:
        if not self._is_away:
            LOG.error("the keys of the issuer '%s' cannot be read: %s", self._name, error)
        self._is_away = True
