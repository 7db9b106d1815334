"""The movements behind the lines of a statement, with the documents they belong to."""

from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct

from ledger.domain.events import StockEvent
from ledger.domain.values import Instant
from ledger.store.mapper import Mapper
from projections.bookkeeping.answers import EntryAnswer
from projections.instants import from_datetime
from projections.progress import Pool
from projections.statements import statements

_SQL: Final = statements(__package__ or "")
_MAPPER: Final = Mapper()
_PAPERS: Final = ("reservation_id", "transfer_id", "return_id", "count_id", "order")


class EntriesAsked(Struct, frozen=True, kw_only=True):
    """Which entries: of what, when they happened, in which ways, recorded after which position.

    Every way left out matches all.
    """

    sku: str | None
    location: str | None
    start: Instant
    until: Instant
    counter: str | None
    from_bucket: str | None
    to_bucket: str | None
    type: str | None
    reason: str | None
    known_after: int

    @property
    def every(self) -> bool:
        """Whether no way is left out."""
        named = (self.counter, self.from_bucket, self.to_bucket, self.type, self.reason)
        return named == (None,) * len(named)


Last: TypeAlias = tuple[Instant, int, int]
"""The entry after which a page begins: when it happened, its position and leg."""


async def list_entries(
    pool: Pool, asked: EntriesAsked, known: int, after: Last, limit: int
) -> list[EntryAnswer]:
    """Entries as known at a position, after one of them."""
    own = {"sku": asked.sku or "", "location": asked.location, "known": known}
    async with pool.connection() as connection:
        found = await connection.execute(_SQL["list_books"], own, prepare=False)
        parameters = {
            **msgspec.structs.asdict(asked),
            **dict(zip(("occurred_at", "position", "leg"), after, strict=True)),
            "books": [book for (book,) in await found.fetchall()],
            "known": known,
            "every": asked.every,
            "limit": limit,
        }
        name = "place_entries" if asked.sku is None else "stock_entries"
        rows = await connection.execute(_SQL[name], parameters, prepare=False, binary=True)
        return [_entry(row) for row in await rows.fetchall()]


def _entry(row: tuple[Any, ...]) -> EntryAnswer:
    position, leg, occurred_at, quantity, source, target, recorded_at, topic, state = row
    body = _MAPPER.body(topic, state)
    meta, event = body.meta, body.event
    assert isinstance(event, StockEvent)
    return EntryAnswer(
        position=position,
        leg=leg,
        sku=event.sku,
        location=event.location,
        occurred_at=occurred_at,
        recorded_at=from_datetime(recorded_at),
        from_bucket=source,
        to_bucket=target,
        type=topic,
        reason=meta.reason,
        quantity=quantity,
        actor=meta.actor,
        source=meta.source,
        reference=meta.reference,
        correlation_id=meta.correlation_id,
        movement_id=meta.movement_id,
        restates=getattr(event, "of", None),
        **{name: getattr(event, name, None) for name in _PAPERS},
    )
