"""What a stock remembers of one promise, and whose units go first when they run short."""

from typing import Final, TypeAlias

from msgspec import Struct

from ledger.domain.values import HoldKind, Instant

PROMISE_BROKEN: Final = "promise_broken"
NEGATIVE_STOCK: Final = "negative_stock"


class Hold(Struct, frozen=True, gc=False):
    """Open units of one reservation in one stock. `placed_at` orders who is broken first."""

    quantity: int
    kind: HoldKind
    expires_at: Instant | None
    placed_at: Instant


class OpenConflict(Struct, frozen=True, gc=False):
    """A conflict of this stock that is open, and by how many units."""

    conflict_id: str
    short: int


BreakKey: TypeAlias = tuple[int, int, str]
"""Where a hold stands: hard before soft, oldest first. The waterfall breaks them from the end."""


def break_key(reservation_id: str, hold: Hold) -> BreakKey:
    """Order holds by who keeps their units longest: the last of the order loses first.

    That way round the newest hold, of which there is one after the other in a flash sale, goes
    to the end of the order, which costs the least.
    """
    return (0 if hold.kind == "hard" else 1, hold.placed_at, reservation_id)
