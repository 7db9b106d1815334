"""A clock that tests turn by hand."""

from typing import Final

from ledger.domain.values import MICROSECONDS_PER_SECOND, Instant

START: Final[Instant] = 1_764_000_000 * MICROSECONDS_PER_SECOND
"""2025-11-24T16:00:00Z: when the days of these tests begin."""


def moment(seconds: float) -> Instant:
    """An instant some seconds after the beginning, or before it."""
    return START + round(seconds * MICROSECONDS_PER_SECOND)


class ManualClock:
    """Implements `ledger.clock.Clock`: stands still until somebody turns it."""

    def __init__(self, instant: Instant = START) -> None:
        """Show an instant."""
        self.instant = instant

    def now(self) -> Instant:
        """The instant shown."""
        return self.instant

    def turn(self, seconds: float) -> None:
        """Go on by some seconds; below zero, back, as clocks of machines sometimes do."""
        self.instant += round(seconds * MICROSECONDS_PER_SECOND)
