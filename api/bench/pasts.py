"""Pasts to ask about: a year of facts, appended as the writer would, and projected."""

from collections.abc import Iterator
from random import Random
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import psycopg

from api.bench import Context
from api.bench.project import bring_to_head
from ledger.domain.events import StockReceived, StockSold
from ledger.domain.values import StockId
from ledger.recorded import Meta
from ledger.store.mapper import TOPICS, Mapper

DAY: Final = 86_400 * 1_000_000
YEAR: Final = 365 * DAY
LATE_SHARE: Final = 0.02
LATE_MAX: Final = 7 * DAY
BATCH: Final = 2_000
HOT: Final = StockId("ams-1", "MUG")
SKUS: Final = 1_000  # At each location.
_HOT_EVERY: Final = 10  # One event in so many is of the hot stock, where there are others.
_SAY_EVERY: Final = 1_000_000

Arrival: TypeAlias = Literal["live", "late", "backfilled", "shuffled"]
Fact: TypeAlias = StockReceived | StockSold

_APPEND: Final = b"""
select ledger.append(0::smallint, %b, %b, %b, interval '1 s', %b::text[], %b::int8[], %b::text[],
                     %b::bytea[], '{}', '{}', '{}', '{}')
"""


class Past(NamedTuple):
    """How long a past is, how it came into the ledger, and how many stocks share it.

    `live`: recorded as it happened; `late`: 2 % of it up to a week late; `backfilled`: a year in
    order, recorded within minutes; `shuffled`: likewise, in no order at all.
    """

    postings: int
    arrival: Arrival
    stocks: int = 1


def fill(context: Context, past: Past, begin: int) -> None:
    """Append it with instants spread over a year, project it, and leave the tables as they live."""
    append(context, past, begin)
    bring_to_head(context.settings)
    with psycopg.connect(context.owner_url, autocommit=True) as connection:
        connection.execute("vacuum analyze projections.history")


def append(context: Context, past: Past, begin: int) -> None:
    """Put the events into the ledger, a batch a commit."""
    with psycopg.connect(context.owner_url, autocommit=True) as connection:
        cursor = connection.cursor(binary=True)
        row = cursor.execute("select epoch, position from ledger.heads where shard = 0").fetchone()
        assert row is not None
        batch = _Batch(cursor, *row)
        for number, (instant, fact) in enumerate(_facts(past, begin), 1):
            batch.add(instant, fact)
            if number % BATCH == 0:
                batch.send()
            if number % _SAY_EVERY == 0:
                context.say(f"{number:,} of {past.postings:,} appended")
        batch.send()
        connection.execute("vacuum analyze ledger.events")


def stock_of(number: int) -> StockId:
    """The stocks of a past by number; the first is the hot one."""
    if number == 0:
        return HOT
    return StockId(f"store-{number // SKUS}", f"SKU-{number % SKUS:04d}")


def _facts(past: Past, begin: int) -> Iterator[tuple[int, Fact]]:
    """Instants and events: one every so often, over a year."""
    random = Random(past.postings)  # noqa: S311 - data, not secrets
    effective_at = [0] * past.stocks
    names = [stock_of(number) for number in range(past.stocks)]
    order = list(range(past.postings)) if past.arrival == "shuffled" else range(past.postings)
    if isinstance(order, list):
        random.shuffle(order)
    at_once = past.arrival in {"backfilled", "shuffled"}
    for number, turn in enumerate(order):
        at = begin + YEAR * turn // past.postings
        instant = begin + YEAR + number if at_once else at
        if past.arrival == "late" and random.random() < LATE_SHARE:
            at -= random.randrange(LATE_MAX)
        hot = past.stocks == 1 or number % _HOT_EVERY == 0
        stock = 0 if hot else random.randrange(1, past.stocks)
        effective_at[stock] = max(effective_at[stock], at)
        kind = StockSold if number % 3 else StockReceived
        yield (
            instant,
            kind(
                location=names[stock].location,
                sku=names[stock].sku,
                occurred_at=at,
                effective_at=effective_at[stock],
                quantity=1 + random.randrange(5),
            ),
        )


class _Batch:
    """Events on their way to `ledger.append`."""

    def __init__(self, cursor: psycopg.Cursor[Any], epoch: int, position: int) -> None:
        self._cursor = cursor
        self._epoch = epoch
        self._position = position
        self._versions: dict[str, int] = {}
        self._instant = 0
        self._rows: list[tuple[str, int, str, bytes]] = []

    def add(self, instant: int, fact: Fact) -> None:
        stream = fact.stream
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        state = Mapper.encode(_META, fact)
        self._rows.append((stream, version, TOPICS[type(fact)], state))
        self._instant = instant

    def send(self) -> None:
        if not self._rows:
            return
        columns = [list(column) for column in zip(*self._rows, strict=True)]
        self._cursor.execute(_APPEND, (self._epoch, self._position, self._instant, *columns))
        assert self._cursor.fetchone() != (None,), "somebody else writes to the benchmark's ledger"
        self._position += len(self._rows)
        self._rows.clear()


_META: Final = Meta(
    instant=0, actor="bench", source="bench", reason="sale", correlation_id="0", command_id="0"
)
