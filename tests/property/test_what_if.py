"""What-if over any history, against one that reads all events for each sale."""

import asyncio
import os
from collections.abc import Sequence
from random import Random
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg_pool import AsyncConnectionPool

from ledger.domain.events import Buffer, Cap, ChannelDefined, ChannelRules, SafetyStock
from ledger.recorded import Recorded
from projections.progress import Pool
from projections.what_if import replay as replaying
from projections.what_if.answers import OfSku
from projections.what_if.asked import Asking, Question
from projections.what_if.policies import Network, Otherwise
from projections.what_if.reading import Reader
from projections.what_if.sweep import Terms
from tests.integration.projections.ledgers import project
from tests.property.slow_what_if import Asked, Numbers, SlowWhatIf
from tests.support.histories import PLACES, Histories, append
from tests.support.servers import Cluster

COMMANDS = 150
EXAMPLES = int(os.environ.get("WHAT_IF_EXAMPLES", "6"))
QUESTIONS = 6
SECOND = 1_000_000


def drawn(random: Random, events: Sequence[Recorded]) -> Asked:
    """A question about a history."""
    instants = sorted(one.event.occurred_at for one in events)
    since, until = sorted(random.sample(instants, 2))
    head = events[-1].position
    return Asked(
        channel="web",
        all_sales=random.random() < 0.4,
        since=since,
        until=until + 1,
        known=random.choice((head, head, random.randrange(head // 2, head))),
        delay=random.choice((0, 0, 1, 60, 600, 3_600)) * SECOND,
        rules=ChannelRules(
            safety_stock=random.choice(((), (SafetyStock(units=2, location=PLACES[0]),))),
            buffers=random.choice(((), (Buffer(units=1, basis_points=1_000),))),
            caps=random.choice(((), (), (Cap(units=5),))),
            backorder_limit=random.choice((0, 0, 3)),
            only_fenced=random.random() < 0.2,
        ),
        own_known=random.random() < 0.4,
    )


async def asked(pool: Pool, one: Asked) -> dict[str, Numbers]:
    """What the service's own replay says."""
    defined = ChannelDefined(occurred_at=0, channel=one.channel, locations=tuple(PLACES))
    network = Network(1, [defined], {})
    terms = Terms(
        since=one.since,
        until=one.until,
        what_if=network.side(one.delay // SECOND, Otherwise(rules=one.rules)),
        actual=network.side(random_delay(one), Otherwise()),
        own_known=one.own_known,
    )
    question = Question(channel=one.channel, known=one.known, all_sales=one.all_sales)
    asking, reader = Asking(pool, question, terms, sorted(PLACES)), Reader(pool, question)
    packs = await replaying.packs(asking, reader, 1_000_000)
    found = [item async for item in replaying.replay(asking, reader, packs)]
    return {item.sku: numbers(item) for item in found if isinstance(item, OfSku)}


def random_delay(one: Asked) -> int:
    """The other side is seen otherwise late, now and then."""
    return one.known % 3 * 700


def numbers(item: OfSku) -> Numbers:
    """In the form of the slow one."""
    tally, seen = item.whole, item.whole.what_if
    assert tally.oversells == seen.oversells_prevented + seen.oversells_left
    return Numbers(
        tally.sales,
        tally.units,
        tally.units_held_before,
        tally.oversells,
        seen.sales_lost,
        seen.sales_cut,
        seen.oversells_prevented,
    )


async def answers(url: str, questions: Sequence[Asked]) -> list[dict[str, Numbers]]:
    """One after the other."""
    kwargs: dict[str, Any] = {"autocommit": True}
    pool: Pool = AsyncConnectionPool(url, min_size=1, max_size=1, open=False, kwargs=kwargs)
    async with pool:
        return [await asked(pool, one) for one in questions]


@settings(max_examples=EXAMPLES)
@given(seed=st.integers(0, 2**32), at_once=st.sampled_from((1, 7, 5_000)))
def test_a_replay_is_what_its_page_says_of_every_sale(
    postgres_cluster: Cluster, seed: int, at_once: int
) -> None:
    """Late facts, voids, promises that move and run out, fences: however little is read at once."""
    random = Random(seed)
    with pytest.MonkeyPatch.context() as patch, postgres_cluster.database() as database:
        patch.setattr(replaying, "ROWS_AT_ONCE", at_once)
        items = list(Histories(seed).items(COMMANDS))
        with psycopg.connect(database.owner_url) as connection:
            append(connection, items)
        project(database)
        events = [event for item in items for event in item.events]
        questions = [drawn(random, events) for _ in range(QUESTIONS)]
        found = asyncio.run(answers(database.service_url, questions))
    for question, answer in zip(questions, found, strict=True):
        assert SlowWhatIf(events, question, PLACES).run() == answer, question
