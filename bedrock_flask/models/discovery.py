"""What each region offers to the account: read in the background and kept in this process, so that no call waits."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bedrock_flask.bedrock.offers import Offer
from bedrock_flask.errors import GatewayError

LOG = logging.getLogger("bedrock_flask.gateway")
# Seconds after which an offer is read again, and after which another attempt is made where it cannot be read.
_FRESH, _PAUSE = 6 * 3600.0, 900.0
# More than AWS has regions: a caller chooses them by ARN.
_MOST_REGIONS = 64

ReadOffer = Callable[[str], Offer]
Run = Callable[[Callable[[], None]], None]


@dataclass(frozen=True)
class Finding:
    """What is known of one region: its offer, the last one that could be read, and why the last attempt failed."""

    offer: Offer | None = None
    problem: str = ""


@dataclass
class _Region:
    finding: Finding = field(default_factory=Finding)
    is_read: threading.Event = field(default_factory=threading.Event)
    is_being_read: bool = False
    due: float = float("-inf")


def run_in_thread(function: Callable[[], None]) -> None:
    """Run a function in a thread that does not keep the process alive."""
    threading.Thread(target=function, name="discovery", daemon=True).start()


_OFF = Finding(problem="The account's models are not listed (BEDROCK_FLASK_DISCOVERY).")


class Discovery:
    """The offers of the account's regions; `read` reads one, or raises a GatewayError that says why it cannot.

    Without `read`, the plugins' own catalogue is all that is known.
    """

    def __init__(
        self,
        read: ReadOffer | None = None,
        *,
        run: Run = run_in_thread,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._run, self._clock = read, run, clock
        self._regions: dict[str, _Region] = {}
        self._lock = threading.Lock()

    def find(self, region: str) -> Finding:
        """What is known now, without waiting; what is unknown or old is read in the background."""
        if self._read is None:
            return _OFF
        known = self._regions.get(region)
        if known is None or self._clock() >= known.due:
            known = self._begin(region, self._read)
        return known.finding

    def wait(self, region: str, seconds: float) -> Finding:
        """The same; the first reading of a region is awaited for this many seconds."""
        found = self.find(region)
        known = self._regions.get(region)
        if known is None:
            return found
        known.is_read.wait(seconds)
        return known.finding

    def _begin(self, region: str, read: ReadOffer) -> _Region:
        with self._lock:
            known = self._regions.get(region)
            if known is None:
                if len(self._regions) >= _MOST_REGIONS:
                    self._regions.pop(next(iter(self._regions)))
                known = self._regions[region] = _Region()
            if known.is_being_read or self._clock() < known.due:
                return known
            known.is_being_read = True
        try:
            self._run(lambda: self._update(region, known, read))
        except RuntimeError as error:
            # The system has no thread for it.
            self._end(known, _PAUSE)
            self._note(region, known, f"It failed: {error}.")
        return known

    def _update(self, region: str, known: _Region, read: ReadOffer) -> None:
        seconds = _PAUSE
        try:
            known.finding, seconds = Finding(read(region)), _FRESH
        except GatewayError as error:
            self._note(region, known, error.detail)
        except Exception as error:  # noqa: BLE001 - whatever it is, the plugins' own catalogue is served
            self._note(region, known, f"It failed: {type(error).__name__}.")
        finally:
            self._end(known, seconds)

    def _end(self, known: _Region, seconds: float) -> None:
        """End the reading of a region; the next one is due after the given seconds."""
        known.due = self._clock() + seconds
        known.is_being_read = False
        known.is_read.set()

    def _note(self, region: str, known: _Region, problem: str) -> None:
        if problem != known.finding.problem:
            LOG.info("the models of the account in %s cannot be listed: %s", region or "its region", problem)
        known.finding = replace(known.finding, problem=problem)
