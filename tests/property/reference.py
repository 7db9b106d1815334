"""What the ledger means, said again as plainly as possible: sums over lists, nothing kept."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from ledger.domain import events as e
from ledger.domain import laws
from ledger.domain.values import Instant

SOURCES: dict[type, tuple[str, str]] = {
    e.StockOpened: ("", "sellable"),
    e.StockReceived: ("", "sellable"),
    e.StockSold: ("sellable", ""),
    e.HoldFulfilled: ("sellable", ""),
    e.SaleVoided: ("", "sellable"),
    e.StockDispatched: ("sellable", ""),
    e.StockTransferReturned: ("", "quarantine"),
}
"""Where units come from and go to, where the event itself does not say; nothing: outside."""


class Hold(NamedTuple):
    """Open units of a promise, as recorded."""

    holder: str
    units: int
    hard: bool
    expires_at: Instant | None
    placed_at: Instant

    def runs(self, now: Instant) -> bool:
        """Whether it still holds at an instant."""
        return self.expires_at is None or self.expires_at > now


def levels(stream: Iterable[Any]) -> dict[str, int]:
    """The buckets after a stock's events."""
    found = dict.fromkeys(laws.PHYSICAL, 0)
    for event in stream:
        for bucket, units in _moved(event):
            if bucket in found:
                found[bucket] += units
    return found


def _moved(event: Any) -> list[tuple[str, int]]:
    match event:
        case e.StockAdjusted():
            return [("sellable", event.delta)]
        case e.StockReturned():
            return [(event.to_bucket, event.quantity)]
        case e.StockScrapped():
            return [(event.bucket, -event.quantity)]
        case e.StockMoved():
            return [(event.from_bucket, -event.quantity), (event.to_bucket, event.quantity)]
        case e.StockCounted() | e.StockAbsorbed() | e.StockCountCancelled():
            return [(event.bucket, event.delta)]
        case e.StockCorrected():
            return [(event.from_bucket, -event.quantity), (event.to_bucket, event.quantity)]
        case e.StockTransferReceived():
            return [("sellable", event.received), ("damaged", event.damaged)]
        case _:
            pass
    source, target = SOURCES.get(type(event), ("", ""))
    quantity = event.quantity if source or target else 0
    return [(source, -quantity), (target, quantity)]


def holds(stream: Iterable[Any]) -> dict[str, Hold]:
    """The open holds after a stock's events, as recorded."""
    found: dict[str, Hold] = {}
    for event in stream:
        _hold(found, event)
    return {holder: hold for holder, hold in found.items() if hold.units}


def _hold(found: dict[str, Hold], event: Any) -> None:
    match event:
        case e.StockReserved():
            name = event.reservation_id
            hard = event.kind == "hard"
            found[name] = Hold(name, event.quantity, hard, event.expires_at, event.occurred_at)
        case e.HoldConfirmed():
            found[event.reservation_id] = found[event.reservation_id]._replace(
                hard=True, expires_at=None
            )
        case e.HoldExtended():
            found[event.reservation_id] = found[event.reservation_id]._replace(
                expires_at=event.expires_at
            )
        case e.HoldAmended():
            _resize(found, event.reservation_id, event.delta)
        case e.HoldReleased() | e.HoldRelocated() | e.HoldFulfilled():
            _resize(found, event.reservation_id, -event.quantity)
        case e.HoldsExpired():
            for swept in event.holds:
                assert found[swept.reservation_id].expires_at == swept.expired_at
                _resize(found, swept.reservation_id, -swept.quantity)
        case _:
            pass


def _resize(found: dict[str, Hold], holder: str, delta: int) -> None:
    hold = found[holder]
    found[holder] = hold._replace(units=hold.units + delta)
    assert found[holder].units >= 0


def running(stream: Iterable[Any], now: Instant) -> list[Hold]:
    """The holds that count at an instant."""
    return [hold for hold in holds(stream).values() if hold.runs(now)]


def broken(stream: list[Any], now: Instant) -> dict[str, int]:
    """The waterfall from the beginning: soft before hard, newest first."""
    open_holds = running(stream, now)
    open_holds.sort(key=lambda hold: (hold.hard, -hold.placed_at))
    short = laws.shortage(
        sellable=levels(stream)["sellable"], reserved=sum(hold.units for hold in open_holds)
    )
    return laws.broken_promises(short, ((hold.holder, hold.units) for hold in open_holds))


def negative(stream: list[Any]) -> dict[str, int]:
    """What is missing from each bucket."""
    return {bucket: -level for bucket, level in levels(stream).items() if level < 0}
