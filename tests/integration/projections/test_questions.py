"""What the projections answer, through the queries that the API uses."""

from typing import Any

import pytest

from ledger.domain.events import (
    ConflictCleared,
    ConflictOpened,
    HoldFulfilled,
    LineQuantity,
    PlacedLine,
    ReservationFulfilled,
    ReservationPlaced,
    SkuDefined,
    StockReceived,
    StockReserved,
    StockSold,
)
from projections import documents, questions
from projections.answers import StockPage
from projections.catalog.queries import SKUS
from projections.clocks import PRESENT, Asked
from projections.conflicts import queries as conflicts
from projections.history.movements import Window, movements
from projections.progress import Pool, ProjectionBehind
from projections.questions import StockQuestion
from projections.reservations import queries as reservations
from projections.stock import queries as present
from tests.integration.projections.ledgers import ask, project, record
from tests.support.servers import Database

NOW = 100_000_000


def stock_of(sku: str, occurred: int, effective: int | None = None, place: str = "ams-1") -> Any:
    return {
        "location": place,
        "sku": sku,
        "occurred_at": occurred,
        "effective_at": effective or occurred,
    }


def held(name: str, quantity: int, until: int, sku: str = "MUG", at: int = 5) -> list[Any]:
    line = PlacedLine(sku=sku, location="ams-1", requested=quantity, granted=quantity)
    placed = ReservationPlaced(
        occurred_at=at,
        reservation_id=name,
        channel="web",
        kind="soft",
        expires_at=until,
        policy="all",
        lines=(line,),
    )
    reserved = StockReserved(
        **stock_of(sku, at),
        reservation_id=name,
        quantity=quantity,
        kind="soft",
        expires_at=until,
    )
    return [placed, reserved]


def balances(database: Database, now: int = NOW, **question: Any) -> StockPage:
    return ask(database, lambda pool: questions.stock(pool, StockQuestion(**question), now=now))


def test_the_present_is_exact_at_every_instant(database: Database) -> None:
    """What has run out is no longer reserved, swept or not."""
    head = record(
        database, StockReceived(**stock_of("MUG", 1), quantity=10), *held("order-1", 4, until=50)
    )
    project(database)

    before = balances(database, now=49).items[0]
    after = balances(database, now=50)
    assert (10, 4, 6) == (before.on_hand, before.reserved, before.available)
    assert (10, 0, 10) == (
        after.items[0].on_hand,
        after.items[0].reserved,
        after.items[0].available,
    )
    assert (head, 0) == (after.position, after.items[0].in_transit)


def test_a_late_fact_changes_the_past_from_when_it_happened(database: Database) -> None:
    """But not what was known before it was recorded."""
    record(database, StockReceived(**stock_of("MUG", 10), quantity=10))
    head = record(database, StockSold(**stock_of("MUG", 4, 10), quantity=3))
    project(database)

    def at(as_of: int, known: int) -> int:
        return balances(database, as_of=as_of, known_position=known).items[0].sellable

    assert [0, -3, 7] == [at(3, head), at(4, head), at(10, head)]
    assert [0, 10] == [at(4, head - 1), at(10, head - 1)]


def test_known_at_as_a_time_is_the_last_position_recorded_by_then(database: Database) -> None:
    """And as_of is that time where nothing else is said."""
    record(database, StockReceived(**stock_of("MUG", 1), quantity=10))
    record(database, StockReceived(**stock_of("MUG", 2), quantity=5))
    project(database)
    ((first,),) = database.execute(
        "select (extract(epoch from recorded_at) * 1000000)::int8"
        " from ledger.events where position = 1"
    )
    known = balances(database, known_at=first)

    assert (1, True, first, 10) == (
        known.known_at_position,
        known.settled,
        known.as_of,
        known.items[0].sellable,
    )
    assert not balances(database, known_at=first + 10**12).settled


def test_pages_answer_one_question_while_the_ledger_goes_on(database: Database) -> None:
    """The cursor keeps the instant and the position of the first page."""
    skus = ("ARMCHAIR", "LAMP", "MUG")
    record(database, *(StockReceived(**stock_of(sku, 1), quantity=10) for sku in skus))
    project(database)

    def page(cursor: str | None) -> StockPage:
        question = StockQuestion(location="ams-1")
        return ask(
            database,
            lambda pool: questions.stock(pool, question, now=NOW, cursor=cursor, limit=2),
        )

    first = page(None)
    record(database, StockSold(**stock_of("MUG", 2), quantity=9))
    project(database)
    second = page(first.next_cursor)

    assert ["ARMCHAIR", "LAMP"] == [item.sku for item in first.items]
    assert [("MUG", 10)] == [(item.sku, item.sellable) for item in second.items]
    assert (3, 4, None) == (second.known_at_position, second.position, second.next_cursor)


def test_a_position_that_is_not_there_yet_is_refused(database: Database) -> None:
    """Never a silent old number."""
    record(database, StockReceived(**stock_of("MUG", 1), quantity=10))

    async def impatient(pool: Pool) -> StockPage:
        return await questions.stock(pool, StockQuestion(known_position=1), now=NOW, timeout_s=0.01)

    with pytest.raises(ProjectionBehind):
        ask(database, impatient)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("occurred", [(4, -3, -3), (10, 10, 7), (20, -1, 6)]),
        ("recorded", [(10, 10, 10), (4, -3, 7), (20, -1, 6)]),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 10])
def test_movements_carry_the_balances_of_their_order(
    database: Database, order: Any, expected: list[tuple[int, int, int]], limit: int
) -> None:
    """Whatever the pages, and with who said so and why."""
    record(
        database,
        StockReceived(**stock_of("MUG", 10), quantity=10),
        StockSold(**stock_of("MUG", 4, 10), quantity=3),
        StockSold(**stock_of("MUG", 20), quantity=1),
    )
    project(database)
    window = Window(sku="MUG", location="ams-1", order=order)
    found, cursor, more = [], None, True
    while more:
        page = ask(
            database,
            lambda pool, cursor=cursor: movements(
                pool, window, now=NOW, cursor=cursor, limit=limit
            ),  # type: ignore[misc]
        )
        found += page.items
        cursor = page.next_cursor
        more = cursor is not None

    assert expected == [
        (one.occurred_at, one.changes["sellable"], one.balances.sellable) for one in found
    ]
    assert {("key:desk", "test", "PO-1", "corr-1")} == {
        (one.actor, one.reason, one.reference, one.correlation_id) for one in found
    }


def test_a_window_of_movements_begins_with_the_balances_before_it(database: Database) -> None:
    """In business time, late facts included."""
    record(
        database,
        StockReceived(**stock_of("MUG", 10), quantity=10),
        StockSold(**stock_of("MUG", 4, 10), quantity=3),
        StockSold(**stock_of("MUG", 20), quantity=1),
    )
    project(database)
    window = Window(sku="MUG", location="ams-1", start=10, end=19)
    page = ask(database, lambda pool: movements(pool, window, now=NOW))

    assert [(10, 7)] == [(one.occurred_at, one.balances.sellable) for one in page.items]


def test_movements_of_an_unknown_stock_are_none(database: Database) -> None:
    """It is a question like any other."""
    page = ask(
        database, lambda pool: movements(pool, Window(sku="LAMP", location="nyc-2"), now=NOW)
    )

    assert ([], None) == (page.items, page.next_cursor)


def test_a_promise_reads_as_expired_from_its_instant_on(database: Database) -> None:
    """Its lines show where every unit is."""
    record(database, *held("order-1", 4, until=50))
    project(database)

    def at(now: int) -> Any:
        return ask(database, lambda pool: reservations.get(pool, "order-1", now)).answer

    assert ("placed", 4, 0) == (at(49).status, at(49).lines[0].open, at(49).lines[0].expired)
    assert ("expired", 0, 4) == (at(50).status, at(50).lines[0].open, at(50).lines[0].expired)


def test_promises_are_listed_newest_first_by_every_filter(database: Database) -> None:
    """A status is meant as of now."""
    record(
        database, *held("order-1", 1, 50), *held("order-2", 2, 500), *held("x-3", 3, 900, "LAMP")
    )
    line = LineQuantity(sku="MUG", location="ams-1", quantity=2)
    record(
        database,
        ReservationFulfilled(occurred_at=9, reservation_id="order-2", lines=(line,)),
        HoldFulfilled(**stock_of("MUG", 9), reservation_id="order-2", quantity=2),
    )
    project(database)

    def names(**wanted: str) -> list[str]:
        filter_ = reservations.Filter(**wanted)
        page = ask(database, lambda pool: reservations.newest(pool, filter_, 60, 100))
        return [item.reservation_id for item in page.items]

    assert ["x-3", "order-2", "order-1"] == names()
    assert ["order-2", "order-1"] == names(sku="MUG", location="ams-1")
    assert ["order-1"] == names(status="expired")
    assert ["order-2"] == names(status="fulfilled", channel="web")
    assert ["x-3"] == names(status="placed")
    assert [] == names(location="nyc-2")


def test_pages_of_promises_join_without_gap_or_repetition(database: Database) -> None:
    """Newest first, whatever their size."""
    for number in range(5):
        record(database, *held(f"order-{number}", 1, 50))
    project(database)
    names: list[str] = []
    cursor, more = None, True
    while more:
        page = ask(
            database,
            lambda pool, cursor=cursor: documents.page(  # type: ignore[misc]
                pool,
                reservations.RESERVATIONS,
                reservations.Filter(),
                PRESENT,
                now=NOW,
                cursor=cursor,
                limit=2,
            ),
        )
        names += [item.reservation_id for item in page.items]
        cursor = page.next_cursor
        more = cursor is not None

    assert ["order-4", "order-3", "order-2", "order-1", "order-0"] == names


def test_the_sweeper_is_told_which_stocks_are_due(database: Database) -> None:
    """Longest overdue first, and by either projection that knows."""
    record(database, *held("order-1", 1, 50), *held("order-2", 1, 40, "LAMP"), *held("o-3", 1, 90))
    project(database)
    by_stock = ask(database, lambda pool: present.due_stocks(pool, now=60, limit=10))
    by_promise = ask(database, lambda pool: reservations.due_stocks(pool, now=60, limit=10))

    assert [("ams-1", "LAMP"), ("ams-1", "MUG")] == [tuple(one) for one in by_stock]
    assert by_stock == by_promise
    assert [] == ask(database, lambda pool: present.due_stocks(pool, now=39, limit=10))


def test_conflicts_are_listed_by_every_filter(database: Database) -> None:
    """Newest first, with what became of them."""
    broken: dict[str, Any] = {"kind": "negative_stock", "location": "ams-1", "sku": "MUG"}
    skewed: dict[str, Any] = {"kind": "clock_skew", "location": "nyc-2", "sku": "LAMP"}
    record(
        database,
        ConflictOpened(occurred_at=1, conflict_id="x-1", **broken, short=3, bucket="sellable"),
        ConflictOpened(occurred_at=2, conflict_id="x-2", **skewed, short=9),
        ConflictCleared(occurred_at=3, conflict_id="x-1", **broken),
    )
    project(database)

    def names(**wanted: str) -> list[str]:
        filter_ = conflicts.Filter(**wanted)
        page = ask(database, lambda pool: conflicts.newest(pool, filter_, NOW, 100))
        return [item.conflict_id for item in page.items]

    assert ["x-2", "x-1"] == names()
    assert ["x-2"] == names(status="open")
    assert ["x-1"] == names(status="cleared", location="ams-1")
    assert ["x-2"] == names(kind="clock_skew")
    found = ask(database, lambda pool: conflicts.get(pool, "x-1", NOW)).answer
    assert found is not None
    assert (0, 3, 3) == (found.short, found.short_max, found.closed_at)
    assert ask(database, lambda pool: conflicts.get(pool, "x-9", NOW)).answer is None


def test_a_code_stands_for_what_it_stood_for_then(database: Database) -> None:
    """By the case policy of that time, among the definitions of that time."""
    record(database, SkuDefined(occurred_at=10, sku="MUG", base_unit="each", case_policy="upper"))
    record(database, SkuDefined(occurred_at=20, sku="MUG", base_unit="each"))
    record(database, SkuDefined(occurred_at=30, sku="mug", base_unit="box"))
    project(database)

    def unit(as_of: int | None = None) -> str | None:
        asked = Asked(as_of=as_of)
        found = ask(database, lambda pool: documents.get(pool, SKUS, "mug", asked, now=NOW))
        return None if found.answer is None else found.answer.event.base_unit

    assert [None, "each", None, "box", "box"] == [unit(9), unit(10), unit(20), unit(30), unit()]
