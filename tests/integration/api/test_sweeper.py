"""Holds that have run out are written down, by the active writer's process only."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from api.runtime.processes import wait_until
from api.runtime.sweeper import PRINCIPAL, Sweeper
from api.schemas.fields import rfc3339
from ledger.clock import SystemClock
from ledger.settings import load_settings
from projections.progress import Pool
from tests.support.fake_port import FakePort
from tests.support.http import Api, new, receive
from tests.support.servers import Database


class Noon:
    """A clock that stands still."""

    def now(self) -> int:
        """Always the same instant."""
        return 1_000_000


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    """Readers of an empty database."""
    async with AsyncConnectionPool(
        database.service_url,
        min_size=1,
        open=False,
        connection_class=psycopg.AsyncConnection,
        kwargs={"autocommit": True},
    ) as pool:
        yield pool


async def test_nothing_due_asks_for_nothing(pool: Pool) -> None:
    """A sweep without work leaves no command behind."""
    port = FakePort()
    sweeper = Sweeper(load_settings({}), port, pool, Noon())

    assert 0 == await sweeper.sweep()
    assert [] == port.submitted


def test_a_hold_that_ran_out_is_written_down_once(api: Api) -> None:
    """Expiry takes effect at its instant; the event follows with a sweep, and only one does."""
    sku, order = new("MUG"), new("order")
    soon = rfc3339(SystemClock().now() + 4_000_000)
    api.record(receive(sku, 10))
    placed = api.place(sku, 4, reservation_id=order, kind="soft", expires_at=soon)
    start = placed.json()["position"]

    def written() -> list[dict[str, Any]]:
        page = api.get("/v1/events", after=start).json()
        expiries = (one for one in page["items"] if one["type"].endswith("holds_expired.v1"))
        return [one for one in expiries if one["data"]["sku"] == sku]

    assert wait_until(lambda: bool(written()), timeout_s=30.0)
    event = written()[0]
    position = event["position"]
    found = api.get(f"/v1/reservations/{order}", min_position=position).json()
    levels = api.get("/v1/stock", sku=sku, min_position=position).json()

    assert [(order, 4)] == [
        (hold["reservation_id"], hold["quantity"]) for hold in event["data"]["holds"]
    ]
    assert soon == event["data"]["holds"][0]["expired_at"]
    assert PRINCIPAL == event["data"]["provenance"]["actor"]
    assert ("expired", 4) == (found["status"], found["lines"][0]["expired"])
    assert [(0, 10)] == [(item["reserved"], item["available"]) for item in levels["items"]]
    assert 1 == len(written())
