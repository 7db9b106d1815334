"""How a process that nobody waits for keeps out of the way of those that somebody does."""

import threading
from time import process_time
from typing import Final

from ledger.clock import monotonic
from ledger.settings import Settings
from projections.audit.log import Reading, Source

LOOK_EVERY_S: Final = 1.0
"""How often it is asked whether the projector is behind."""

PATIENCE_S: Final = 10.0
"""The longest rest for a projector that is behind: one that never moves must not end the audit."""


class Stopped(Exception):
    """The service ends."""


class Pace:
    """Lets the audit work for a share of one core's time, the database's work for it included."""

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        self._rest = (100 - settings.audit_percent) / settings.audit_percent
        self._lag_max = settings.projector_batch_events
        self._stop = stop
        self.over = False  # Set by whoever has lost the other half of the audit.
        self._cpu = process_time()
        self._look_at = 0.0
        self._lock = threading.Lock()
        assert settings.database_url, "the auditor needs a database"
        self._source = Source(Reading(settings.database_url))

    def close(self) -> None:
        """Let go of the connection."""
        self._source.__exit__()

    def rest(self, asked_s: float) -> None:
        """After a question that took so long; ends the audit when the service ends."""
        with self._lock:
            cpu = process_time()
            busy = asked_s + cpu - self._cpu
            self._cpu = cpu
        if self._stop.wait(busy * self._rest) or self.over:
            raise Stopped
        self._give_way()

    def _give_way(self) -> None:
        if monotonic() < self._look_at:
            return
        self._look_at = monotonic() + LOOK_EVERY_S
        until = monotonic() + PATIENCE_S
        while monotonic() < until:
            lag = self._source.one("lag")
            if lag is None or lag[0] <= self._lag_max:
                return
            if self._stop.wait(LOOK_EVERY_S / 2) or self.over:
                raise Stopped
