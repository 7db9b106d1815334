"""Telling readers that the ledger has grown: a courtesy, never a promise."""

import logging
from threading import Event, Thread
from typing import Final

from ledger.store.journal import Journal, StorageError

log = logging.getLogger(__name__)

# Seconds between two wake-ups at least: each is a transaction of its own, and what has been
# committed meanwhile comes with the next. A reader's poll is ten times as long.
_PAUSE_S: Final = 0.005


class Notifier:
    """Sends NOTIFY after commits, over its own connection, several commits at once if need be.

    Never inside the append: a NOTIFY there would take a lock of the whole server.
    """

    def __init__(self, conninfo: str, timeout_ms: int) -> None:
        """Connect at the first wake-up."""
        self._journal = Journal(conninfo, timeout_ms)
        self._due = Event()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="ledger-notifier", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Have the readers woken soon."""
        self._due.set()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        self._due.set()
        self._thread.join()
        self._journal.close()

    def _run(self) -> None:
        while True:
            self._due.wait()
            self._due.clear()
            if self._stop.wait(_PAUSE_S):
                return
            try:
                self._journal.notify()
            except StorageError as error:
                log.debug("no wake-up sent, readers will look by themselves: %s", error)
