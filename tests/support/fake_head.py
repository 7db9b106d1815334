"""A head row in memory, with a clock to turn: who is in office, without a database."""

from collections.abc import Callable

from ledger.store.journal import StorageError, Tenure


class FakeHead:
    """Stands in for the `Journal` of leases and heartbeats; `time` is the machine's monotonic.

    `meanwhile` happens during every renewal, after it was asked for and before it is answered.
    """

    def __init__(self) -> None:
        """Nobody was ever in office, and it is an hour after the machine's start."""
        self.epoch = 0
        self.time = 3_600.0
        self.renewals: list[int] = []  # The epochs asked for.
        self.reachable = True
        self.meanwhile: Callable[[], object] = lambda: None

    def monotonic(self) -> float:
        """The time, in seconds."""
        return self.time

    def acquire(self, holder: str, lease_ms: int) -> Tenure:
        """Begin the next epoch, whoever was in office."""
        assert holder
        assert lease_ms > 0
        self.epoch += 1
        return Tenure(self.epoch, 0, 0)

    def fence(self, epoch: int, lease_ms: int) -> Tenure | None:
        """Begin the next epoch, unless another has."""
        return self.acquire("fence", lease_ms) if epoch == self.epoch else None

    def renew(self, epoch: int, lease_ms: int) -> int | None:
        """The head, or nothing if the epoch is over."""
        assert lease_ms > 0
        self.renewals.append(epoch)
        self.meanwhile()
        if not self.reachable:
            raise StorageError("nobody answers")
        return 0 if epoch == self.epoch else None

    def resign(self, epoch: int) -> None:
        """Nobody holds it, if anybody hears of that."""
        assert epoch > 0
        if not self.reachable:
            raise StorageError("nobody answers")

    def close(self) -> None:
        """There is nothing to close."""
