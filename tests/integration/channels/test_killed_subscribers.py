"""Subscribers killed with -9, at random and in the two worst moments: effects exactly once."""

import os
import random
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from nats.aio.client import Client

from subscribers.sdk.fake_ats import told_as
from subscribers.sdk.inbox import TABLE_SQL
from tests.integration.channels.conftest import eventually, running
from tests.support.channel_bus import number
from tests.support.channel_process import EFFECTS
from tests.support.figures import Tell
from tests.support.least_privilege import GuardedNats
from tests.support.servers import REPOSITORY, Database

CHANNELS = ("web", "shop", "kiosk")
KILLS = int(os.environ.get("SUBSCRIBER_KILLS", "6"))
SEED = int(os.environ.get("FAULT_SEED", "0"))
SKUS = 20
TOLD_BETWEEN_KILLS = 150


class Shop:
    """Subscribers in processes, the database they work on, and what they are told."""

    def __init__(self, server: GuardedNats, service: Client, database: Database) -> None:
        self._server, self._service, self._database = server, service, database
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.told = 0
        self.last: dict[tuple[str, str], int] = {}
        with psycopg.connect(database.owner_url, autocommit=True) as connection:
            connection.execute(TABLE_SQL.encode())
            connection.execute(EFFECTS.encode())

    def start(self, channel: str, *, die_at: int | None = None, window: str = "") -> None:
        arguments = [] if die_at is None else [str(die_at), window]
        command = [sys.executable, "-m", "tests.support.channel_process"]
        url, database = self._server.url(channel), self._database.owner_url
        self.processes[channel] = subprocess.Popen(
            [*command, url, channel, database, *arguments], cwd=REPOSITORY
        )

    def kill(self, channel: str) -> None:
        process = self.processes.pop(channel)
        process.kill()
        process.wait()

    async def tell(self, channel: str, sku: str) -> None:
        self.told += 1
        subject, headers, payload = told_as(number(sku, self.told, self.told, channel=channel))
        await self._service.jetstream().publish(subject, payload, headers=headers)
        self.last[channel, sku] = self.told

    async def tell_some(self, count: int, dice: random.Random) -> None:
        for _ in range(count):
            await self.tell(dice.choice(CHANNELS), f"SKU-{dice.randrange(SKUS)}")

    def rows(self, query: str) -> list[tuple[object, ...]]:
        return self._database.execute(query)

    def has_all(self) -> bool:
        """Whether the last effect of every SKU is the last number told."""
        query = "select channel, sku, max(told) from effects group by channel, sku"
        return self.last == {(c, s): told for c, s, told in self.rows(query)}

    def count(self, channel: str) -> int:
        return len(self.rows(f"select 1 from effects where channel like '{channel}'"))

    def repeated(self) -> list[tuple[object, ...]]:
        """Effects that were had twice: none, if the promise holds."""
        return self.rows(
            "select channel, sku, told, count(*) from effects group by 1, 2, 3 having count(*) > 1"
        )

    def backwards(self) -> list[tuple[object, ...]]:
        """Effects that came after a newer one's: none, if the promise holds."""
        return self.rows(
            "select * from (select *, max(told) over (partition by channel, sku order by ctid"
            " rows between unbounded preceding and 1 preceding) before from effects) e"
            " where told < before"
        )


@pytest.fixture
def shop(server: GuardedNats, service: Client, database: Database) -> Iterator[Shop]:
    """Processes that still run are ended with the test."""
    shop = Shop(server, service, database)
    yield shop
    for channel in [*shop.processes]:
        shop.kill(channel)


@pytest.mark.parametrize("window", ["before", "after"])
async def test_killed_around_a_commit_the_effect_is_there_once(shop: Shop, window: str) -> None:
    """Before it: nothing was done and it is done again. After it: it was done, and is not again."""
    for sku in range(5):
        await shop.tell("web", f"SKU-{sku}")
    shop.start("web", die_at=3, window=window)
    process = shop.processes["web"]
    await eventually(lambda: process.poll() is not None)
    at_death = shop.count("web")

    shop.start("web")
    await eventually(shop.has_all)

    assert ({"before": 2, "after": 3}[window], 5) == (at_death, shop.count("web"))
    assert [] == shop.repeated()


@pytest.mark.timeout(120 + 20 * KILLS)
async def test_killed_at_random_three_subscribers_have_every_effect_once(
    shop: Shop, tell: Tell
) -> None:
    """Under load, whenever it happens: no effect twice, none lost, none out of order."""
    dice = random.Random(SEED)
    for channel in CHANNELS:
        shop.start(channel)
        await shop.tell(channel, "SKU-0")
        await _has_effects(shop, channel, more=1)
    for _ in range(KILLS):
        victim = dice.choice(CHANNELS)
        goal = dice.randrange(1, SKUS // 2)  # Who starts late finds one number of each SKU.
        async with running(shop.tell_some(TOLD_BETWEEN_KILLS, dice)) as telling:
            await _has_effects(shop, victim, more=goal)
            shop.kill(victim)
            await telling
        shop.start(victim)
    await eventually(shop.has_all)

    tell(f"{KILLS} kills, {shop.told} numbers told, {shop.count('%')} effects")
    assert ([], []) == (shop.repeated(), shop.backwards())


async def _has_effects(shop: Shop, channel: str, *, more: int) -> None:
    goal = shop.count(channel) + more
    await eventually(lambda: shop.count(channel) >= goal)
