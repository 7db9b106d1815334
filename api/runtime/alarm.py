"""What the auditor says: once, loudly, and where every API process can read it."""

import logging
import threading
from collections.abc import Iterable
from typing import Any, Final

import psycopg

from ledger.clock import monotonic
from ledger.domain.laws import Breach
from projections.audit import status

SAY_EVERY_S: Final = 5.0
"""So that it shows when the auditor is not there any more."""

CRY_EVERY_S: Final = 60.0
"""What goes on being wrong is a line a minute, not one an event."""

KNOWN_MAX: Final = 10_000
"""Differences remembered so that they are not told twice: some megabytes."""

logger = logging.getLogger(__name__)


class Alarm:
    """What was found, said once: in the log, and in the table that the API shows."""

    def __init__(self, database_url: str) -> None:
        self._connection: psycopg.Connection[Any] = psycopg.connect(database_url, autocommit=True)
        self._lock = threading.Lock()
        self._known: set[Breach] = set()
        self._total = 0
        self._first: Breach | None = None
        self._position = 0
        self._said_at = self._cried_at = 0.0

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def verified(self, position: int) -> None:
        """Everything up to a position was looked at."""
        with self._lock:
            moved = position > self._position
            self._position = max(position, self._position)
            if moved or monotonic() > self._said_at + SAY_EVERY_S:
                self._say()

    def found(self, breaches: Iterable[Breach]) -> None:
        """Differences; those that were found before are known."""
        with self._lock:
            new = [breach for breach in breaches if breach not in self._known]
            if not new:
                return
            if len(self._known) < KNOWN_MAX:
                self._known.update(new)
            self._total += len(new)
            first = min(new, key=lambda one: (one.law == 12, one.position, one.law))
            self._cry(first)
            self._first = self._first or first
            self._say()

    def round_ended(self, seconds: float, *, clean: bool) -> None:
        """A full round is over; a clean one takes back what stood."""
        with self._lock:
            if clean:
                self._first = None
                self._known.clear()
            self._say(full_ms=max(1, round(seconds * 1_000)))

    def _cry(self, first: Breach) -> None:
        """The first one at once, others not so often that the log fills up."""
        if self._first is not None and monotonic() < self._cried_at + CRY_EVERY_S:
            return
        self._cried_at = monotonic()
        logger.error(
            "AUDIT: the ledger or a projection is not what it must be; run `verify`",
            extra={
                "law": first.law,
                "position": first.position,
                "what": first.what,
                "differences": self._total,
            },
        )

    def _say(self, full_ms: int | None = None) -> None:
        self._said_at = monotonic()
        status.write(self._connection, self._position, self._total, self._first, full_ms)
