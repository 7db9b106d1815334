"""Telling readers that the ledger has grown: a courtesy, never a promise."""

import logging
from threading import Event, Thread

from ledger.store.journal import Journal, StorageError

log = logging.getLogger(__name__)


class Notifier:
    """Sends NOTIFY after commits, over its own connection, several commits at once if need be.

    Never inside the append: a NOTIFY there would take a lock of the whole server.
    """

    def __init__(self, conninfo: str, timeout_ms: int) -> None:
        """Connect at the first wake-up."""
        self._journal = Journal(conninfo, timeout_ms)
        self._due = Event()
        self._stopping = False
        self._thread = Thread(target=self._run, name="ledger-notifier", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Have the readers woken soon."""
        self._due.set()

    def stop(self) -> None:
        """End the thread."""
        self._stopping = True
        self._due.set()
        self._thread.join()
        self._journal.close()

    def _run(self) -> None:
        while True:
            self._due.wait()
            self._due.clear()
            if self._stopping:
                return
            try:
                self._journal.notify()
            except StorageError as error:
                log.debug("no wake-up sent, readers will look by themselves: %s", error)
