"""Every change of one stock, in the order it happened or the order it was recorded."""

from typing import Any, Final, Literal, NamedTuple, TypeAlias

from msgspec import Struct
from psycopg import AsyncConnection

from ledger.domain.values import EARLIEST, LATEST, PHYSICAL_BUCKETS, Instant
from ledger.store.mapper import Mapper
from projections.answers import Levels
from projections.clocks import PRESENT, Asked, Clocks, at_present, clocks, position_at
from projections.cursors import BadCursor, decode, encode
from projections.history import late
from projections.history.answers import Movement, MovementsPage
from projections.history.queries import with_late_rows
from projections.instants import from_datetime
from projections.progress import DEFAULT_TIMEOUT_S, Pool, wait_for
from projections.statements import statements

_SQL: Final = statements(__package__ or "")
_FOLD_AT: Final = with_late_rows(_SQL["fold_at"], crowded=True)
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

    clocks: Clocks
    until: int
    occurred_at: Instant
    position: int
    part: int
    balances: Amounts


async def movements(
    pool: Pool,
    window: Window,
    asked: Asked = PRESENT,
    *,
    now: Instant,
    cursor: str | None = None,
    limit: int = 100,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> MovementsPage:
    """A page of changes; a cursor keeps what was known when the first page was read."""
    place = None if cursor is None else decode(cursor, Place, *window)
    at = None if place is None else place.clocks
    if at is not None and not at.fit(asked):
        raise BadCursor(BadCursor.__doc__)
    if at is None and not asked.present:
        at = await clocks(pool, asked, "history", now=now, timeout_s=timeout_s)
    if reached := max(asked.min_position, 0 if at is None else at.known):
        await wait_for(pool, "history", reached, timeout_s)
    async with pool.connection() as connection:
        parameters = {"location": window.location, "sku": window.sku}
        found = await connection.execute(_SQL["stock_number"], parameters, prepare=False)
        position, stock = await found.fetchone() or (0, None)
        at = _until(window, at_present(now, position) if at is None else at)
        if stock is None:
            return MovementsPage(
                items=[], order=window.order, clocks=at, position=position, next_cursor=None
            )
        if place is None:
            place = await _first(connection, window, stock, at)
        rows = await _rows(connection, window.order, place, stock, limit)
    return _answer(window, rows, place, position, limit)


def _until(window: Window, at: Clocks) -> Clocks:
    """The end of a window of business time is what its answer is as of."""
    if window.order == "recorded" or window.end is None:
        return at
    return Clocks(window.end, at.known_at, at.known, at.settled)


async def _first(connection: AsyncConnection[Any], window: Window, stock: int, at: Clocks) -> Place:
    if window.order == "recorded":
        start, until = 0, at.known
        if window.start is not None:
            start, _ = await position_at(connection, window.start - 1)
        if window.end is not None:
            until, _ = await position_at(connection, window.end)
        return Place(at, min(until, at.known), 0, start, LATEST, _ZERO)
    until = LATEST if window.end is None else window.end
    if window.start is None:
        return Place(at, until, EARLIEST, 0, -1, _ZERO)
    bounds = {"stock": stock, "as_of": window.start - 1, "known": at.known, "whole": False}
    bounds |= late.GRID.sizes
    found = await connection.execute(_FOLD_AT, bounds, prepare=False)
    balances = await found.fetchone() or _ZERO
    return Place(at, until, window.start, 0, -1, tuple(map(int, balances)))


async def _rows(
    connection: AsyncConnection[Any], order: Order, place: Place, stock: int, limit: int
) -> list[tuple[Any, ...]]:
    found = await connection.execute(
        _SQL[f"{order}_page"],
        {
            "stock": stock,
            "known": place.clocks.known,
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
        place = Place(place.clocks, place.until, row[2], row[0], row[1], balances)
    return MovementsPage(
        items=items,
        order=window.order,
        clocks=place.clocks,
        position=position,
        next_cursor=encode(place, *window) if len(rows) > limit else None,
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
