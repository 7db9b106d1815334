"""The role that never believes the others: it verifies what they write while they write it.

It follows the head, event by event, and in slow rounds begins at zero again and compares every
projection, so that what is altered behind its back is found, too. It takes little: a share of one
core, small pages, and nothing at all while the projector is behind.
"""

import gc
import logging
import os
import threading
from collections.abc import Iterable
from typing import Final

import psycopg

from api.runtime.alarm import Alarm
from api.runtime.pace import Pace, Stopped
from api.runtime.verified import load, save
from ledger.clock import SystemClock, monotonic
from ledger.domain.laws import Breach
from ledger.settings import Settings
from projections.audit.kept import Unusable
from projections.audit.log import Behind, Reading, Source
from projections.audit.row import BLOCK_EVENTS
from projections.audit.verification import Audit

PAGE_ROWS: Final = 1_000
"""A page is some ten milliseconds of work: nobody waits for it noticeably."""

POLL_S: Final = 1.0
"""How soon after it was recorded an event is verified, where there is nothing else to do."""

_BACKOFF_S: Final = 2.0

logger = logging.getLogger(__name__)


def _rows_changed(block: int, others: Iterable[Breach]) -> Breach:
    """Rows are hashed by blocks: what else was found in the block says more exactly where."""
    near = (one.position for one in others if 0 <= one.position - block < BLOCK_EVENTS)
    what = f"the rows from {block} on are not those that were verified as they came"
    return Breach(17, min(near, default=block), what)


class Auditor:
    """Follows the head on the caller's thread, and makes its rounds on another one."""

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        """Connect."""
        assert settings.database_url, "the auditor needs a database"
        self._settings = settings
        self._url = settings.database_url
        self._stop = stop
        self._pace = Pace(settings, stop)
        self._alarm = Alarm(self._url)
        self._reading = Reading(self._url, PAGE_ROWS, self._pace.rest)
        self._follower = Audit(self._reading, self._look)
        self._next: Audit | None = None
        self._mark = 0, b""  # How far it has come, and what the rows up to there come to.
        self._caught_up = threading.Event()

    def close(self) -> None:
        """Let go of the connections."""
        self._alarm.close()
        self._pace.close()

    def run(self) -> None:
        """Work until the service stops, or an error ends one of the two."""
        failed: list[BaseException] = []

        def rounds() -> None:
            try:
                self._rounds()
            except Stopped:
                pass
            except BaseException as error:  # noqa: BLE001 - raised again by whoever started us
                failed.append(error)

        thread = threading.Thread(target=rounds, name="audit-rounds", daemon=True)
        thread.start()
        try:
            self._follow(failed)
        finally:
            self._pace.over = True
            thread.join()
        if failed:
            raise failed[0]

    def _follow(self, failed: list[BaseException]) -> None:
        with Source(self._reading) as source:
            self._begin(source)
            while not failed and not self._stop.is_set():
                self._take_over()
                audit = self._follower
                head = audit.head(source)
                audit.advance(head)
                audit.checker.close_item()  # A head never lies amid an item.
                self._look("log", head, head)
                self._mark = audit.chain.position, audit.chain.fingerprint
                self._caught_up.set()
                self._stop.wait(POLL_S)

    def _look(self, step: str, done: int, total: int | None) -> None:
        """The follower's progress, after every page: what it found, and how far it is."""
        del done, total
        checker = self._follower.checker
        self._alarm.found(checker.breaches)
        checker.breaches.clear()
        if step == "log":
            self._alarm.verified(checker.place.position)

    def _take_over(self) -> None:
        """Follow with the books of the last clean round: nothing that is mended echoes in them."""
        audit, self._next = self._next, None
        if audit is not None:
            audit.progress = self._look
            self._follower = audit

    def _begin(self, source: Source) -> None:
        """Go on from the books of the last round, where they still fit."""
        try:
            kept = load(self._settings.data_path, self._url)
        except Unusable as why:
            logger.info("the audit begins at zero", extra={"why": str(why)})
            return
        self._follower.go_on_from(kept, self._follower.head(source))

    def _rounds(self) -> None:
        """From zero, again and again: what was verified once may be altered at any time."""
        while not self._stop.is_set() and not self._pace.over:
            if not self._caught_up.wait(POLL_S):
                continue
            began = monotonic()
            self._round(began)
            gc.collect()  # It is off, see `run`: this is when there is something to find.
            rest_s = self._settings.audit_round_ms / 1_000 - (monotonic() - began)
            self._wait(rest_s)

    def _wait(self, seconds: float) -> None:
        until = monotonic() + seconds
        while not self._pace.over and monotonic() < until and not self._stop.wait(POLL_S):
            pass

    def _round(self, began: float) -> None:
        audit, follower = Audit(self._reading), self._follower
        position, fingerprint = self._mark
        with Source(self._reading) as source:
            audit.head(source)
            audit.log(position)
            changed = audit.chain.first_change(position, fingerprint, follower.chain.blocks)
            try:
                audit.projections(source)
            except Behind as behind:
                logger.info("the round ends without a comparison", extra={"why": str(behind)})
                compared = False
            else:
                compared = True
        if changed is not None:
            audit.checker.found([_rows_changed(changed, audit.checker.breaches)])
        self._alarm.found(audit.checker.breaches)
        clean = not audit.checker.breaches_total
        if compared:
            self._alarm.round_ended(monotonic() - began, clean=clean)
        if compared and clean:
            self._keep(audit)
            self._next = audit

    def _keep(self, audit: Audit) -> None:
        try:
            save(self._settings.data_path, self._url, audit.checker, audit.chain, SystemClock())
        except OSError as error:
            logger.warning("the books of the audit are not kept", extra={"error": str(error)})


def run(settings: Settings, stop: threading.Event) -> None:
    """Audit until told to stop, through every loss of the database."""
    os.nice(19)
    gc.disable()  # The books hold no cycles, and are walked in vain again and again.
    while not stop.is_set():
        try:
            auditor = Auditor(settings, stop)
        except psycopg.OperationalError as error:
            _lost(error, stop)
            continue
        try:
            auditor.run()
        except Stopped:
            return
        except psycopg.OperationalError as error:
            _lost(error, stop)
        finally:
            auditor.close()


def _lost(error: psycopg.OperationalError, stop: threading.Event) -> None:
    logger.warning("the auditor lost its database", extra={"error": str(error)})
    stop.wait(_BACKOFF_S)
