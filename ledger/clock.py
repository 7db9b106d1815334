"""The only caller of the machine's clocks inside the ledger."""

import time
from typing import Protocol

from ledger.domain.values import Instant


class Clock(Protocol):
    """Where instants come from; tests and benchmarks bring their own."""

    def now(self) -> Instant:
        """Microseconds since 1970, UTC. May jump: the writer keeps instants increasing."""
        ...


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> Instant:
        """Microseconds since 1970, UTC."""
        return time.time_ns() // 1_000  # noqa: TID251 - this is the one caller


def monotonic() -> float:
    """Seconds that only ever grow, for deadlines and leases; stops for nobody, not even SIGSTOP."""
    return time.monotonic()
