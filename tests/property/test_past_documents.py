"""Documents at any pair of clocks, against a walk over every event that knows no shortcuts."""

import asyncio
from random import Random
from typing import Any, Final

import psycopg
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from psycopg_pool import AsyncConnectionPool

from ledger.domain.values import LATEST
from ledger.recorded import Recorded
from projections import documents
from projections.catalog.queries import LOCATIONS, SKUS, LocationFilter, SkuFilter
from projections.channels.queries import CHANNELS, ChannelFilter
from projections.clocks import PRESENT, Asked
from projections.conflicts import queries as conflicts
from projections.counts import queries as counts
from projections.documents import Documents
from projections.fences.queries import FENCES, LIMITS, Filter
from projections.progress import Pool
from projections.reservations import queries as reservations
from projections.returns import queries as returns
from projections.transfers import queries as transfers
from tests.integration.projections.ledgers import project
from tests.support.histories import BEGIN, Histories, append
from tests.support.past_documents import KINDS, Named, happened
from tests.support.servers import Cluster

COMMANDS: Final = 160
QUESTIONS: Final = 8
EXAMPLES: Final = 4
SECOND: Final = 1_000_000
NOW: Final = LATEST
ASKED: Final[dict[str, tuple[Documents[Any, Any], Any, tuple[str, ...]]]] = {
    "reservations": (
        reservations.RESERVATIONS,
        reservations.Filter(),
        ("status", "kind", "expires_at", "version", "lines"),
    ),
    "transfers": (transfers.TRANSFERS, transfers.Filter(), ("status", "version", "lines")),
    "returns": (returns.RETURNS, returns.Filter(), ("status", "version", "lines")),
    "counts": (counts.COUNTS, counts.Filter(), ("status", "version", "lines")),
    "conflicts": (
        conflicts.CONFLICTS,
        conflicts.Filter(),
        ("status", "short", "resolution", "location", "sku"),
    ),
    "orders": (returns.ORDERS, returns.OrderFilter(), ("sold", "returned", "conflict_id")),
    "skus": (SKUS, SkuFilter(), ("event", "version")),
    "locations": (LOCATIONS, LocationFilter(), ("event", "version")),
    "channels": (CHANNELS, ChannelFilter(), ("event", "version", "measured_s")),
    "fences": (FENCES, Filter(), ("free", "held")),
    "limits": (LIMITS, Filter(), ("limit",)),
}
KEYS: Final[dict[str, tuple[str, ...]]] = {
    "reservations": ("reservation_id",),
    "transfers": ("transfer_id",),
    "returns": ("return_id",),
    "counts": ("count_id",),
    "conflicts": ("conflict_id",),
    "orders": ("order", "sku"),
    "fences": ("location", "sku", "channel"),
    "limits": ("location", "sku"),
}


def key_of(name: str, answer: Any) -> Any:
    """What an answer is about."""
    if name in ("skus", "locations", "channels"):
        return getattr(answer.event, name[:-1])
    parts = tuple(getattr(answer, part) for part in KEYS[name])
    return parts[0] if len(parts) == 1 else parts


def said(name: str, answer: Any) -> dict[str, Any]:
    """What an answer says that the oracle says, too."""
    found = {part: getattr(answer, part) for part in ASKED[name][2]}
    if "lines" in found:
        found["lines"] = [structs.asdict(line) for line in found["lines"]]
    return found


async def everything(pool: Pool, name: str, asked: Asked, limit: int, **wanted: Any) -> Named:
    """Every page of a list."""
    kind, every, _ = ASKED[name]
    found: Named = {}
    cursor, more = None, True
    while more:
        filters = structs.replace(every, **wanted)
        page = await documents.page(pool, kind, filters, asked, now=NOW, cursor=cursor, limit=limit)
        assert len(page.items) <= limit
        found |= {key_of(name, item): said(name, item) for item in page.items}
        cursor = page.next_cursor
        more = cursor is not None
    return found


async def answers(url: str, questions: list[Asked], random: Random) -> list[dict[str, Named]]:
    """Every list at every pair of clocks, in pages of some size."""
    pool: Pool = AsyncConnectionPool(url, min_size=1, max_size=1, open=False)
    found = []
    async with pool:
        for asked in questions:
            lists = {n: await everything(pool, n, asked, random.randrange(1, 9)) for n in ASKED}
            found.append(lists)
            await _each_for_itself(pool, asked, lists)
            await _narrowed(pool, asked, lists)
    return found


async def _each_for_itself(pool: Pool, asked: Asked, lists: dict[str, Named]) -> None:
    """What a list says of a document is what it says of itself."""
    for name in ("reservations", "transfers", "returns", "counts", "conflicts", "skus", "channels"):
        kind = ASKED[name][0]
        for key, expected in list(lists[name].items())[:3]:
            found = await documents.get(pool, kind, key, asked, now=NOW)

            assert found.answer is not None
            assert expected == said(name, found.answer)
        none = await documents.get(pool, kind, "none-such", asked, now=NOW)
        assert none.answer is None


async def _narrowed(pool: Pool, asked: Asked, lists: dict[str, Named]) -> None:
    """A filter leaves out what does not match at that time, and nothing else."""
    for name in ("reservations", "transfers", "returns", "counts", "conflicts"):
        for status in {one["status"] for one in lists[name].values()}:
            expected = {k: one for k, one in lists[name].items() if one["status"] == status}

            assert expected == await everything(pool, name, asked, 3, status=status)
    for name in ("reservations", "transfers", "returns", "counts"):
        expected = {
            k: one
            for k, one in lists[name].items()
            if any(line["sku"] == "MUG" for line in one["lines"])
        }

        assert expected == await everything(pool, name, asked, 3, sku="MUG")


def oracle(events: list[Recorded], asked: Asked) -> dict[str, Named]:
    """The same, by a walk over everything; newest first where lists are."""
    assert asked.known_position is not None
    as_of = NOW if asked.as_of is None else asked.as_of
    told = happened(events, as_of, asked.known_position)
    return {name: fold(told, as_of) for name, fold in KINDS.items()}


@settings(max_examples=EXAMPLES)
@given(seed=st.integers(0, 2**32))
def test_a_document_of_the_past_is_what_its_events_say(
    postgres_cluster: Cluster, seed: int
) -> None:
    """At any business time and any known position; and the same when the ledger has gone on."""
    random = Random(seed)
    items = list(Histories(seed).items(COMMANDS))
    events = [event for item in items for event in item.events]
    half = items[: COMMANDS // 2]
    middle, head = half[-1].events[-1].position, events[-1].position
    end = max(event.event.occurred_at for event in events) + 1_000 * SECOND

    def drawn(known: int) -> Asked:
        near = random.choice(events).event.occurred_at + random.randrange(-1, 2)
        as_of = random.choice((near, near, random.randrange(BEGIN - 9_000 * SECOND, end)))
        return Asked(as_of=as_of, known_position=known)

    early = [drawn(random.randrange(middle + 1)) for _ in range(QUESTIONS // 2)]
    late = [drawn(random.randrange(head + 1)) for _ in range(QUESTIONS // 2)]
    late.append(Asked(as_of=NOW, known_position=head))
    with postgres_cluster.database() as database, psycopg.connect(database.owner_url) as writer:
        append(writer, half)
        project(database, random)
        before = asyncio.run(answers(database.service_url, early, random))
        append(writer, items[len(half) :])
        project(database, random)
        after = asyncio.run(answers(database.service_url, early + late, random))
        present = asyncio.run(answers(database.service_url, [PRESENT], random))

    assert before == after[: len(early)]
    assert present == after[-1:]
    for asked, answer in zip(early + late, after, strict=True):
        expected = oracle(events, asked)
        for name, documents_of in expected.items():
            newest_first = ASKED[name][0].first == documents.NEWEST

            assert documents_of == answer[name], f"{name} at {asked}"
            assert [*documents_of][:: -1 if newest_first else 1] == [*answer[name]]


def test_every_kind_of_document_is_drawn() -> None:
    """A comparison of nothing with nothing would hold."""
    drawn = {
        name
        for seed in range(4)
        for name, fold in KINDS.items()
        if fold(Histories(seed).events(COMMANDS), LATEST)
    }

    assert KINDS.keys() == drawn == ASKED.keys()
