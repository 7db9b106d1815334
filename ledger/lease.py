"""Who is the active writer: a term of office kept on the head row, with an epoch that fences.

The epoch decides what may still be written; the lease only decides when another may begin. So a
writer that was stopped and wakes up late can do no harm: its epoch is over.
"""

from threading import Lock
from typing import NamedTuple

from ledger.clock import monotonic
from ledger.store.journal import Journal, Tenure


class _Term(NamedTuple):
    """An epoch of ours, and until when nobody else can begin the next one."""

    epoch: int
    valid_until: float  # Seconds, by `monotonic`.


class Lease:
    """One process's claim to be the active writer.

    The writer's thread alone begins and ends terms; others may extend the term they name, which
    does nothing once that is over. Epoch and validity change as one, so reading takes no lock.
    """

    def __init__(self, journal: Journal, holder: str, lease_ms: int) -> None:
        """Claim over a connection, under a name that operators can recognise."""
        self._journal = journal
        self._holder = holder
        self.lease_ms = lease_ms
        self._term: _Term | None = None
        self._changing = Lock()

    @property
    def epoch(self) -> int | None:
        """The epoch of our term; None out of office. It may have ended without our knowledge."""
        term = self._term
        return None if term is None else term.epoch

    @property
    def held(self) -> bool:
        """Whether nobody else can have taken over yet, by a clock that no stop stands still for."""
        term = self._term
        return term is not None and monotonic() < term.valid_until

    @property
    def renewal_due(self) -> bool:
        """Whether we are in office and extended that more than a third of the lease ago."""
        term = self._term
        return term is not None and monotonic() > term.valid_until - self.lease_ms * 2 / 3_000

    def acquire(self) -> Tenure | None:
        """Begin a term if nobody is in office. Raises `StorageError`."""
        asked = monotonic()
        tenure = self._journal.acquire(self._holder, self.lease_ms)
        if tenure is not None:
            self._begin(tenure.epoch, asked)
        return tenure

    def renew(self) -> int | None:
        """Stay in office; the head, or nothing when the term is over. Raises `StorageError`."""
        epoch = self.epoch
        assert epoch is not None
        asked = monotonic()
        head = self._journal.renew(epoch, self.lease_ms)
        if head is None:
            self.lose()
        else:
            self.extended(epoch, asked)
        return head

    def fence(self) -> Tenure | None:
        """Begin the next epoch, so that no append of this one can still happen."""
        epoch = self.epoch
        assert epoch is not None
        asked = monotonic()
        tenure = self._journal.fence(epoch, self.lease_ms)
        if tenure is None:
            self.lose()
        else:
            self._begin(tenure.epoch, asked)
        return tenure

    def resign(self) -> None:
        """Let a stand-by take over at once. Raises `StorageError`, out of office all the same."""
        epoch = self.epoch
        self.lose()
        if epoch is not None:
            self._journal.resign(epoch)

    def lose(self) -> None:
        """Know that the term is over."""
        with self._changing:
            self._term = None

    def extended(self, epoch: int, asked: float) -> None:
        """An append or a renewal under an epoch, asked for at `asked`, has extended its lease.

        Whoever asked may learn of it when the epoch is no longer ours: that extends nothing.
        """
        with self._changing:
            if self._term is not None and self._term.epoch == epoch:
                until = max(self._term.valid_until, self._lasting(asked))
                self._term = _Term(epoch, until)

    def _begin(self, epoch: int, asked: float) -> None:
        with self._changing:
            self._term = _Term(epoch, self._lasting(asked))

    def _lasting(self, asked: float) -> float:
        return asked + self.lease_ms / 1_000
