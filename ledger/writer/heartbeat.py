"""Staying in office while the writer's thread is busy: long loads and slow appends are no death.

The writer's thread renews the lease between batches, and so do its appends. What takes it longer
than the lease, reading a long history say, would cost the office although nothing is wrong; then
the next writer reads the same, and two of them pass the office to and fro.
"""

import logging
from threading import Event, Thread
from typing import Final

from ledger.clock import monotonic
from ledger.lease import Lease
from ledger.settings import Settings
from ledger.store.journal import ContentError, Journal, StorageError

log = logging.getLogger(__name__)

_BEATS_A_LEASE: Final = 6  # A renewal is due after two; four are left to bring it home.


class Heartbeat:
    """Renews the lease of a writer that moves, over a connection and on a thread of its own.

    It never ends a term: that its epoch is over is for the writer's thread to find out. A process
    that is stopped has no heartbeat either, so its office passes on as ever.
    """

    def __init__(self, settings: Settings, lease: Lease) -> None:
        """Beat for a lease. Connects with the first beat in office: a stand-by has no need to.

        A renewal waits as long as an append may take: behind a slow one it stands in line for the
        head row, and stand-bys do not, so it is renewed before any of them can look again.
        """
        assert settings.database_url is not None
        self._journal = Journal(settings.database_url, settings.append_timeout_ms)
        self._lease = lease
        self.ready = False  # The last renewal was answered: the next one need not connect first.
        self._stuck_ms = settings.stuck_writer_ms
        self._moved = monotonic()
        self._told = False
        self._stop = Event()
        self._thread = Thread(target=self._run, name="ledger-heartbeat", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread: afterwards no renewal is under way, and none will come."""
        self._stop.set()
        self._thread.join()

    def progressed(self) -> None:
        """The writer's thread has got somewhere, and deserves to stay in office."""
        self._moved = monotonic()

    def beat(self) -> None:
        """Renew the lease if that is due, unless the writer is stuck or its epoch is over.

        Without a connection it is always due: when it matters is no time to make one.
        """
        epoch = self._lease.epoch
        due = self._lease.renewal_due or not self.ready
        if epoch is None or not due or self._stuck():
            return
        asked = monotonic()
        try:
            head = self._journal.renew(epoch, self._lease.lease_ms)
        except (StorageError, ContentError) as error:
            log.debug("no renewal, the next beat asks again: %s", error)
            self.ready = False
            return
        self.ready = True
        if head is not None:
            self._lease.extended(epoch, asked)

    def _run(self) -> None:
        while not self._stop.wait(self._lease.lease_ms / 1_000 / _BEATS_A_LEASE):
            self.beat()
        self._journal.close()

    def _stuck(self) -> bool:
        """Whether the writer's thread has stood still for too long; said once each time."""
        stuck = monotonic() - self._moved > self._stuck_ms / 1_000
        if stuck and not self._told:
            log.error("the writer has stood still for %d ms: let another begin", self._stuck_ms)
        self._told = stuck
        return stuck
