"""What becomes of every unit of a promise."""

from typing import Any

import pytest

from ledger.domain.events import (
    AnyReservationEvent,
    ExpiredHold,
    HoldsExpired,
    LineQuantity,
    PlacedLine,
    ReservationAmended,
    ReservationConfirmed,
    ReservationFulfilled,
    ReservationPlaced,
    ReservationReleased,
)
from projections.reservations.answers import LineAnswer
from projections.reservations.projection import Line, Reservation, fold, needed
from tests.unit.projections.builders import recorded

ORDER: dict[str, Any] = {"occurred_at": 5, "reservation_id": "order-1"}


def some(quantity: int) -> tuple[LineQuantity, ...]:
    return (LineQuantity(sku="MUG", location="ams-1", quantity=quantity),)


PLACED = ReservationPlaced(
    **ORDER,
    channel="web",
    kind="soft",
    expires_at=90,
    policy="partial",
    lines=(PlacedLine(sku="MUG", location="ams-1", requested=6, granted=4),),
)
FULFILLED_1 = ReservationFulfilled(**ORDER, lines=some(1))
FULFILLED_4 = ReservationFulfilled(**ORDER, lines=some(4))
RELEASED_3 = ReservationReleased(**ORDER, lines=some(3))
RELEASED_4 = ReservationReleased(**ORDER, lines=some(4))
CONFIRMED = ReservationConfirmed(**ORDER)
SWEPT = HoldsExpired(
    occurred_at=90,
    effective_at=90,
    location="ams-1",
    sku="MUG",
    holds=(ExpiredHold(reservation_id="order-1", quantity=3, expired_at=90),),
)


def after(*events: AnyReservationEvent | HoldsExpired) -> Reservation:
    return fold(recorded([PLACED, *events]), {})["order-1"]


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ((), "placed"),
        ((CONFIRMED,), "confirmed"),
        ((FULFILLED_1,), "partially_fulfilled"),
        ((FULFILLED_4,), "fulfilled"),
        ((FULFILLED_1, RELEASED_3), "released"),
        ((RELEASED_4,), "released"),
        ((FULFILLED_1, SWEPT), "expired"),
    ],
)
def test_a_terminal_status_names_what_took_the_last_open_unit(
    events: tuple[AnyReservationEvent | HoldsExpired, ...], status: str
) -> None:
    """Until then the status says how far the promise has come."""
    assert status == after(*events).status


@pytest.mark.parametrize(
    "events",
    [
        (FULFILLED_1, SWEPT),
        (FULFILLED_1, RELEASED_3),
        (ReservationAmended(**ORDER, lines=some(2)),),
        (ReservationAmended(**ORDER, lines=some(-2)), FULFILLED_1),
    ],
)
def test_granted_units_are_open_fulfilled_released_or_expired(
    events: tuple[AnyReservationEvent | HoldsExpired, ...],
) -> None:
    """Each unit leaves `open` once."""
    (line,) = after(*events).lines

    assert line.granted == line.open + line.fulfilled + line.released + line.expired


def test_only_reservations_placed_earlier_are_read() -> None:
    """What a batch places itself is known."""
    assert {"order-1"} == needed(recorded([CONFIRMED]))
    assert {"order-1"} == needed(recorded([SWEPT]))
    assert set() == needed(recorded([PLACED, CONFIRMED, SWEPT]))


def test_what_has_run_out_is_expired_in_the_answer_before_it_is_swept() -> None:
    """Expiry takes effect at its instant."""
    answer = LineAnswer.of(Line("ams-1", "MUG", 6, 4, 3, 1, 0, 0), gone=True)

    assert (0, 3, 2) == (answer.open, answer.expired, answer.rejected)
