"""A count is an anchor: the shelf was seen, and nothing that comes in later unsees it."""

from itertools import permutations

import pytest

from ledger.domain.commands import RecordMovements
from ledger.domain.events import (
    ConflictCleared,
    ConflictOpened,
    HoldFulfilled,
    MovementCancelled,
    MovementVoided,
    ReservationFulfilled,
    SaleVoided,
    StockAbsorbed,
    StockCountCancelled,
    StockCounted,
    StockMoved,
    StockReceived,
    StockSold,
    postings,
)
from ledger.domain.refusals import IllegalState, NotFound
from tests.support.arrivals import Deed, orders
from tests.support.builders import (
    cancel,
    correct,
    count,
    fulfil,
    move,
    named,
    receive,
    received,
    reserved,
    scrap,
    sell,
    sold,
    together,
    void,
)
from tests.support.catalogs import define, place, released
from tests.support.definition import Movement, Seen, Truth
from tests.support.given import By, Given, Ledger, Wait, given, happened, strictly_given
from tests.support.manual_clock import moment

DAY = 86_400
SELLABLE = ("ams-1", "sellable")


def day(number: float) -> int:
    """Noon of a day long before these tests begin."""
    return moment((number - 30) * DAY)


def _received(name: str, on: int, quantity: int) -> Deed:
    def tell(truth: Truth) -> None:
        truth.movements[name] = Movement(day(on), ((SELLABLE, 1),), quantity)

    return Deed(name, named(name, receive(quantity, occurred_at=day(on))), tell)


def _counted(name: str, on: int, number: int) -> Deed:
    def tell(truth: Truth) -> None:
        truth.counts[name] = Seen(day(on), SELLABLE, number)

    return Deed(name, named(name, count(number, occurred_at=day(on))), tell)


def _level(ledger: Ledger, at: int) -> int:
    return sum(
        (event.occurred_at <= at) * delta
        for stream in ledger.streams.values()
        for event in stream
        for _, bucket, delta in postings(event)
        if bucket == "sellable"
    )


THE_DAYS = [_received("a", 1, 10), _received("b", 2, 1), _received("c", 4, 1)]
SIX = _counted("six", 3, 6)
EIGHT = _counted("eight", 0, 8)


def _cancelled(truth: Truth) -> None:
    del truth.counts["eight"]


NO_EIGHT = Deed("no-eight", cancel("eight"), _cancelled, "eight")


@pytest.mark.parametrize(
    ("deeds", "levels"),
    [
        (THE_DAYS, {0: 0, 1: 10, 3: 11, 4: 12}),
        ([*THE_DAYS, SIX], {0: 0, 1: 10, 2: 11, 3: 6, 4: 7}),
        ([*THE_DAYS, SIX, EIGHT], {0: 8, 1: 18, 2: 19, 3: 6, 4: 7}),
        ([*THE_DAYS, SIX, EIGHT, NO_EIGHT], {0: 0, 1: 10, 2: 11, 3: 6, 4: 7}),
    ],
)
def test_two_counts_between_three_receipts_read_the_same_in_every_order(
    deeds: list[Deed], levels: dict[int, int]
) -> None:
    """Twelve came in; six were counted on day 3, eight on day 0, and then those were not."""
    arrivals = list(orders(deeds))

    assert arrivals
    for arrival in arrivals:
        ledger, truth = Ledger(), Truth()
        for deed in arrival:
            assert ledger.take(deed.command).refusal is None
            deed.tell(truth)
            for at in truth.moments():
                assert truth.level(SELLABLE, at) == _level(ledger, at)
        assert levels == {number: _level(ledger, day(number)) for number in levels}


def test_a_count_posts_what_the_ledger_had_not_known() -> None:
    """Eleven by the books, nine on the shelf: two are missing, at the moment of the count."""
    given(received(11)).when(named("count-1", count(9))).then(
        happened(StockCounted, counted=9, delta=-2, count_id="count-1", occurred_at=moment(2))
    ).leaving(sellable=9)


def test_a_count_that_finds_what_was_known_stands_all_the_same() -> None:
    """Nobody would learn otherwise that the shelf was seen."""
    given(received(11)).when(count(11)).then(happened(StockCounted, counted=11, delta=0)).when(
        sell(3, occurred_at=moment(1.5))
    ).then(
        happened(StockSold, quantity=3),
        happened(StockAbsorbed, delta=3, anchor=2, occurred_at=moment(2)),
    ).leaving(sellable=11)


def test_what_happened_at_the_moment_of_a_count_had_been_seen_by_it() -> None:
    """Movements come before counts; an instant later they come after."""
    counted = given(received(11), count(11, occurred_at=moment(1)))

    counted.when(sell(3, occurred_at=moment(1))).leaving(sellable=11).when(
        sell(3, occurred_at=moment(1) + 1)
    ).then(happened(StockSold)).leaving(sellable=8)


def test_the_first_count_after_a_late_fact_absorbs_it() -> None:
    """The ones after it had been right, and stay so."""
    given(received(9), count(9), Wait(60), count(8), Wait(60), count(7)).when(
        sell(2, occurred_at=moment(30))
    ).then(
        happened(StockSold, occurred_at=moment(30)),
        happened(StockAbsorbed, anchor=3, delta=2, occurred_at=moment(63)),
    ).leaving(sellable=7)


def test_every_bucket_has_counts_of_its_own() -> None:
    """A late move between a counted bucket and another one changes only the other one."""
    given(received(9), count(9), Wait(60)).when(
        move(2, "sellable", "damaged", occurred_at=moment(1.5))
    ).then(
        happened(StockMoved),
        happened(StockAbsorbed, bucket="sellable", delta=2),
    ).leaving(sellable=9, damaged=2).when(
        scrap(1, bucket="damaged", occurred_at=moment(1.6))
    ).leaving(damaged=1)


def test_a_late_count_of_a_bucket_finds_the_level_of_its_time() -> None:
    """Sales since then are none of its business, and what it found stays found after them."""
    given(received(10), sold(3), sold(2)).when(count(9, occurred_at=moment(1.5))).then(
        happened(StockCounted, delta=-1, occurred_at=moment(1.5))
    ).leaving(sellable=4)


def test_a_count_before_another_one_changes_only_what_lies_between() -> None:
    """What it found is explained away at the next count."""
    given(received(10), count(10), Wait(60)).when(count(4, occurred_at=moment(1.5))).then(
        happened(StockCounted, delta=-6),
        happened(StockAbsorbed, delta=6, anchor=2),
    ).leaving(sellable=10)


def test_a_late_fact_that_a_count_had_seen_breaks_no_promise() -> None:
    """The units are there: somebody saw them."""
    given(received(5), reserved("order-1", 5), count(5)).when(
        sell(4, occurred_at=moment(1.5))
    ).then(happened(StockSold, conflicts=()), happened(StockAbsorbed)).broken({}).leaving(
        sellable=5, reserved=5
    )


def test_a_late_fact_that_no_count_had_seen_breaks_promises_as_ever() -> None:
    """The count was before it."""
    given(received(5), reserved("order-1", 5), count(5, occurred_at=moment(1.2))).when(
        sell(4, occurred_at=moment(1.5))
    ).then(happened(StockSold), happened(ConflictOpened, short=4)).broken({"order-1": 4})


def test_a_late_fulfilment_frees_the_shelf_that_was_counted() -> None:
    """The hold ends; the units it took had been gone when the count was made."""
    given(received(5), reserved("order-1", 3), Wait(10), count(2)).when(
        fulfil("order-1", occurred_at=moment(5))
    ).then(
        happened(HoldFulfilled, quantity=3),
        happened(StockAbsorbed, delta=3),
        happened(ConflictCleared),
        happened(ReservationFulfilled),
    ).broken({}).leaving(sellable=2, reserved=0)


def test_counting_below_what_is_promised_breaks_promises() -> None:
    """Counting is allowed while stock is reserved; the promises suffer, not the count."""
    given(received(5), reserved("order-1", 4)).when(count(1)).then(
        happened(StockCounted, delta=-4), happened(ConflictOpened, short=3)
    ).broken({"order-1": 3}).when(count(6)).then(
        happened(StockCounted, delta=5), happened(ConflictCleared)
    ).broken({})


def test_a_count_ends_a_negative_level() -> None:
    """Below zero is only ever a mistake of the books."""
    given(sold(3)).when(count(0)).then(
        happened(StockCounted, delta=3), happened(ConflictCleared)
    ).conflicting("negative_stock", {}).leaving(sellable=0)


def test_a_late_void_is_absorbed_by_a_count_in_between() -> None:
    """The sale had not taken place, the shelf was seen after it: nothing comes back."""
    given(received(9), named("sale-1", sold(4)), count(5)).when(void("sale-1", 4)).then(
        happened(SaleVoided, occurred_at=moment(2)),
        happened(StockAbsorbed, delta=-4, occurred_at=moment(3)),
        happened(MovementVoided),
    ).leaving(sellable=5)


# --- one count in the place of another ----------------------------------------------------------

NOON = {"occurred_at": moment(1.5)}
COUNTED = named("count-1", count(4, **NOON))


def test_a_second_count_of_the_same_moment_must_name_the_first() -> None:
    """Two people counted, or one typed twice: somebody has to say which is right."""
    given(received(9), COUNTED).when(count(5, **NOON)).then_refused(
        IllegalState, what="count", id="count-1", state="standing", counted=4
    )


def test_a_count_of_another_bucket_at_the_same_moment_is_another_count() -> None:
    """People count whole shelves at once."""
    given(received(9), COUNTED).when(count(5, bucket="damaged", **NOON)).leaving(
        sellable=4, damaged=5
    )


def test_a_count_that_replaces_another_takes_its_place_in_one_commit() -> None:
    """All that the first held is taken back, and the second finds the level without it."""
    given(received(9), COUNTED).when(count(5, replaces="count-1", **NOON)).then(
        happened(StockCountCancelled, anchor=2, delta=5),
        happened(StockCounted, counted=5, delta=-4),
        happened(MovementCancelled, movement_id="count-1", recorded=4, quantity=4),
    ).leaving(sellable=5)


def test_a_replacement_may_be_of_another_moment() -> None:
    """The right number at the wrong time is wrong, too."""
    given(received(9), sold(2), COUNTED).when(
        count(4, occurred_at=moment(2.5), replaces="count-1")
    ).then(
        happened(StockCountCancelled, delta=5, occurred_at=moment(1.5)),
        happened(StockCounted, counted=4, delta=-3, occurred_at=moment(2.5)),
        happened(MovementCancelled),
    ).leaving(sellable=4)


def test_a_promise_that_only_the_step_in_between_would_break_is_not_broken() -> None:
    """Only what a decision comes to is judged, so no conflict opens and clears in one commit."""
    given(received(2), named("count-1", count(9)), reserved("order-1", 8)).when(
        count(8, replaces="count-1", occurred_at=moment(2))
    ).then(
        happened(StockCountCancelled, conflicts=()),
        happened(StockCounted),
        happened(MovementCancelled),
    ).broken({})


@pytest.mark.parametrize("again", [count(7, replaces="count-1"), cancel("count-1")])
def test_a_count_ends_once(again: RecordMovements) -> None:
    """What was replaced or cancelled is not there to be replaced or cancelled again."""
    replaced = given(received(9), COUNTED, count(5, replaces="count-1", **NOON))

    replaced.when(again).then_refused(
        IllegalState, what="movement", id="count-1", state="cancelled"
    )


def test_only_a_count_of_the_same_bucket_can_be_replaced() -> None:
    """A sale is no count, and a count of damaged goods none of those for sale."""
    before = given(received(9), named("sale-1", sold(2)), COUNTED)

    before.when(count(5, replaces="sale-1")).then_refused(IllegalState, id="sale-1")
    before.when(count(5, bucket="damaged", replaces="count-1")).then_refused(
        IllegalState, id="count-1", state="a count of sellable"
    )
    before.when(count(5, replaces="count-9")).then_refused(NotFound, id="count-9")
    before.when(By("till-8", count(5, replaces="count-1"))).then_refused(NotFound, id="count-1")


def test_counts_and_what_they_absorb_work_within_one_batch() -> None:
    """A shop that was offline sends counts, sales and their corrections together."""
    given(received(10)).when(
        together(
            named("sale-1", sell(1, occurred_at=moment(1.1))),
            named("count-1", count(8, occurred_at=moment(1.5))),
            sell(2, occurred_at=moment(1.2)),
            count(3, occurred_at=moment(1.2)),
            count(7, replaces="count-1", occurred_at=moment(1.5)),
            void("sale-1", 1),
        )
    ).leaving(sellable=7).when(receive(1, occurred_at=moment(1.6))).then(
        happened(StockReceived)
    ).leaving(sellable=8)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_what_waited_for_the_catalog_is_counted_as_if_it_had_not(order: tuple[int, ...]) -> None:
    """A receipt, a count after it and a sale after that, released in any order."""
    ledger = strictly_given(
        receive(10, occurred_at=moment(-50)),
        named("count-1", count(9, occurred_at=moment(-30))),
        sell(4, occurred_at=moment(-10)),
        define(),
        place(),
    ).ledger
    waiting = [
        event.conflict_id
        for events in ledger.streams.values()
        for event in events
        if isinstance(event, ConflictOpened)
    ]
    for place_in_line in order:
        assert ledger.take(By("sweeper", released(waiting[place_in_line]))).refusal is None

    Given(ledger).when(correct("count-1", 8)).leaving(sellable=4)
