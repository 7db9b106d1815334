"""How the auditor reads ring-fences: what each channel has, and what each hold has of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.domain import laws
from projections.audit import wire_fences as wire

if TYPE_CHECKING:
    from projections.audit.books import StockBook
    from projections.audit.checker import Checker


class FenceBook:
    """One channel's fence: at the last instant, and what of it nobody has written down yet."""

    __slots__ = ("first", "free", "held", "last", "unwritten")

    def __init__(self, position: int) -> None:
        """Begin with nothing."""
        self.first = position
        self.last = position
        self.free = 0
        self.held = 0
        self.unwritten = 0  # Given back by holds that ran out and were not swept.


class FencesBook:
    """The fences and the backorder limit of one stock."""

    __slots__ = ("channels", "lapsed", "limit", "limit_at", "parts", "total")

    def __init__(self) -> None:
        """Begin with neither."""
        self.limit = 0
        self.limit_at: int | None = None  # The position at which it was last set.
        self.total = 0  # Free units of all channels.
        self.channels: dict[str, FenceBook] = {}
        self.parts: dict[str, tuple[str, int]] = {}  # Reservation -> channel, units of its fence.
        self.lapsed: dict[str, tuple[str, int]] = {}

    def of_others(self, channel: str | None) -> int:
        """Units that a promise of a channel must leave alone."""
        own = self.channels.get(channel) if channel is not None else None
        return self.total - (0 if own is None else own.free)

    def shift(self, channel: str, free: int, held: int, position: int) -> FenceBook:
        """Change one fence."""
        fence = self.channels.get(channel)
        if fence is None:
            fence = self.channels[channel] = FenceBook(position)
        fence.free += free
        fence.held += held
        fence.last = position
        self.total += free
        return fence

    def lapse(self, reservation_id: str) -> None:
        """A hold ran out: what it had of a fence is back in it."""
        part = self.parts.pop(reservation_id, None)
        if part is not None:
            self.lapsed[reservation_id] = part
            fence = self.channels[part[0]]
            fence.free += part[1]
            fence.held -= part[1]
            fence.unwritten += part[1]
            self.total += part[1]


def books_of(book: StockBook) -> FencesBook:
    """The fences of a stock, begun at their first event."""
    if book.fences is None:
        book.fences = FencesBook()
    return book.fences


def take_rule(
    checker: Checker, book: StockBook, event: wire.AnyOfFence, position: int, now: int
) -> None:
    """Enter a grant, a return or a limit."""
    del now
    fences = books_of(book)
    if isinstance(event, wire.BackorderLimitSet):
        fences.limit, fences.limit_at = event.limit, position
        return
    granted = isinstance(event, wire.FenceGranted)
    if granted:
        spare = book.levels["sellable"] - book.live - fences.total
        checker.found(
            laws.fence_is_covered(
                position, channel=event.channel, asked=event.quantity, spare=spare
            )
        )
    units = event.quantity if granted else -event.quantity
    _judge(checker, fences.shift(event.channel, units, 0, position), event.channel, position)


def take_hold(
    checker: Checker,
    book: StockBook,
    reservation_id: str,
    units: wire.Fenced | None,
    position: int,
    *,
    sign: int,
    used: bool = False,
) -> None:
    """A hold takes (sign 1) from a fence or gives back (-1); what is `used` left with it."""
    if units is None:
        return
    fences = books_of(book)
    channel, had = fences.parts.pop(reservation_id, (units.channel, 0))
    has = had + sign * units.quantity
    if has:
        fences.parts[reservation_id] = channel, has
    free = 0 if used else -sign * units.quantity
    fence = fences.shift(channel, free, sign * units.quantity, position)
    _judge(checker, fence, channel, position)
    hold = book.holds.get(reservation_id)
    checker.found(
        laws.fence_is_in_its_hold(
            position,
            reservation_id,
            fenced=has,
            open_units=0 if hold is None else hold.units,
            same_channel=channel == units.channel,
        )
    )


def take_sale(checker: Checker, book: StockBook, units: wire.Fenced, position: int) -> None:
    """A sale without a hold used a part of its channel's fence."""
    fence = books_of(book).shift(units.channel, -units.quantity, 0, position)
    _judge(checker, fence, units.channel, position)


def take_expiry(
    checker: Checker,
    book: StockBook,
    reservation_id: str,
    units: wire.Fenced | None,
    position: int,
) -> None:
    """What a hold that ran out had of a fence is back in it, since its instant."""
    lapsed = None if book.fences is None else book.fences.lapsed.pop(reservation_id, None)
    told = None if units is None else (units.channel, units.quantity)
    checker.found(laws.fence_gets_back(position, reservation_id, had=lapsed, told=told))
    if book.fences is not None and lapsed is not None:
        fence = book.fences.channels[lapsed[0]]
        fence.unwritten -= lapsed[1]
        fence.last = position


def judge_whole(checker: Checker, book: StockBook) -> None:
    """At the end: what fences say is held is what holds have of them."""
    if book.fences is None:
        return
    for channel, fence in book.fences.channels.items():
        parts = [units for of, units in book.fences.parts.values() if of == channel]
        checker.found(laws.fence_is_its_holds(fence.last, channel, held=fence.held, parts=parts))


def _judge(checker: Checker, fence: FenceBook, channel: str, position: int) -> None:
    checker.found(laws.fence_gives_what_it_has(position, channel, free=fence.free, held=fence.held))
