"""The watch over budgets of one worker: what was spent is compared with thresholds, and warnings go to the webhook.

A thread does all of it, a moment after the calls. Each warning is written once for all workers and sent by one of them,
and again later, by any, while it is not accepted.
"""

import logging
import threading
import time
from collections.abc import Collection

from bedrock_flask.errors import StoreUnavailable
from bedrock_flask.governance.budget_warning import write_warning
from bedrock_flask.governance.budgets import Counter
from bedrock_flask.governance.stores import WarningStore
from bedrock_flask.governance.webhook import Webhook
from bedrock_flask.observability import logs

LOG = logging.getLogger("bedrock_flask.webhook")
# Seconds in which counters are gathered, and between two looks at what others have left.
_GATHER, _LOOK = 1.0, 15.0


class BudgetWatch:
    """Learns which budgets have spent something, or have refused a call, and warns."""

    def __init__(self, store: WarningStore, webhook: Webhook) -> None:
        self._store, self._webhook = store, webhook
        self._lock, self._wake = threading.Lock(), threading.Event()
        # Each counter that has changed, and whether it has refused a call.
        self._changed: dict[Counter, bool] = {}

    def start(self) -> None:
        """Watch until the process ends."""
        threading.Thread(target=self._watch, name="budget-watch", daemon=True).start()

    def note(self, counters: Collection[Counter], *, has_refused: bool = False) -> None:
        """Look at these counters in a moment."""
        with self._lock:
            for counter in counters:
                self._changed[counter] = self._changed.get(counter, False) or has_refused
        if counters and not self._wake.is_set():
            self._wake.set()

    def _watch(self) -> None:
        while True:
            self._wake.wait(_LOOK)
            # What comes meanwhile is looked at with it.
            time.sleep(_GATHER)
            self._wake.clear()
            try:
                self.look()
            except StoreUnavailable:
                continue
            except Exception as error:  # noqa: BLE001 - the thread must go on
                LOG.error("unexpected error in the watch over budgets: %s", logs.format_frames(error))

    def look(self) -> None:
        """Write the warnings that are due, and send those that nobody sends."""
        with self._lock:
            changed, self._changed = self._changed, {}
        try:
            if changed:
                self._store.write(changed)
        except StoreUnavailable:
            for counter, has_refused in changed.items():
                self.note([counter], has_refused=has_refused)
            raise
        for warning in self._store.take():
            self._store.end(warning.id, self._webhook.post(warning.id, write_warning(warning)))
