"""A test's ledger and its projections: filled, projected, compared, asked."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any, Final, TypeVar

import psycopg
from psycopg_pool import AsyncConnectionPool

from ledger.domain.events import AnyEvent
from ledger.recorded import Meta
from ledger.settings import load_settings
from ledger.store.mapper import TOPICS, Mapper
from projections.progress import Pool
from projections.reader import connect_for_projections
from projections.registry import View
from projections.runner import Runner
from tests.support.servers import Database

Answer = TypeVar("Answer")

TABLES: Final = (
    "stock",
    "stock_holds",
    "history_stocks",
    "history",
    "history_holds",
    "reservations",
    "reservation_lines",
    "conflicts",
    "fences",
    "fence_holds",
    "backorder_limits",
    "history_in_transit",
    "history_crowds",
    "history_late_sums",
    "transfers",
    "transfer_lines",
    "statement_books",
    "statement_kinds",
    "statement_entries",
    "statement_cells",
    "statement_periods",
    "reconciliations",
    "reconciliation_locations",
    "reconciliation_lines",
    "catalog_skus",
    "catalog_locations",
    "channels",
    "channel_credentials",
)
META: Final = Meta(
    instant=0,
    actor="key:desk",
    source="desk",
    reason="test",
    correlation_id="corr-1",
    command_id="c-1",
    reference="PO-1",
)


def runner(database: Database, views: list[View] | None = None, batch: int = 1_000) -> Runner:
    """A projector that has not started."""
    settings = load_settings(
        {}, database_url=database.service_url, projector_batch_events=batch, poll_ms=5
    )
    return Runner(settings, views)


def project(database: Database, random: Random | None = None) -> None:
    """Bring every projection to the head, in batches of random sizes if asked for."""
    projector = runner(database)
    with connect_for_projections(database.service_url, "test") as connection:
        projector.start(connection)
        going = True
        while going:
            if random is not None:
                projector._batch_max = random.randrange(1, 60)
                if random.random() < 0.2:
                    projector.start(connection)  # As after a restart: nothing is remembered.
            going = projector.step(connection)


def rows(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every projection."""
    return {
        table: database.execute(f"select * from projections.{table} x order by x::text")
        for table in TABLES
    }


def record(database: Database, *events: AnyEvent) -> int:
    """Write events as one commit of the writer would; returns the head."""
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        found = connection.execute("select position, epoch from ledger.heads").fetchone()
        assert found is not None
        versions: list[int] = []
        for place, event in enumerate(events):
            stored = connection.execute(
                "select count(*) from ledger.events where stream = %s", (event.stream,)
            ).fetchone()
            assert stored is not None
            before = sum(one.stream == event.stream for one in events[:place])
            versions.append(stored[0] + before + 1)
        connection.execute(
            "select ledger.append(0::smallint, %s, %s, 1, interval '1 s', %s::text[],"
            " %s::bigint[], %s::text[], %s::bytea[], '{}', '{}', '{}', '{}')",
            (
                found[1],
                found[0],
                [event.stream for event in events],
                versions,
                [TOPICS[type(event)] for event in events],
                [Mapper.encode(META, event) for event in events],
            ),
        )
    return int(found[0]) + len(events)


def ask(database: Database, question: Callable[[Pool], Awaitable[Answer]]) -> Answer:
    """Put a question as the API would."""

    async def run() -> Answer:
        pool: Pool = AsyncConnectionPool(
            database.service_url, min_size=1, max_size=2, open=False, kwargs={"autocommit": True}
        )
        async with pool:
            return await question(pool)

    return asyncio.run(run())
