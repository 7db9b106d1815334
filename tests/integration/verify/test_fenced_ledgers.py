"""Fences and limits are audited like everything: clean ones pass, forged ones are found."""

import asyncio
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace
from psycopg_pool import AsyncConnectionPool

from ledger.domain.commands import AnyCommand
from ledger.domain.events import FencedUnits, HoldReleased, StockReserved
from ledger.recorded import Recorded
from projections.fences.queries import Filter, list_fences
from projections.progress import Pool
from projections.rebuild import rebuild
from tests.integration.projections.ledgers import rows
from tests.support.audited import Audited, project
from tests.support.builders import (
    amend,
    backorders,
    confirm,
    extend,
    fence,
    fulfil,
    line,
    receive,
    release,
    relocate,
    reserve,
    sell,
    shift,
    sweep,
    unfence,
)
from tests.support.histories import BEGIN, Histories, append
from tests.support.servers import Database
from tests.unit.projections.audit.test_checker import breaches

HOUR = 3_600_000_000
SOON, LATER, NEVER = BEGIN + HOUR // 30, BEGIN + 10 * HOUR, BEGIN + 99_999 * HOUR

STORY: list[AnyCommand] = [
    receive(40),
    receive(9, location="nyc-2"),
    fence("web", 8),
    fence("shop", 4),
    fence("web", 3, location="nyc-2"),
    backorders(5),
    reserve("brief", 3, expires_at=SOON),
    reserve("long", 2, expires_at=LATER),
    reserve("confirmed", 2, expires_at=LATER),
    confirm("confirmed"),
    amend("long", line(3)),
    extend("long", NEVER),
    fulfil("confirmed", line(1)),
    sell(1, channel="shop"),
    relocate("long", shift(1, "ams-1", "nyc-2")),
    unfence("shop", 1),
    release("long", line(1)),
    reserve("unswept", 2, expires_at=SOON + HOUR),
    sweep(),
]


@pytest.fixture
def fenced(database: Database) -> Audited:
    """A ledger in which fences were granted, taken, used, given back and returned."""
    histories = Histories(1)
    items = [histories.attempt(command) for command in STORY]
    with psycopg.connect(database.owner_url) as connection:
        append(connection, [item for item in items if item is not None])
    project(database.service_url)
    return Audited(database, histories.world.head)


def test_fences_that_nobody_touched_pass(fenced: Audited) -> None:
    """Each table has rows, and a rebuild makes them anew, row for row."""
    report = fenced.verify()
    live = rows(fenced.database)
    rebuild(fenced.database.service_url, ("fences",))

    assert [] == report.breaches
    assert 0 < min(report.checked[t] for t in ("fences", "fence_holds", "backorder_limits"))
    assert live == rows(fenced.database)


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("fences", "update {} set free = free + 1"),
        ("fences", "update {} set held = held + 1"),
        ("fences", "update {} set channel = channel || '!'"),
        ("fences", "delete from {}"),
        ("fence_holds", "update {} set quantity = quantity + 1"),
        ("fence_holds", "update {} set expires_at = expires_at + 1"),
        ("fence_holds", "update {} set reservation_id = 'ghost'"),
        ("fence_holds", "delete from {}"),
        ("backorder_limits", "update {} set units = units + 1"),
        ("backorder_limits", "delete from {}"),
    ],
)
def test_a_forged_row_is_found(fenced: Audited, table: str, change: str) -> None:
    """Altered, moved or gone: the table is named."""
    one = f" where ctid = (select min(ctid) from projections.{table})"
    fenced.forge(change.format(f"projections.{table}") + one)

    breaches = fenced.breaches()
    assert {12} == {breach.law for breach in breaches}
    assert all(table in breach.what for breach in breaches), breaches


def _bodies(kind: type, channel: str, units: int) -> list[Recorded]:
    """The story with one event that says something else about its fence."""
    histories = Histories(1)
    told: list[Recorded] = []
    for command in STORY:
        item = histories.attempt(command)
        told += [] if item is None else item.events
    events: list[Any] = [one.event for one in told]
    place = next(
        n for n, one in enumerate(events) if isinstance(one, kind) and getattr(one, "fence", None)
    )
    forged = replace(events[place], fence=FencedUnits(channel=channel, quantity=units))
    told[place] = replace(told[place], event=forged)
    return told


@pytest.mark.parametrize(
    ("kind", "channel", "units"),
    [(StockReserved, "web", 99), (StockReserved, "shop", 2), (HoldReleased, "web", 9)],
)
def test_an_event_that_lies_about_its_fence_is_found(kind: type, channel: str, units: int) -> None:
    """The auditor keeps his own account of every fence and every hold."""
    assert 3 in {breach.law for breach in breaches(_bodies(kind, channel, units))}


def test_what_ran_out_unswept_is_free_again_at_its_instant(fenced: Audited) -> None:
    """A microsecond before it is held; from the instant on it is not, whoever writes it down."""

    async def at(now: int) -> dict[tuple[str, str], tuple[int, int]]:
        pool: Pool = AsyncConnectionPool(
            fenced.database.service_url, min_size=1, max_size=1, open=False
        )
        async with pool:
            page = await list_fences(pool, Filter(channel="web"), now, 100)
        return {(one.channel, one.location): (one.free, one.held) for one in page.items}

    before, then = (asyncio.run(at(SOON + HOUR + late)) for late in (-1, 0))

    free, held = before["web", "ams-1"]
    assert (free + 2, held - 2) == then["web", "ams-1"]
    assert before["web", "nyc-2"] == then["web", "nyc-2"]
