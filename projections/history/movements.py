"""Every change of one stock, in the order it happened or the order it was recorded."""

from typing import Any, Final, Literal, NamedTuple, TypeAlias

from msgspec import Struct
from psycopg import AsyncConnection

from ledger.domain.values import EARLIEST, LATEST, PHYSICAL_BUCKETS, Instant
from ledger.store.mapper import Mapper
from projections.answers import Levels
from projections.cursors import BadCursor, decode, encode
from projections.history.answers import Movement, MovementsPage
from projections.instants import from_datetime, to_datetime
from projections.progress import Pool
from projections.statements import statements

_SQL: Final = statements(__package__ or "")
_MAPPER: Final = Mapper()
_NAMES: Final = (*PHYSICAL_BUCKETS, "reserved")
_PAPERS: Final = ("transfer_id", "return_id", "count_id", "order", "counted")
_ZERO: Final = (0,) * len(_NAMES)

Order: TypeAlias = Literal["occurred", "recorded"]
Amounts: TypeAlias = tuple[int, ...]


class Window(NamedTuple):
    """Which stock, and from when to when: business time or ledger time, as the order says."""

    sku: str
    location: str
    order: Order = "occurred"
    start: Instant | None = None
    end: Instant | None = None


class Place(Struct, frozen=True, array_like=True):
    """Where a page ended: the question's pins, the last row, and the balances after it."""

    order: Order
    known: int
    until: int
    occurred_at: Instant
    position: int
    part: int
    balances: Amounts


async def movements(
    pool: Pool, window: Window, *, cursor: str | None = None, limit: int = 100
) -> MovementsPage:
    """A page of changes; a cursor keeps what was known when the first page was read."""
    async with pool.connection() as connection:
        parameters = {"location": window.location, "sku": window.sku}
        found = await connection.execute(_SQL["stock_number"], parameters, prepare=False)
        position, stock = await found.fetchone() or (0, None)
        if stock is None:
            return _page(window, [], None, position)
        if cursor is None:
            place = await _first(connection, window, stock, position)
        else:
            place = _decode(cursor, window.order)
        rows = await _rows(connection, place, stock, limit)
    return _answer(window, rows, place, position, limit)


def _decode(cursor: str, order: Order) -> Place:
    place = decode(cursor, Place)
    if place.order != order or len(place.balances) != len(_NAMES):
        raise BadCursor(BadCursor.__doc__)
    return place


async def _first(
    connection: AsyncConnection[Any], window: Window, stock: int, position: int
) -> Place:
    if window.order == "recorded":
        start = 0 if window.start is None else await _place_at(connection, window.start - 1)
        until = position if window.end is None else await _place_at(connection, window.end)
        return Place("recorded", position, min(until, position), 0, start, LATEST, _ZERO)
    until = LATEST if window.end is None else window.end
    if window.start is None:
        return Place("occurred", position, until, EARLIEST, 0, -1, _ZERO)
    bounds = {"stock": stock, "as_of": window.start - 1, "known": position}
    found = await connection.execute(_SQL["fold_at"], bounds, prepare=False)
    balances = await found.fetchone() or _ZERO
    return Place("occurred", position, until, window.start, 0, -1, tuple(map(int, balances)))


async def _place_at(connection: AsyncConnection[Any], at: Instant) -> int:
    found = await connection.execute(_SQL["place_at"], {"at": to_datetime(at)})
    row = await found.fetchone()
    return 0 if row is None else int(row[0])


async def _rows(
    connection: AsyncConnection[Any], place: Place, stock: int, limit: int
) -> list[tuple[Any, ...]]:
    found = await connection.execute(
        _SQL[f"{place.order}_page"],
        {
            "stock": stock,
            "known": place.known,
            "until": place.until,
            "occurred_at": place.occurred_at,
            "position": place.position,
            "part": min(place.part, 2**31 - 1),
            "limit": limit + 1,
        },
        prepare=False,
        binary=True,
    )
    return await found.fetchall()


def _answer(
    window: Window, rows: list[tuple[Any, ...]], place: Place, position: int, limit: int
) -> MovementsPage:
    items: list[Movement] = []
    balances = place.balances
    for row in rows[:limit]:
        deltas = row[4:10]
        if window.order == "recorded":
            balances = tuple(row[10:16])
        else:
            balances = tuple(a + b for a, b in zip(balances, deltas, strict=True))
        items.append(_movement(window, row, deltas, balances))
        place = Place(place.order, place.known, place.until, row[2], row[0], row[1], balances)
    return _page(window, items, place if len(rows) > limit else None, position, place.known)


def _page(
    window: Window,
    items: list[Movement],
    place: Place | None,
    position: int,
    known: int | None = None,
) -> MovementsPage:
    more = place if items else None
    return MovementsPage(
        items=items,
        order=window.order,
        known_at_position=position if known is None else known,
        position=position,
        next_cursor=None if more is None else encode(more),
    )


def _movement(window: Window, row: tuple[Any, ...], deltas: Amounts, balances: Amounts) -> Movement:
    position, part, occurred_at, effective_at = row[:4]
    version, recorded_at, topic, state = row[16:]
    body = _MAPPER.body(topic, state)
    meta, event = body.meta, body.event
    holds = getattr(event, "holds", None)
    holder = holds[part].reservation_id if holds else getattr(event, "reservation_id", None)
    return Movement(
        position=position,
        part=part,
        version=version,
        type=topic,
        occurred_at=occurred_at,
        effective_at=effective_at,
        recorded_at=from_datetime(recorded_at),
        changes={name: delta for name, delta in zip(_NAMES, deltas, strict=True) if delta},
        balances=Levels.of(window.location, window.sku, balances),
        actor=meta.actor,
        source=meta.source,
        reason=meta.reason,
        reference=meta.reference,
        correlation_id=meta.correlation_id,
        command_id=meta.command_id,
        movement_id=meta.movement_id,
        reservation_id=holder,
        restates=getattr(event, "of", None),
        claimed_at=meta.claimed_at,
        conflicts=() if part else getattr(event, "conflicts", ()),
        **{name: getattr(event, name, None) for name in _PAPERS},
    )
