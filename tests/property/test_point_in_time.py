"""State at any business time, as known at any position, against a fold that knows no shortcuts."""

import asyncio
from collections import defaultdict
from random import Random
from typing import Any, TypeAlias, get_args

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from psycopg_pool import AsyncConnectionPool

from ledger.domain.events import (
    AnyEvent,
    HoldAmended,
    HoldConfirmed,
    HoldExtended,
    HoldFulfilled,
    HoldReleased,
    HoldRelocated,
    HoldsExpired,
    StockEvent,
    StockReserved,
    held_delta,
    in_transit_delta,
    postings,
)
from ledger.domain.values import PHYSICAL_BUCKETS
from ledger.recorded import Recorded
from projections.answers import Total
from projections.history import late
from projections.history.late import Grid
from projections.progress import Pool
from projections.questions import StockQuestion, TotalsQuestion, stock, totals
from projections.rebuild import rebuild
from projections.registry import NAMES
from projections.sorting import Group, Sort
from tests.integration.projections.ledgers import project, rows
from tests.support.histories import BEGIN, Histories, append
from tests.support.servers import Cluster, Database

Amounts: TypeAlias = dict[str, int]
State: TypeAlias = dict[tuple[str, str], Amounts]

NAMES_ASKED = (*PHYSICAL_BUCKETS, "reserved", "in_transit")
COMMANDS = 120
QUESTIONS = 25
EXAMPLES = 12
SECOND = 1_000_000
GRIDS = (
    late.GRID,
    Grid(few=0, chunk=2, chunks=4, span=29, spans=32),
    Grid(few=3, chunk=1, chunks=3, span=27, spans=33),
    Grid(few=1, chunk=4, chunks=5, span=32, spans=33),
)
"""As it is, and so small that a short history has crowds."""
FAR = 4_000_000_000 * SECOND  # After everything these ledgers record: all that is known happened.


def brute_force(events: list[Recorded], as_of: int, known: int) -> State:
    """Everything that had happened by `as_of` among what was known at `known`."""
    state: State = {}
    holds: dict[tuple[str, str, str], list[int | None]] = {}
    for recorded in events:
        event = recorded.event
        if recorded.position > known or not isinstance(event, StockEvent):
            continue
        key = (event.location, event.sku)
        amounts = state.setdefault(key, defaultdict(int))
        if isinstance(event, HoldsExpired):
            for hold in event.holds:
                if hold.expired_at <= as_of:
                    amounts["reserved"] -= hold.quantity
                    holds.pop((*key, hold.reservation_id), None)
        elif event.occurred_at <= as_of:
            for _, bucket, delta in postings(event):
                amounts[bucket] += delta
            amounts["reserved"] += held_delta(event)
            _hold(holds, key, event)
        _way(state, event, as_of)
    for (location, sku, _), (quantity, expires_at) in holds.items():
        if expires_at is not None and expires_at <= as_of:
            assert quantity is not None
            state[location, sku]["reserved"] -= quantity
    return state


def _way(state: State, event: StockEvent, as_of: int) -> None:
    transit = in_transit_delta(event)
    if transit is not None:
        end, delta = transit
        amounts = state.setdefault((end.location, end.sku), defaultdict(int))
        amounts["in_transit"] += delta if event.occurred_at <= as_of else 0


def _hold(
    holds: dict[tuple[str, str, str], list[int | None]], key: tuple[str, str], event: AnyEvent
) -> None:
    match event:
        case StockReserved():
            holds[*key, event.reservation_id] = [event.quantity, event.expires_at]
        case HoldConfirmed():
            holds[*key, event.reservation_id][1] = None
        case HoldExtended():
            holds[*key, event.reservation_id][1] = event.expires_at
        case HoldAmended() | HoldReleased() | HoldRelocated() | HoldFulfilled():
            hold = holds[*key, event.reservation_id]
            hold[0] = (hold[0] or 0) + held_delta(event)
        case _:
            return


async def _answers(url: str, questions: list[tuple[int, int]]) -> list[State]:
    found: list[State] = []
    pool: Pool = AsyncConnectionPool(url, min_size=1, max_size=1, open=False)
    async with pool:
        for as_of, known in questions:
            question = StockQuestion(as_of=as_of, known_position=known)
            page = await stock(pool, question, now=as_of)
            for balance in page.items:
                one = replace(question, location=balance.location, sku=balance.sku)
                by_names = await stock(pool, one, now=as_of)
                assert [balance] == by_names.items, f"by both its names at {as_of}, known {known}"
            found.append(
                {(b.location, b.sku): {n: getattr(b, n) for n in NAMES_ASKED} for b in page.items}
            )
    return found


async def _walked(
    url: str, questions: list[tuple[int, int]], sorts: list[Sort]
) -> list[tuple[list[tuple[str, str]], dict[Group, list[Total]]]]:
    """Names in an order, in small pages, and sums; of the pair of clocks of each question."""
    found = []
    pool: Pool = AsyncConnectionPool(url, min_size=1, max_size=1, open=False)
    async with pool:
        for (as_of, known), sort in zip(questions, sorts, strict=True):
            clocks: dict[str, Any] = {"as_of": as_of, "known_position": known}
            names: list[tuple[str, str]] = []
            cursor, more = None, True
            while more:
                asked = StockQuestion(**clocks, sort=sort)
                page = await stock(pool, asked, now=as_of, cursor=cursor, limit=2)
                names += [(one.location, one.sku) for one in page.items]
                cursor = page.next_cursor
                more = cursor is not None
            sums = {group: await _sums(pool, group, clocks) for group in get_args(Group)}
            found.append((names, sums))
    return found


async def _sums(pool: Pool, group: Group, clocks: dict[str, Any]) -> list[Total]:
    found: list[Total] = []
    cursor, more = None, True
    while more:
        asked = TotalsQuestion(**clocks, group=group)
        page = await totals(pool, asked, now=clocks["as_of"], cursor=cursor, limit=1)
        found += page.items
        cursor = page.next_cursor
        more = cursor is not None
    return found


def _in_order(state: State, sort: Sort) -> list[tuple[str, str]]:
    """The stocks of a state as a list shall have them."""

    def key(name: tuple[str, str]) -> tuple[Any, ...]:
        (location, sku), one = name, state[name]
        match sort.removeprefix("-"):
            case "location":
                return location, sku
            case "sku":
                return sku, location
            case "on_hand":
                return sum(one[bucket] for bucket in PHYSICAL_BUCKETS), location, sku
            case "reserved":
                return one["reserved"], location, sku
            case _:
                return one["sellable"] - one["reserved"], location, sku

    return sorted(state, key=key, reverse=sort.startswith("-"))


def _added(state: State, group: Group) -> list[tuple[str | None, int, Amounts]]:
    """A state added up by the names of a group."""
    place = {"location": 0, "sku": 1}.get(group)
    names = [None] if place is None else sorted({key[place] for key in state})
    return [
        (name, len(rows), {part: sum(row[part] for row in rows) for part in NAMES_ASKED})
        for name in names
        for rows in [[one for key, one in state.items() if place is None or key[place] == name]]
    ]


def _filled(database: Database, seed: int) -> list[Recorded]:
    items = list(Histories(seed).items(COMMANDS))
    with psycopg.connect(database.owner_url) as connection:
        append(connection, items)
    return [event for item in items for event in item.events]


@settings(max_examples=EXAMPLES)
@given(seed=st.integers(0, 2**32), grid=st.sampled_from(GRIDS))
def test_a_point_in_time_is_what_a_fold_from_the_beginning_says(
    postgres_cluster: Cluster, seed: int, grid: Grid
) -> None:
    """For late facts, holds and expiries alike, at any business time and any known position.

    Whether late rows are many or few, and whatever the pieces in which many are added up.
    """
    random = Random(seed)
    with (
        pytest.MonkeyPatch.context() as patch,
        postgres_cluster.database() as database,
    ):
        patch.setattr(late, "GRID", grid)
        events = _filled(database, seed)
        project(database, random)
        head = events[-1].position
        end = max(event.event.occurred_at for event in events) + 1_000 * SECOND
        questions = [
            (random.choice([e.event.occurred_at for e in events]) + random.randrange(-1, 2), head)
            for _ in range(5)
        ] + [
            (random.randrange(BEGIN - 9_000 * SECOND, end), random.randrange(head + 1))
            for _ in range(QUESTIONS)
        ]
        questions += [(FAR, random.randrange(head + 1)) for _ in range(3)]
        answers = asyncio.run(_answers(database.service_url, questions))
    for (as_of, known), answer in zip(questions, answers, strict=True):
        folded = brute_force(events, as_of, known)
        expected = {key: {n: amounts[n] for n in NAMES_ASKED} for key, amounts in folded.items()}

        assert expected == answer, f"at {as_of} known {known}"


@settings(max_examples=EXAMPLES // 3)
@given(seed=st.integers(0, 2**32), grid=st.sampled_from(GRIDS))
def test_lists_and_sums_of_the_past_are_those_of_a_fold(
    postgres_cluster: Cluster, seed: int, grid: Grid
) -> None:
    """In every order, however the pages are cut; all together, and by SKU or location."""
    random = Random(seed)
    with (
        pytest.MonkeyPatch.context() as patch,
        postgres_cluster.database() as database,
    ):
        patch.setattr(late, "GRID", grid)
        events = _filled(database, seed)
        project(database, random)
        if random.random() < 0.6:  # Then PostgreSQL knows how few corrections there are.
            database.execute("analyze projections.history")
            database.execute("analyze projections.history_stocks")
            database.execute("analyze projections.history_holds")
        instants = [e.event.occurred_at for e in events]
        head = events[-1].position
        sorts = [*get_args(Sort)]
        questions = [
            (random.choice((*instants[-99:], *[FAR] * 30)) - 1, random.randrange(head // 2, head))
            for _ in sorts
        ]
        answers = asyncio.run(_walked(database.service_url, questions, sorts))
    for (as_of, known), sort, (names, sums) in zip(questions, sorts, answers, strict=True):
        state = brute_force(events, as_of, known)

        assert _in_order(state, sort) == names, f"{sort} at {as_of} known {known}"
        for group, found in sums.items():
            place = "location" if group == "location" else "sku"
            assert _added(state, group) == [
                (getattr(one, place), one.stocks, {n: getattr(one, n) for n in NAMES_ASKED})
                for one in found
            ], f"{group} at {as_of} known {known}"


@settings(max_examples=EXAMPLES)
@given(seed=st.integers(0, 2**32), grid=st.sampled_from(GRIDS))
def test_live_rows_in_any_batches_equal_rebuilt_ones(
    postgres_cluster: Cluster, seed: int, grid: Grid
) -> None:
    """A projection is a function of the events: not of batches, restarts or rebuilds."""
    with (
        pytest.MonkeyPatch.context() as patch,
        postgres_cluster.database() as database,
    ):
        patch.setattr(late, "GRID", grid)
        _filled(database, seed)
        project(database, Random(seed))
        live = rows(database)
        rebuild(database.service_url, NAMES)

        assert live == rows(database)
