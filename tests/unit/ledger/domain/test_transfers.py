"""Transfers: what was asked for, what left, what arrived, and what is still on its way."""

import pytest

from ledger.domain.events import (
    ConflictOpened,
    StockDispatched,
    StockTransferReceived,
    StockTransferReturned,
    StockTransferSurplus,
    TransferCancelled,
    TransferClosed,
    TransferDispatched,
    TransferReceived,
    TransferRequested,
)
from ledger.domain.outcomes import TransferState
from ledger.domain.refusals import Forbidden, IdTaken, IllegalState, Malformed, NotFound
from tests.support.builders import received, reserved
from tests.support.catalogs import may, place, service
from tests.support.given import Step, Then, given, happened
from tests.support.manual_clock import START
from tests.support.transfers import (
    END,
    arrived,
    cancel,
    close,
    dispatch,
    of_sku,
    receive,
    request,
)

SECOND = 1_000_000
TEN = (received(10), request("t-1", of_sku(5)))
UNDER_WAY = (*TEN, dispatch("t-1"))


def line_of(then: Then, sku: str = "MUG") -> dict[str, int]:
    """The answered line of a SKU, without what is zero."""
    outcome = then.decision.outcome
    assert isinstance(outcome, TransferState)
    (line,) = (line for line in outcome.lines if line.sku == sku)
    numbers = {name: getattr(line, name) for name in line.__struct_fields__ if name != "sku"}
    assert line.dispatched == (
        line.received + line.damaged + line.lost + line.returned + line.in_transit
    )
    return {name: number for name, number in numbers.items() if number}


# --- asking -------------------------------------------------------------------------------------


def test_a_request_holds_nothing() -> None:
    """It is a plan: all ten can still be promised to others."""
    then = given(received(10)).when(request("t-1", of_sku(5)))

    then.then(happened(TransferRequested, from_location="ams-1", to_location=END))
    then.answering(status="requested").leaving(sellable=10, available=10)
    assert {"requested": 5} == line_of(then)


def test_lines_of_one_sku_are_added_up() -> None:
    """In every command of a transfer."""
    then = given(request("t-1", of_sku(2), of_sku(3))).when(dispatch("t-1", of_sku(1), of_sku(1)))
    assert {"requested": 5, "dispatched": 2, "in_transit": 2} == line_of(then)

    again = then.when(receive("t-1", arrived(1), arrived(damaged=1)))
    assert {"requested": 5, "dispatched": 2, "received": 1, "damaged": 1} == line_of(again)


def test_the_same_request_again_decides_nothing() -> None:
    """Whatever the order of its lines, and whatever has happened since."""
    lamp = of_sku(1, "LAMP")
    then = given(request("t-1", of_sku(5), lamp), dispatch("t-1", of_sku(2))).when(
        request("t-1", lamp, of_sku(5))
    )

    then.then_nothing().answering(status="partially_dispatched")


@pytest.mark.parametrize(
    "other",
    [
        request("t-1", of_sku(4)),
        request("t-1", of_sku(5), of_sku(1, "LAMP")),
        request("t-1", of_sku(5), to="lon-3"),
        request("t-1", of_sku(5), source="lon-3"),
    ],
)
def test_an_id_names_one_transfer(other: Step) -> None:
    """With other content it is taken."""
    given(*TEN).when(other).then_refused(IdTaken, what="transfer", id="t-1")


def test_goods_move_between_two_locations() -> None:
    """Not from a place to itself."""
    given().when(request("t-1", of_sku(5), to="ams-1")).then_refused(Malformed, path="$.to")


# --- leaving ------------------------------------------------------------------------------------


def test_dispatched_units_leave_the_source_and_are_in_transit() -> None:
    """They are nobody's shelf until they arrive."""
    then = given(*TEN).when(dispatch("t-1"))

    then.then(
        happened(StockDispatched, location="ams-1", to_location=END, quantity=5, transfer_id="t-1"),
        happened(TransferDispatched, transfer_id="t-1"),
    ).answering(status="dispatched").leaving(sellable=5).leaving("MUG", END, sellable=0)
    assert {"requested": 5, "dispatched": 5, "in_transit": 5} == line_of(then)


def test_a_transfer_may_leave_in_parts() -> None:
    """Without lines, what had not left yet leaves."""
    then = given(*TEN).when(dispatch("t-1", of_sku(2)))
    then.answering(status="partially_dispatched")

    then.when(dispatch("t-1")).then(
        happened(StockDispatched, quantity=3), happened(TransferDispatched)
    ).answering(status="dispatched")


def test_more_than_was_asked_for_may_leave() -> None:
    """It did: the document shows more dispatched than requested, and SKUs nobody asked for."""
    then = given(*TEN).when(dispatch("t-1", of_sku(7), of_sku(1, "LAMP")))

    then.answering(status="dispatched")
    assert {"requested": 5, "dispatched": 7, "in_transit": 7} == line_of(then)
    assert {"dispatched": 1, "in_transit": 1} == line_of(then, "LAMP")


def test_nothing_is_left_to_leave_without_being_named() -> None:
    """All that was asked for is on its way already."""
    given(*UNDER_WAY).when(dispatch("t-1")).then_refused(
        IllegalState, state="dispatched", asked="dispatch"
    )


def test_what_left_is_recorded_even_if_it_was_not_there() -> None:
    """A fact opens a conflict; it is not turned away."""
    then = given(request("t-1", of_sku(5))).when(dispatch("t-1"))

    then.then(
        happened(StockDispatched),
        happened(ConflictOpened, kind="negative_stock", short=5),
        happened(TransferDispatched),
    ).leaving(sellable=-5)


def test_what_left_may_have_been_promised() -> None:
    """The promise is broken, and the caller is told."""
    then = given(received(10), reserved("order-1", 8), request("t-1", of_sku(5))).when(
        dispatch("t-1")
    )

    then.broken({"order-1": 3})
    outcome = then.decision.outcome
    assert isinstance(outcome, TransferState)
    assert ["promise_broken"] == [note.kind for note in outcome.conflicts]


def test_a_dispatch_happens_when_it_says() -> None:
    """Like any fact; what claims to lie ahead counts as now, and too far ahead people are told."""
    late = given(*TEN).when(dispatch("t-1", occurred_at=START - SECOND))
    late.then(
        happened(StockDispatched, occurred_at=START - SECOND, effective_at=START + SECOND),
        happened(TransferDispatched, occurred_at=START - SECOND),
    )
    now = START + 3 * SECOND
    ahead = given(*TEN).when(dispatch("t-1", occurred_at=now + 400 * SECOND))
    ahead.then(
        happened(StockDispatched, occurred_at=now),
        happened(TransferDispatched, occurred_at=now),
        happened(ConflictOpened, kind="clock_skew", short=400 * SECOND, location="ams-1"),
    )
    assert now + 400 * SECOND == ahead.decision.effects[0].cause.claimed_at


# --- arriving -----------------------------------------------------------------------------------


def test_units_arrive_in_every_condition() -> None:
    """Received for sale, damaged apart, lost written off, returned to the source's quarantine."""
    then = given(*UNDER_WAY).when(receive("t-1", arrived(1, damaged=1, lost=1, returned=1)))

    then.then(
        happened(StockTransferReceived, location=END, received=1, damaged=1, lost=1),
        happened(StockTransferReturned, location="ams-1", quantity=1, to_location=END),
        happened(TransferReceived, transfer_id="t-1"),
    ).answering(status="partially_received")
    then.leaving("MUG", END, sellable=1, damaged=1, on_hand=2)
    then.leaving(sellable=5, quarantine=1)
    assert {
        "requested": 5,
        "dispatched": 5,
        "received": 1,
        "damaged": 1,
        "lost": 1,
        "returned": 1,
        "in_transit": 1,
    } == line_of(then)


def test_without_lines_all_that_is_on_its_way_arrived_well() -> None:
    """What left is what arrives, not what was planned."""
    then = given(*TEN, dispatch("t-1", of_sku(3))).when(receive("t-1"))

    then.answering(status="partially_received").leaving("MUG", END, sellable=3)
    assert {"requested": 5, "dispatched": 3, "received": 3} == line_of(then)
    then.when(receive("t-1")).then_refused(
        IllegalState, state="partially_received", asked="receive"
    )


def test_a_transfer_is_received_once_all_that_was_asked_for_left_and_nothing_is_under_way() -> None:
    """In as many parts as it takes."""
    then = given(*UNDER_WAY).when(receive("t-1", arrived(2)))
    then.answering(status="partially_received")

    then.when(receive("t-1", arrived(2, lost=1))).answering(status="received")


def test_more_than_left_is_a_surplus() -> None:
    """The goods are there, for sale; what nobody sent comes from the variance."""
    then = given(*UNDER_WAY).when(receive("t-1", arrived(7)))

    then.then(
        happened(StockTransferReceived, received=7),
        happened(StockTransferSurplus, location=END, delta=2, transfer_id="t-1"),
        happened(TransferReceived),
    ).answering(status="received").leaving("MUG", END, sellable=7)
    assert {"requested": 5, "dispatched": 5, "received": 5, "surplus": 2} == line_of(then)


def test_goods_nobody_sent_are_a_surplus_altogether() -> None:
    """Also of a SKU that the transfer does not name."""
    then = given(*UNDER_WAY).when(receive("t-1", arrived(3, sku="LAMP", damaged=1)))

    then.leaving("LAMP", END, sellable=3, damaged=1)
    assert {"surplus": 4} == line_of(then, "LAMP")


def test_a_return_of_what_never_left_is_a_surplus_too() -> None:
    """It stands in the source's quarantine all the same."""
    then = given(*TEN).when(receive("t-1", arrived(returned=2)))

    then.then(
        happened(StockTransferReturned, location="ams-1", quantity=2),
        happened(StockTransferSurplus, location=END, delta=2),
        happened(TransferReceived),
    ).leaving(quarantine=2)
    assert {"requested": 5, "surplus": 2} == line_of(then)


def test_a_dispatch_reported_later_explains_the_surplus() -> None:
    """The surplus ends where it began: at the business time of the arrival."""
    at = START + 3 * SECOND
    then = given(*TEN, receive("t-1", arrived(6))).when(
        dispatch("t-1", occurred_at=START + 2 * SECOND)
    )

    then.then(
        happened(StockDispatched, quantity=5, occurred_at=START + 2 * SECOND),
        happened(StockTransferSurplus, delta=-5, occurred_at=at),
        happened(TransferDispatched),
    ).answering(status="received")
    assert {"requested": 5, "dispatched": 5, "received": 5, "surplus": 1} == line_of(then)


def test_what_left_covers_the_earliest_arrivals_first() -> None:
    """An arrival reported late takes units from a later one, and the surplus moves there."""
    late = START + 2 * SECOND
    first = START + 4 * SECOND
    then = given(*UNDER_WAY, receive("t-1", arrived(4))).when(
        receive("t-1", arrived(3), occurred_at=late)
    )

    then.then(
        happened(StockTransferReceived, received=3, occurred_at=late),
        happened(StockTransferSurplus, delta=2, occurred_at=first),
        happened(TransferReceived, occurred_at=late),
    )


def test_an_arrival_from_the_future_is_told() -> None:
    """At the destination, where its clock stands."""
    ahead = START + 10_000 * SECOND
    then = given(*UNDER_WAY).when(receive("t-1", arrived(5), occurred_at=ahead))

    kinds = [type(event).__name__ for event in then.decision.events]
    assert ["StockTransferReceived", "TransferReceived", "ConflictOpened"] == kinds
    skew = then.decision.events[-1]
    assert isinstance(skew, ConflictOpened)
    assert ("clock_skew", END) == (skew.kind, skew.location)


# --- ending -------------------------------------------------------------------------------------


def test_a_request_may_be_given_up() -> None:
    """Once, and as often as somebody repeats it."""
    then = given(*TEN).when(cancel("t-1"))
    then.then(happened(TransferCancelled, transfer_id="t-1")).answering(status="cancelled")

    then.when(cancel("t-1")).then_nothing().answering(status="cancelled")


def test_a_transfer_ends_when_nothing_is_under_way() -> None:
    """Also one of which less left than was asked for; once, however often it is repeated."""
    then = given(*TEN, dispatch("t-1", of_sku(2)), receive("t-1")).when(close("t-1"))
    then.then(happened(TransferClosed, transfer_id="t-1")).answering(status="closed")

    then.when(close("t-1")).then_nothing().answering(status="closed")


@pytest.mark.parametrize(
    ("before", "asked", "state"),
    [
        (UNDER_WAY, cancel("t-1"), "dispatched"),
        ((*TEN, dispatch("t-1", of_sku(1))), cancel("t-1"), "partially_dispatched"),
        ((*TEN, receive("t-1", arrived(1))), cancel("t-1"), "partially_received"),
        ((*UNDER_WAY, receive("t-1")), cancel("t-1"), "received"),
        ((*UNDER_WAY, receive("t-1"), close("t-1")), cancel("t-1"), "closed"),
        ((*UNDER_WAY, receive("t-1"), close("t-1")), dispatch("t-1", of_sku(1)), "closed"),
        ((*UNDER_WAY, receive("t-1"), close("t-1")), receive("t-1", arrived(1)), "closed"),
        ((*TEN, cancel("t-1")), dispatch("t-1"), "cancelled"),
        ((*TEN, cancel("t-1")), receive("t-1", arrived(1)), "cancelled"),
        ((*TEN, cancel("t-1")), close("t-1"), "cancelled"),
        (TEN, close("t-1"), "requested"),
    ],
)
def test_a_state_that_does_not_allow_it_refuses(
    before: tuple[Step, ...], asked: Step, state: str
) -> None:
    """Nothing is given up that moved, nothing moves that has ended."""
    given(*before).when(asked).then_refused(IllegalState, what="transfer", id="t-1", state=state)


def test_closing_says_what_is_still_under_way() -> None:
    """Units are found or written off first."""
    given(*UNDER_WAY, receive("t-1", arrived(2))).when(close("t-1")).then_refused(
        IllegalState, state="partially_received", asked="close", in_transit=3
    )


@pytest.mark.parametrize(
    "asked",
    [dispatch("t-9"), receive("t-9", arrived(1)), cancel("t-9"), close("t-9")],
)
def test_nothing_happens_to_a_transfer_nobody_knows(asked: Step) -> None:
    """It is requested first."""
    given().when(asked).then_refused(NotFound, what="transfer", id="t-9")


# --- who, and of what ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "fact", "asked"),
    [
        ("ams-1", "transfer_dispatch", dispatch("t-1")),
        (END, "transfer_receipt", receive("t-1", arrived(1))),
    ],
)
def test_each_end_may_have_its_own_reporter(where: str, fact: str, asked: Step) -> None:
    """A location says who asserts what happens there; the other end is none of its business."""
    rule = place(where, authority=may(**{fact: "wms-1"}))
    other = place(END if where == "ams-1" else "ams-1", authority=may(**{fact: "wms-1"}))

    given(*TEN, rule).when(asked).then_refused(Forbidden, asked=fact, location=where)
    given(*TEN, other).when(asked).answering(transfer_id="t-1")


def test_a_transfer_is_of_goods() -> None:
    """No stock is kept of a service, so none is on its way."""
    then = given(service()).when(request("t-1", of_sku(5), of_sku(1, "WRAPPING")))
    assert {"requested": 5} == line_of(then)

    given(service()).when(request("t-1", of_sku(1, "WRAPPING"))).then_refused(Malformed)
