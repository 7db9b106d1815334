"""Statements, between any business times, as known at any position, against a plain fold."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from random import Random
from typing import Self

import psycopg
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg_pool import AsyncConnectionPool

from ledger.domain.commands import ClosePeriod
from ledger.domain.events import PeriodClosed, Postings, postings
from ledger.domain.values import EARLIEST, PHYSICAL_BUCKETS
from ledger.recorded import Recorded
from projections.audit.verification import verify
from projections.bookkeeping import blocks
from projections.bookkeeping.answers import Movements, Statement, StatementsPage
from projections.bookkeeping.periods import get_period
from projections.bookkeeping.queries import Scope, Span
from projections.clocks import Asked
from projections.progress import Pool
from projections.questions import StockQuestion, stock
from projections.rebuild import rebuild
from projections.statement_questions import Limits, period_statements, statements
from tests.integration.projections.ledgers import project, rows
from tests.support.attested import attest
from tests.support.histories import BEGIN, PLACES, SKUS, Histories, Item, append
from tests.support.servers import Cluster, Database
from tests.support.small_blocks import small_blocks

COMMANDS = 150
QUESTIONS = 12
EXAMPLES = int(os.environ.get("STATEMENT_EXAMPLES", "5"))
HOUR = 3_600_000_000


class Told(dict[tuple[str, ...], int]):
    """A statement in plain numbers, by what each number is about."""

    def add(self, *name: str, units: int) -> None:
        """More of one number."""
        self[name] = self.get(name, 0) + units

    def add_movements(self, section: str, movements: Movements) -> None:
        """The lines of an answer."""
        for counter in movements.counters:
            for line in counter.lines:
                of = (line.type, line.reason or "")
                self.add(f"{section}counter", counter.counter, *of, units=line.quantity)
        for line in movements.moves:
            way = (line.from_bucket, line.to_bucket, line.type, line.reason or "")
            self.add(f"{section}move", *way, units=line.quantity)

    def without_nothing(self) -> Self:
        """Only what is not zero."""
        return type(self)({name: units for name, units in self.items() if units})


def brute_force(events: list[Recorded], scope: Scope, span: Span, known: int) -> Told:
    """Everything of a scope that was known, added up one posting after the other."""
    told: Told = Told()
    for recorded in events:
        at, posted = recorded.event.occurred_at, postings(recorded.event)
        if recorded.position > known or not _within(scope, posted) or at >= span.until:
            continue
        physical = [(str(b), delta) for _, b, delta in posted if b in PHYSICAL_BUCKETS]
        for bucket, delta in physical:
            told.add("closing", bucket, units=delta)
            told.add("opening", bucket, units=delta if at < span.start else 0)
        if at < span.start:
            continue
        of = (recorded.topic, recorded.meta.reason)
        for _, bucket, delta in posted:
            if bucket not in PHYSICAL_BUCKETS:
                told.add("counter", bucket, *of, units=-delta)
        if len(physical) == len(posted):
            (source, _), (target, delta) = physical
            told.add("move", source, target, *of, units=delta)
    return told.without_nothing()


def _within(scope: Scope, posted: Postings) -> bool:
    return bool(posted) and (
        scope.sku in (None, posted[0][0].sku) and scope.location in (None, posted[0][0].location)
    )


def told(statement: Statement) -> Told:
    """The same numbers of an answer."""
    found: Told = Told()
    for name in PHYSICAL_BUCKETS:
        found["opening", name] = getattr(statement.opening, name)
        found["closing", name] = getattr(statement.closing, name)
    found.add_movements("", statement.movements)
    if statement.prior_period is not None:
        found.add_movements("prior ", statement.prior_period)
    return found.without_nothing()


def adds_up(statement: Statement) -> None:
    """The auditor's equation."""
    change = statement.movements.change
    if statement.prior_period is not None:
        change += statement.prior_period.change
    assert statement.closing.on_hand == statement.opening.on_hand + change


async def answer(pool: Pool, scope: Scope, span: Span, known: int) -> list[Statement]:
    """Every statement of a question, page by page."""
    found: list[Statement] = []
    page: StatementsPage | None = None
    while page is None or page.next_cursor:
        page = await statements(
            pool,
            scope,
            span,
            Asked(known_position=known),
            cursor=None if page is None else page.next_cursor,
            limits=Limits(page=2),
        )
        found += page.items
    return found


def filled(database: Database, seed: int) -> list[Recorded]:
    """A ledger with the history of a seed."""
    items = list(Histories(seed).items(COMMANDS))
    with psycopg.connect(database.owner_url) as connection:
        append(connection, items)
    return [event for item in items for event in item.events]


def drawn(random: Random, events: list[Recorded]) -> tuple[Scope, Span, int]:
    """A question: often between instants at which something happened, often of whole days."""
    moments = [event.event.occurred_at for event in events]
    ends: list[int] = []
    for _ in range(2):
        moment = random.choice(moments) + random.randrange(-1, 2)
        ends.append(blocks.day_begins(blocks.day_of(moment)) if random.random() < 0.2 else moment)
    start, until = sorted(ends)
    scope = Scope(
        sku=random.choice((None, *SKUS)),
        location=random.choice((None, *PLACES)),
        group_by=random.choice(("none", "none", "sku", "location")),
    )
    head = events[-1].position
    return scope, Span(start, until + 1), random.choice((head, random.randrange(head + 1)))


def with_pool(database: Database, question: Callable[[Pool], Awaitable[None]]) -> None:
    """Put questions as the API would."""

    async def run() -> None:
        pool: Pool = AsyncConnectionPool(database.service_url, min_size=1, max_size=1, open=False)
        async with pool:
            await question(pool)

    asyncio.run(run())


@settings(max_examples=EXAMPLES)
@given(seed=st.integers(0, 2**32))
def test_a_statement_is_what_a_fold_from_the_beginning_says(
    postgres_cluster: Cluster, seed: int
) -> None:
    """For late facts, counts, corrections and transfers, of any scope, as known at any position."""
    random = Random(seed)
    with postgres_cluster.database() as database, small_blocks():
        events = filled(database, seed)
        project(database, random)

        async def compare(pool: Pool) -> None:
            for _ in range(QUESTIONS):
                scope, span, known = drawn(random, events)
                for one in await answer(pool, scope, span, known):
                    adds_up(one)
                    own = Scope(sku=one.sku or scope.sku, location=one.location or scope.location)

                    assert brute_force(events, own, span, known) == told(one), (own, span, known)

        with_pool(database, compare)


@settings(max_examples=EXAMPLES)
@given(seed=st.integers(0, 2**32))
def test_statements_chain_and_add_up_to_the_network(postgres_cluster: Cluster, seed: int) -> None:
    """No event is in two of them or in none, whether they are cut by time, by place or by SKU."""
    random = Random(seed)
    with postgres_cluster.database() as database, small_blocks():
        events = filled(database, seed)
        project(database, random)
        known = events[-1].position

        async def compare(pool: Pool) -> None:
            first, second, third = sorted(random.choice(events).event.occurred_at for _ in "abc")
            (whole,) = await answer(pool, Scope(), Span(first, third + 1), known)
            (before,) = await answer(pool, Scope(), Span(first, second + 1), known)
            (after,) = await answer(pool, Scope(), Span(second + 1, third + 1), known)

            assert before.closing == after.opening
            assert (whole.opening, whole.closing) == (before.opening, after.closing)
            assert whole.movements.change == before.movements.change + after.movements.change
            for group_by in ("sku", "location"):
                scope = Scope(group_by=group_by)
                parts = await answer(pool, scope, Span(first, third + 1), known)

                assert summed(map(told, parts)) == told(whole)

        with_pool(database, compare)


@settings(max_examples=EXAMPLES)
@given(seed=st.integers(0, 2**32))
def test_both_ends_of_a_statement_are_the_stock_of_that_time(
    postgres_cluster: Cluster, seed: int
) -> None:
    """`from` and `to` are the first instants after: what happened at them belongs to what follows.

    A second projection says the same, as known at the same position.
    """
    random = Random(seed)
    with postgres_cluster.database() as database, small_blocks():
        events = filled(database, seed)
        project(database, random)

        async def compare(pool: Pool) -> None:
            for _ in range(QUESTIONS):
                _, span, known = drawn(random, events)
                ends = []
                for at in span:
                    asked = StockQuestion(as_of=at - 1, known_position=known)
                    ends.append(
                        {(b.sku, b.location): b for b in (await stock(pool, asked, now=0)).items}
                    )
                for sku in SKUS:
                    scope = Scope(sku=sku, group_by="location")
                    for one in await answer(pool, scope, span, known):
                        for end, shelves in zip(ends, (one.opening, one.closing), strict=True):
                            balance = end[sku, one.location or ""]
                            for name in ("on_hand", *PHYSICAL_BUCKETS):
                                assert getattr(balance, name) == getattr(shelves, name)

        with_pool(database, compare)


@settings(max_examples=EXAMPLES)
@given(seed=st.integers(0, 2**32))
def test_sums_of_any_batches_equal_rebuilt_ones(postgres_cluster: Cluster, seed: int) -> None:
    """Blocks are full when they are full, whatever the projector had for a batch."""
    with postgres_cluster.database() as database, small_blocks():
        filled(database, seed)
        project(database, Random(seed))
        live = rows(database)
        rebuild(database.service_url, ["statements"])

        assert live == rows(database)
        assert live["statement_cells"]


def summed(parts: Iterable[Told]) -> Told:
    """Several statements as one."""
    total: Told = Told()
    for part in parts:
        for name, units in part.items():
            total.add(*name, units=units)
    return total.without_nothing()


# --- periods ------------------------------------------------------------------------------------


def closed(histories: Histories) -> tuple[list[Item], list[PeriodClosed]]:
    """A history in which periods of the network and of one place are closed now and then."""
    items: list[Item] = []
    until: dict[str | None, int] = {None: BEGIN - HOUR, PLACES[0]: BEGIN - HOUR}
    for number in range(COMMANDS // 10):
        items += histories.items(10)
        location = histories.random.choice(list(until))
        start = until[location]
        end = histories.random.randrange(start + 1, histories.now + 1)
        item = histories.attempt(
            ClosePeriod(period_id=f"p-{number}", starts_at=start, ends_at=end, location=location)
        )
        assert item is not None
        items.append(item)
        until[location] = end
    events = [one.event for item in items for one in item.events]
    return items, [event for event in events if isinstance(event, PeriodClosed)]


@settings(max_examples=EXAMPLES)
@given(seed=st.integers(0, 2**32))
def test_a_closed_period_says_for_ever_what_it_was_closed_with(
    postgres_cluster: Cluster, seed: int
) -> None:
    """Its opening is the closing of the one before it; what was learned in between stands apart."""
    items, periods = closed(Histories(seed))
    events = [event for item in items for event in item.events]
    pins = {period.period_id: period.known_position for period in periods}
    with postgres_cluster.database() as database, small_blocks():
        with psycopg.connect(database.owner_url) as connection:
            append(connection, items)
        project(database, Random(seed))

        async def compare(pool: Pool) -> None:
            for period in periods:
                found = (await get_period(pool, period.period_id)).period
                assert found is not None
                scope = Scope(location=period.location)
                page = await period_statements(pool, found, scope, limits=Limits())
                (statement,) = page.items
                span, known = Span(period.starts_at, period.ends_at), period.known_position
                expected = brute_force(events, scope, span, known)
                if period.follows is not None:
                    early = Span(EARLIEST, period.starts_at)
                    before = brute_force(events, scope, early, pins[period.follows])
                    after = brute_force(events, scope, early, known)
                    expected = with_prior(expected, before, after)

                assert expected == told(statement)
                adds_up(statement)

        with_pool(database, compare)
        attest(database.service_url)
        assert [] == verify(database.service_url).breaches


def with_prior(expected: Told, before: Told, after: Told) -> Told:
    """The opening as it was closed, and beside it what was learned since."""
    found = Told({name: units for name, units in expected.items() if name[0] != "opening"})
    for (section, *name), units in before.items():
        if section == "closing":
            found.add("opening", *name, units=units)
        else:
            found.add(f"prior {section}", *name, units=-units)
    for (section, *name), units in after.items():
        if section != "closing":
            found.add(f"prior {section}", *name, units=units)
    return found.without_nothing()
