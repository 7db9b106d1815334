"""The day that docs/time.md tells, row by row."""

from typing import Any, Final

import pytest

from ledger.domain.events import (
    HoldFulfilled,
    LineQuantity,
    PlacedLine,
    ReservationFulfilled,
    ReservationPlaced,
    StockReceived,
    StockReserved,
    StockSold,
)
from projections import documents
from projections.clocks import Asked
from projections.questions import StockQuestion, stock
from projections.reservations.queries import RESERVATIONS
from tests.integration.projections.ledgers import ask, project, record
from tests.support.servers import Cluster, Database

HOUR: Final = 3_600 * 1_000_000
MUG: Final[dict[str, Any]] = {"location": "ams-1", "sku": "MUG"}
ORDER: Final = "order-1"


@pytest.fixture(scope="module")
def day(postgres_cluster: Cluster) -> Any:
    """What was reported, in the order in which it was."""
    line = PlacedLine(**MUG, requested=4, granted=4)
    left = LineQuantity(**MUG, quantity=4)
    nine, ten, eleven, twelve = (hour * HOUR for hour in (9, 10, 11, 12))
    placed = ReservationPlaced(
        occurred_at=eleven,
        reservation_id=ORDER,
        channel=None,
        kind="hard",
        expires_at=None,
        policy="all",
        lines=(line,),
    )
    held: dict[str, Any] = {"effective_at": eleven, "reservation_id": ORDER, "quantity": 4}
    used: dict[str, Any] = {"effective_at": twelve, "reservation_id": ORDER, "quantity": 4}
    with postgres_cluster.database() as database:
        record(database, StockReceived(**MUG, occurred_at=nine, effective_at=nine, quantity=10))
        record(database, placed, StockReserved(**MUG, occurred_at=eleven, kind="hard", **held))
        record(database, StockSold(**MUG, occurred_at=ten, effective_at=eleven, quantity=3))
        gone = ReservationFulfilled(occurred_at=twelve, reservation_id=ORDER, lines=(left,))
        record(database, HoldFulfilled(**MUG, occurred_at=twelve, **used), gone)
        project(database)
        yield database


@pytest.mark.parametrize(
    ("half_past", "known", "on_hand", "reserved", "order"),
    [
        (10, 1, 10, 0, None),
        (10, 6, 7, 0, None),
        (12, 4, 7, 4, "placed"),
        (12, 6, 3, 0, "fulfilled"),
    ],
)
def test_the_documented_day_is_as_documented(
    day: Database, half_past: int, known: int, on_hand: int, reserved: int, order: str | None
) -> None:
    """What an audit asks for, and what a correction does, stay side by side."""
    as_of = half_past * HOUR + HOUR // 2
    asked = StockQuestion(sku="MUG", as_of=as_of, known_position=known)
    page = ask(day, lambda pool: stock(pool, asked, now=0))
    clocks = Asked(as_of=as_of, known_position=known)
    found = ask(day, lambda pool: documents.get(pool, RESERVATIONS, ORDER, clocks, now=0))

    assert [(on_hand, reserved)] == [(one.on_hand, one.reserved) for one in page.items]
    assert order == (None if found.answer is None else found.answer.status)
