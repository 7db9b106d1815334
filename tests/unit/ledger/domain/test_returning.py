"""Returns: what may come, what came, what becomes of it, and what is refused."""

from typing import get_args

import pytest

from ledger.domain.commands import AnyCommand
from ledger.domain.conflict import CLOCK_SKEW
from ledger.domain.events import (
    ConflictOpened,
    ReturnAuthorised,
    ReturnClosed,
    ReturnDispositioned,
    ReturnInspected,
    ReturnReceived,
    StockDispositioned,
    StockReturned,
)
from ledger.domain.outcomes import ReturnLineState, ReturnState
from ledger.domain.refusals import IdTaken, IllegalState, NotFound, Refusal
from ledger.domain.values import PHYSICAL_BUCKETS, Disposition
from tests.support.builders import move, receive
from tests.support.documents import (
    authorise,
    came,
    close_return,
    decided,
    disposition,
    inspect,
    units,
)
from tests.support.given import Then, given, happened
from tests.support.manual_clock import START

MOVES: dict[Disposition, str | None] = {
    "restock": "sellable",
    "refurbish": "quarantine",
    "repackage": "quarantine",
    "resale_hold": "quarantine",
    "damaged": "damaged",
    "return_to_vendor": None,
    "scrap": None,
    "recycle": None,
    "donate": None,
    "liquidate": None,
    "return_to_customer": None,
}
"""To which shelf units go; None where they leave the building."""


def line_of(then: Then, sku: str = "MUG") -> ReturnLineState:
    """The answered line of a SKU."""
    outcome = then.decision.outcome
    assert isinstance(outcome, ReturnState)
    return next(line for line in outcome.lines if line.sku == sku)


def test_a_return_is_authorised_received_inspected_dispositioned_and_closed() -> None:
    """Each step is an event of the return; what moves is an event of the stock, too."""
    then = given().when(authorise(units(2), order="A-1"))
    then.then(happened(ReturnAuthorised, order="A-1")).answering(status="authorised")

    then = given(authorise(units(2))).when(came(units(2)))
    then.then(
        happened(StockReturned, quantity=2, to_bucket="returned", return_id="rma-1"),
        happened(ReturnReceived, location="ams-1"),
    ).answering(status="received")
    then.when(inspect(2)).then(happened(ReturnInspected)).answering(status="inspected")
    done = then.when(disposition(decided(2, "restock")))
    done.then(
        happened(StockDispositioned, quantity=2, to_bucket="sellable", disposition="restock"),
        happened(ReturnDispositioned),
    ).answering(status="dispositioned").leaving(returned=0, sellable=2)
    done.when(close_return()).then(happened(ReturnClosed)).answering(status="closed")


STATUSES: list[tuple[str, list[AnyCommand], str]] = [
    ("nothing came", [], "authorised"),
    ("some came", [came(units(2))], "partially_received"),
    ("all came", [came(units(3))], "received"),
    ("more came", [came(units(4))], "received"),
    ("some were looked at", [came(units(3)), inspect(1)], "partially_inspected"),
    ("all were looked at", [came(units(2)), inspect(2)], "inspected"),
    (
        "some were decided",
        [came(units(3)), disposition(decided(1, "scrap"))],
        "partially_dispositioned",
    ),
    ("all were decided", [came(units(2)), disposition(decided(2, "scrap"))], "dispositioned"),
    (
        "more came after all were decided",
        [came(units(2)), disposition(decided(2, "scrap")), came(units(1))],
        "partially_dispositioned",
    ),
    ("one will not come", [disposition(decided(1, "missing"))], "partially_dispositioned"),
    ("none will come", [disposition(decided(3, "credit_only"))], "dispositioned"),
    ("given up before anything came", [close_return()], "closed"),
]


@pytest.mark.parametrize(("name", "steps", "status"), STATUSES, ids=[row[0] for row in STATUSES])
def test_a_return_says_where_it_stands(name: str, steps: list[AnyCommand], status: str) -> None:
    """The furthest step that has begun; `partially_` while units wait for it."""
    then = given(authorise(units(3))).when(*(steps or [authorise(units(3))]))

    then.answering(status=status)


@pytest.mark.parametrize("what", MOVES)
def test_a_disposition_moves_units_where_it_says(what: Disposition) -> None:
    """Out of `returned`, onto one shelf or out of the building; the sum stays zero."""
    then = given(authorise(units(3)), came(units(3))).when(disposition(decided(2, what)))

    target = MOVES[what]
    levels: dict[str, int] = dict.fromkeys(PHYSICAL_BUCKETS, 0)
    levels |= {"returned": 1} if target is None else {"returned": 1, target: 2}
    then.leaving(**levels)
    assert {what: 2} == line_of(then).dispositions


def test_every_disposition_has_its_row() -> None:
    """What moves nothing is tested below."""
    assert set(get_args(Disposition)) == {*MOVES, "credit_only", "missing"}


@pytest.mark.parametrize("what", ["credit_only", "missing"])
def test_what_is_credited_or_missing_moves_nothing(what: Disposition) -> None:
    """First of what never came, then of what did: those units stay where they are."""
    then = given(authorise(units(3)), came(units(2))).when(disposition(decided(2, what)))

    then.then(happened(ReturnDispositioned)).leaving(returned=2, on_hand=2)
    line = line_of(then)
    assert (1, 1, 0) == (line.waived, line.open, line.awaited)
    assert line.received + line.waived == sum(line.dispositions.values()) + line.open


def test_more_than_was_authorised_is_recorded_and_said() -> None:
    """Also of a SKU nobody had heard of: goods that arrived are a fact."""
    then = given(authorise(units(1))).when(came(units(3), units(1, "LAMP")))

    assert (1, 3, 2) == tuple(
        getattr(line_of(then), name) for name in ("authorised", "received", "excess")
    )
    lamp = line_of(then, "LAMP")
    assert (0, 1, 1) == (lamp.authorised, lamp.received, lamp.excess)


def test_lines_of_one_sku_are_added_up() -> None:
    """However a report cuts them."""
    then = given(authorise(units(1), units(2))).when(came(units(2), units(1)))

    then.then(happened(StockReturned, quantity=3), happened(ReturnReceived))
    assert (3, 3) == (line_of(then).authorised, line_of(then).received)


def test_units_are_taken_where_they_came_first_unless_a_place_is_named() -> None:
    """Of several places the one that received first."""
    ledger = given(authorise(units(4)), came(units(2)), came(units(2), location="nyc-2"))

    ledger.when(disposition(decided(3, "restock"))).leaving("MUG", "ams-1", sellable=2).leaving(
        "MUG", "nyc-2", sellable=1, returned=1
    )
    ledger.when(disposition(decided(1, "scrap", location="nyc-2"))).leaving(
        "MUG", "nyc-2", returned=0
    )


REFUSED: list[tuple[str, list[AnyCommand], AnyCommand, type[Refusal], dict[str, object]]] = [
    ("an unknown return", [], came(units(1)), NotFound, {"what": "return", "id": "rma-1"}),
    ("an unknown return closed", [], close_return(), NotFound, {"what": "return"}),
    (
        "another return under its id",
        [authorise(units(3))],
        authorise(units(2)),
        IdTaken,
        {"what": "return", "id": "rma-1"},
    ),
    (
        "the same for another order",
        [authorise(units(3))],
        authorise(units(3), order="A-1"),
        IdTaken,
        {},
    ),
    (
        "more looked at than came",
        [authorise(units(3)), came(units(2)), inspect(1)],
        inspect(2),
        IllegalState,
        {"state": "partially_inspected", "sku": "MUG", "requested": 2, "uninspected": 1},
    ),
    (
        "more decided than came",
        [authorise(units(3)), came(units(2))],
        disposition(decided(3, "restock")),
        IllegalState,
        {"state": "partially_received", "sku": "MUG", "requested": 3, "open": 2},
    ),
    (
        "decided twice",
        [authorise(units(2)), came(units(2)), disposition(decided(2, "scrap"))],
        disposition(decided(1, "restock")),
        IllegalState,
        {"state": "dispositioned", "requested": 1, "open": 0},
    ),
    (
        "more decided than came in lines together",
        [authorise(units(3)), came(units(2))],
        disposition(decided(1, "restock"), decided(2, "scrap")),
        IllegalState,
        {"requested": 2, "open": 1},
    ),
    (
        "more decided than lies at the place named",
        [authorise(units(3)), came(units(3))],
        disposition(decided(1, "restock", location="nyc-2")),
        IllegalState,
        {"location": "nyc-2", "requested": 1, "open": 0},
    ),
    (
        "more missing than was to come",
        [authorise(units(1))],
        disposition(decided(2, "missing")),
        IllegalState,
        {"requested": 2, "open": 1},
    ),
    (
        "closed with units undecided",
        [authorise(units(1)), came(units(2))],
        close_return(),
        IllegalState,
        {"state": "received", "asked": "close", "open": 2},
    ),
    (
        "received after it was closed",
        [authorise(units(1)), close_return()],
        came(units(1)),
        IllegalState,
        {"state": "closed", "asked": "receive"},
    ),
    (
        "looked at after it was closed",
        [authorise(units(1)), close_return()],
        inspect(1),
        IllegalState,
        {"state": "closed", "asked": "inspect"},
    ),
    (
        "decided after it was closed",
        [authorise(units(1)), close_return()],
        disposition(decided(1, "missing")),
        IllegalState,
        {"state": "closed", "asked": "disposition"},
    ),
]


@pytest.mark.parametrize(
    ("name", "before", "asked", "kind", "facts"), REFUSED, ids=[row[0] for row in REFUSED]
)
def test_what_a_return_does_not_allow_is_refused_with_the_numbers(
    name: str,
    before: list[AnyCommand],
    asked: AnyCommand,
    kind: type[Refusal],
    facts: dict[str, object],
) -> None:
    """Nothing of it is recorded."""
    given(*before).when(asked).then_refused(kind, **facts)


REPEATED: list[tuple[str, list[AnyCommand], AnyCommand]] = [
    ("authorised again", [authorise(units(1), units(1))], authorise(units(2))),
    ("closed again", [authorise(units(2)), close_return()], close_return()),
]


@pytest.mark.parametrize(("name", "before", "asked"), REPEATED, ids=[row[0] for row in REPEATED])
def test_what_is_so_already_decides_nothing(
    name: str, before: list[AnyCommand], asked: AnyCommand
) -> None:
    """Accepted, with the state as the answer."""
    given(*before).when(asked).then_nothing()


def test_a_disposition_of_units_that_somebody_moved_is_a_conflict_of_the_stock() -> None:
    """The document knows what came; that the shelf is empty is for people to look at."""
    before = (authorise(units(2)), came(units(2)), move(2, "returned", "damaged"))

    then = given(*before).when(disposition(decided(2, "restock")))

    then.conflicting("negative_stock", {"returned": 2})


def test_a_late_receipt_stands_at_its_own_time() -> None:
    """Any lateness is accepted."""
    then = given(receive(5), authorise(units(1))).when(came(units(1), occurred_at=START))

    then.then(happened(StockReturned, occurred_at=START), happened(ReturnReceived))


def test_a_receipt_far_in_the_future_is_recorded_with_a_conflict() -> None:
    """It counts as now, and people are told."""
    ahead = START + 3_600 * 1_000_000

    then = given(authorise(units(1))).when(came(units(1), occurred_at=ahead))

    then.then(
        happened(StockReturned),
        happened(ReturnReceived),
        happened(ConflictOpened, kind=CLOCK_SKEW),
    )
