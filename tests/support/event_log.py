"""A ledger filled without a writer: event rows through `ledger.append`, as a batch would."""

from collections.abc import Iterable, Sequence
from typing import Final

import psycopg

from ledger.domain.events import AnyEvent, StockReceived, StockSold
from ledger.domain.values import Instant
from ledger.recorded import Meta
from ledger.store.mapper import TOPICS, Mapper

START: Final[Instant] = 1_764_000_000_000_000
"""2025-11-24T16:00:00Z: when the days of these tests begin."""

_APPEND: Final = (
    "select ledger.append(0::smallint, (select epoch from ledger.heads), %s::bigint, %s::bigint,"
    " interval '1 second', %s::text[], %s::bigint[], %s::text[], %s::bytea[],"
    " '{}'::bytea[], '{}'::bytea[], '{}'::bigint[], '{}'::bytea[])"
)


def meta(number: int = 1) -> Meta:
    """Who recorded an event of a test."""
    return Meta(
        instant=START + number,
        actor="till-7",
        source="pos",
        reason="sale",
        correlation_id=f"{number:032x}",
        command_id=f"command-{number}",
    )


def received(quantity: int = 10, *, location: str = "ams-1", sku: str = "MUG") -> StockReceived:
    """Goods for a stock of a test."""
    return StockReceived(
        occurred_at=START, effective_at=START, location=location, sku=sku, quantity=quantity
    )


def sold(quantity: int = 1, *, location: str = "ams-1", sku: str = "MUG") -> StockSold:
    """A sale of a test."""
    return StockSold(
        occurred_at=START, effective_at=START, location=location, sku=sku, quantity=quantity
    )


class EventLog:
    """Appends events to one database and keeps count of the streams' versions."""

    def __init__(self, url: str) -> None:
        """Connect as a role that may append."""
        self._connection = psycopg.connect(url, autocommit=True)
        self._versions: dict[str, int] = {}
        self.position = 0

    def resume(self) -> int:
        """Go on after what others recorded in this database; the head."""
        rows = self._connection.execute(
            "select stream, max(version), max(position) from ledger.events group by stream"
        ).fetchall()
        self._versions = {stream: version for stream, version, _ in rows}
        self.position = max((position for *_, position in rows), default=0)
        return self.position

    def append(self, events: Iterable[AnyEvent]) -> int:
        """Record events in one commit and wake the readers; the head afterwards."""
        batch = list(events)
        versions = [self._next_version(event.stream) for event in batch]
        states = [
            Mapper.encode(meta(self.position + n), event) for n, event in enumerate(batch, start=1)
        ]
        self._call(batch, versions, states)
        self.position += len(batch)
        self._connection.execute("notify ledger")
        return self.position

    def fill(self, count: int, *, stocks: int = 1_000, batch: int = 1_000) -> int:
        """Many sales over many stocks."""
        for start in range(0, count, batch):
            numbers = range(start, min(start + batch, count))
            self.append(
                sold(location=f"store-{n % 50}", sku=f"SKU-{n % stocks:06d}") for n in numbers
            )
        return self.position

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def _next_version(self, stream: str) -> int:
        self._versions[stream] = self._versions.get(stream, 0) + 1
        return self._versions[stream]

    def _call(self, batch: Sequence[AnyEvent], versions: list[int], states: list[bytes]) -> None:
        topics = [TOPICS[type(event)] for event in batch]
        streams = [event.stream for event in batch]
        instant = START + self.position
        values = (self.position, instant, streams, versions, topics, states)
        found = self._connection.execute(_APPEND, values).fetchone()
        assert found is not None
        assert found[0] is not None, "the head has moved"
