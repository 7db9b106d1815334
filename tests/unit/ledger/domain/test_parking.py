"""Facts about what nobody has defined yet: kept whole, recorded later as if they had come later."""

from itertools import permutations
from typing import Any

import pytest

from ledger.domain.commands import AnyCommand, RecordMovements
from ledger.domain.conflict import CLOCK_SKEW, UNKNOWN_ITEM
from ledger.domain.events import (
    ConflictCleared,
    ConflictOpened,
    ConflictResolved,
    MovementVoided,
    SaleVoided,
    StockEvent,
    StockReceived,
    StockSold,
)
from ledger.domain.refusals import InexactUnit, NotFound
from tests.support.builders import (
    adjust,
    fulfil,
    line,
    named,
    receive,
    reserve,
    resolve,
    sell,
    together,
    void,
)
from tests.support.catalogs import define, may, packs, place, released, service, stated
from tests.support.given import By, Given, Ledger, happened, strictly_given
from tests.support.manual_clock import moment


def _parked(ledger: Ledger) -> list[str]:
    """The conflicts that keep a fact, in the order of their opening."""
    return [
        event.conflict_id
        for events in ledger.streams.values()
        for event in events
        if isinstance(event, ConflictOpened) and event.kind == UNKNOWN_ITEM
    ]


def _sweep(given: Given) -> None:
    """Ask for the release of all that waits, as the sweeper does."""
    for conflict_id in _parked(given.ledger):
        given.when(By("sweeper", released(conflict_id)))


def test_a_fact_about_an_unknown_item_waits_whole() -> None:
    """It is answered and durable; the stock is as it was until the item is known."""
    outcome = strictly_given().when(receive(5, reference="PO-1"))

    outcome.then(happened(ConflictOpened, kind=UNKNOWN_ITEM, sku="MUG", location="ams-1", short=1))
    result = outcome.decision.outcome.results[0]  # type: ignore[union-attr]
    assert ("parked", 1, UNKNOWN_ITEM) == (
        result.status,
        result.version,
        result.conflicts[0].kind,
    )


@pytest.mark.parametrize("definitions", [[define()], [place()], []])
def test_a_fact_waits_until_both_sku_and_location_are_defined(
    definitions: list[AnyCommand],
) -> None:
    """One of the two is not enough."""
    ledger = strictly_given(receive(5), *definitions)

    ledger.when(released(_parked(ledger.ledger)[0])).then_refused(NotFound)


def test_a_released_fact_stands_at_the_time_it_happened() -> None:
    """Recorded late, never as of its release; the conflict ends in the same commit."""
    at = moment(-60)
    ledger = strictly_given(receive(5, occurred_at=at, reference="PO-1"), define(), place())

    outcome = ledger.when(released(_parked(ledger.ledger)[0]))

    outcome.then(
        happened(ConflictResolved, kind=UNKNOWN_ITEM, resolution="release"),
        happened(StockReceived, quantity=5, occurred_at=at),
    ).leaving(sellable=5)
    cause = outcome.decision.effects[1].cause
    assert ("PO-1", "till-7", "command-1/0") == (cause.reference, cause.owner, cause.movement_id)


def test_a_fact_without_a_time_happened_when_it_was_reported() -> None:
    """Waiting does not make a sale younger."""
    ledger = strictly_given(sell(1), define(), place())

    ledger.when(released(_parked(ledger.ledger)[0])).then(
        happened(ConflictResolved),
        happened(StockSold, occurred_at=moment(1)),
        happened(ConflictOpened, kind="negative_stock"),
    )


def test_a_parked_fact_is_released_once() -> None:
    """Whoever asks again is told that it has ended, and nothing is recorded twice."""
    ledger = strictly_given(receive(5), define(), place())
    parked = _parked(ledger.ledger)[0]

    ledger.when(released(parked), released(parked)).then_nothing().leaving(sellable=5)


def test_people_release_a_parked_fact_by_their_word_or_let_it_go() -> None:
    """`release` records it with their note; any other word closes it and records nothing."""
    ledger = strictly_given(receive(5), receive(3), define(), place())
    first, second = _parked(ledger.ledger)

    ledger.when(resolve(first, "release")).then(
        happened(ConflictResolved, resolution="release"), happened(StockReceived, quantity=5)
    )
    ledger.when(resolve(second, "dismiss")).then(
        happened(ConflictResolved, resolution="dismiss")
    ).leaving(sellable=5)
    ledger.when(released(second)).then_nothing()


def test_people_are_told_why_a_fact_cannot_be_released() -> None:
    """It goes on waiting: they may put the definition right."""
    ledger = strictly_given(receive(**stated("1", "crate")), place())
    parked = _parked(ledger.ledger)[0]

    ledger.when(resolve(parked, "release")).then_refused(NotFound, what="sku")
    ledger.when(define(), resolve(parked, "release")).then_refused(InexactUnit, uom="crate")
    ledger.when(define(packs=packs(crate=6)), resolve(parked, "release")).leaving(sellable=6)


def test_a_quantity_in_packs_waits_in_the_words_of_its_reporter() -> None:
    """Nobody knows what a case holds until the SKU is defined."""
    ledger = strictly_given(receive(**stated("2", "case")), place(), define(packs=packs(case=12)))

    _sweep(ledger)
    assert 24 == ledger.ledger.stock().sellable


@pytest.mark.parametrize(
    ("fact", "definition"),
    [
        (receive(**stated("1", "crate")), define()),
        (receive(5, source="till-7"), place(authority=may(receive="wms-1"))),
        (adjust(-1, expected_on_hand=4), define()),
        (void("key-1/0", 1), define()),
    ],
)
def test_what_would_have_been_refused_ends_as_refused(
    fact: RecordMovements, definition: AnyCommand
) -> None:
    """The reason is the note; the stock is as if the fact had come after the definition."""
    ledger = strictly_given(fact, define(), place(), definition)

    ledger.when(released(_parked(ledger.ledger)[0])).then(
        happened(ConflictResolved, resolution="refused")
    ).leaving(on_hand=0)


def test_a_parked_fact_about_a_service_ends_without_effect() -> None:
    """What turned out to be gift wrapping was never stock."""
    ledger = strictly_given(sell(1, sku="WRAPPING"), place(), service())

    ledger.when(released(_parked(ledger.ledger)[0])).then(
        happened(ConflictResolved, resolution="not_stocked")
    )


def test_a_released_sale_can_be_voided_by_who_reported_it() -> None:
    """It goes by the id under which it was reported, in the name space of its reporter."""
    ledger = strictly_given(
        named("ticket-1", sell(2)), named("void-1", void("ticket-1", 1)), define(), place()
    )

    _sweep(ledger)
    ledger.when(void("ticket-1", 1)).then(
        happened(SaleVoided, quantity=1, occurred_at=moment(1)),
        happened(ConflictCleared, kind="negative_stock"),
        happened(MovementVoided),
    ).leaving(sellable=0)


def test_a_clock_that_is_ahead_is_seen_when_the_fact_arrives() -> None:
    """The claim is judged by the instant of the report, not by that of the release."""
    ledger = strictly_given(receive(5, occurred_at=moment(3_600)), define(), place())

    kinds = [
        event.kind
        for events in ledger.ledger.streams.values()
        for event in events
        if isinstance(event, ConflictOpened)
    ]
    assert [UNKNOWN_ITEM, CLOCK_SKEW] == kinds
    ledger.when(released(_parked(ledger.ledger)[0])).then(
        happened(ConflictResolved), happened(StockReceived, occurred_at=moment(1))
    )


def test_goods_that_left_with_a_promise_wait_as_its_sale() -> None:
    """The known line is fulfilled, the unknown one waits, and is the reservation's once known."""
    ledger = strictly_given(define(), place(), receive(5), reserve("order-1", 2))

    outcome = ledger.when(fulfil("order-1", line(2), line(1, sku="LAMP")))

    assert (UNKNOWN_ITEM,) == tuple(n.kind for n in outcome.decision.outcome.conflicts)  # type: ignore[union-attr]
    outcome.leaving(sellable=3, reserved=0)
    ledger.when(define("LAMP"), released(_parked(ledger.ledger)[0])).then(
        happened(ConflictResolved, resolution="release"),
        happened(StockSold, sku="LAMP", reservation_id="order-1"),
        happened(ConflictOpened, kind="negative_stock"),
        happened(ConflictOpened, kind="fulfilled_without_hold"),
    )


def test_a_batch_records_what_is_known_beside_what_waits() -> None:
    """All of it is accepted in one commit."""
    strictly_given(define(), place()).when(together(receive(5), receive(3, sku="LAMP"))).then(
        happened(StockReceived, sku="MUG"), happened(ConflictOpened, kind=UNKNOWN_ITEM)
    )


_FACTS: list[AnyCommand] = [
    named("r-1", receive(10, occurred_at=moment(-50))),
    named("s-1", sell(4, occurred_at=moment(-40), sku="mug")),
    named("v-1", void("s-1", 1, occurred_at=moment(-30))),
]
_DEFINITIONS: list[AnyCommand] = [define(case_policy="upper"), place()]


@pytest.mark.parametrize("place_of_definitions", range(len(_FACTS) + 1))
@pytest.mark.parametrize("definitions", list(permutations(_DEFINITIONS)))
def test_a_fact_before_its_definition_comes_to_the_same_as_one_after(
    place_of_definitions: int, definitions: tuple[AnyCommand, ...]
) -> None:
    """Levels at any time and what became of the sale do not depend on who was first."""
    before, after = _FACTS[:place_of_definitions], _FACTS[place_of_definitions:]
    ledger = strictly_given(*before, *definitions)
    _sweep(ledger)

    for fact in after:
        ledger.when(fact)

    found: dict[str, Any] = {
        type(event).__name__: (event.occurred_at, event.sku)
        for event in ledger.ledger.streams["stock/ams-1/MUG"]
        if isinstance(event, StockEvent)
    }
    assert 7 == ledger.ledger.stock().sellable
    assert {
        "StockReceived": (moment(-50), "MUG"),
        "StockSold": (moment(-40), "MUG"),
        "SaleVoided": (moment(-40), "MUG"),
    } == found
