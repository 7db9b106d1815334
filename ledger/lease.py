"""Who is the active writer: a term of office kept on the head row, with an epoch that fences.

The epoch decides what may still be written; the lease only decides when another may begin. So a
writer that was stopped and wakes up late can do no harm: its epoch is over.
"""

from ledger.clock import monotonic
from ledger.store.journal import Journal, Tenure


class Lease:
    """One process's claim to be the active writer."""

    def __init__(self, journal: Journal, holder: str, lease_ms: int) -> None:
        """Claim over a connection, under a name that operators can recognise."""
        self._journal = journal
        self._holder = holder
        self.lease_ms = lease_ms
        self.epoch: int | None = None
        self._valid_until = 0.0

    @property
    def held(self) -> bool:
        """Whether nobody else can have taken over yet, by a clock that no stop stands still for."""
        return self.epoch is not None and monotonic() < self._valid_until

    @property
    def renewal_due(self) -> bool:
        """Whether a third of the lease has passed since it was last extended."""
        return monotonic() > self._valid_until - self.lease_ms * 2 / 3_000

    def acquire(self) -> Tenure | None:
        """Begin a term if nobody is in office. Raises `StorageError`."""
        asked = monotonic()
        tenure = self._journal.acquire(self._holder, self.lease_ms)
        if tenure is not None:
            self.epoch = tenure.epoch
            self.extended(asked)
        return tenure

    def renew(self) -> int | None:
        """Stay in office; the head, or nothing when the term is over. Raises `StorageError`."""
        assert self.epoch is not None
        asked = monotonic()
        head = self._journal.renew(self.epoch, self.lease_ms)
        if head is None:
            self.lose()
        else:
            self.extended(asked)
        return head

    def fence(self) -> Tenure | None:
        """Begin the next epoch, so that no append of this one can still happen."""
        assert self.epoch is not None
        asked = monotonic()
        tenure = self._journal.fence(self.epoch, self.lease_ms)
        if tenure is None:
            self.lose()
            return None
        self.epoch = tenure.epoch
        self.extended(asked)
        return tenure

    def resign(self) -> None:
        """Let a stand-by take over at once."""
        if self.epoch is not None:
            epoch, self.epoch = self.epoch, None
            self._journal.resign(epoch)

    def lose(self) -> None:
        """Know that the term is over."""
        self.epoch = None

    def extended(self, asked: float) -> None:
        """An append or a renewal asked for at `asked` has extended the lease from then."""
        self._valid_until = max(self._valid_until, asked + self.lease_ms / 1_000)
