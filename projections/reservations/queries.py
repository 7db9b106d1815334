"""Questions about promises."""

from itertools import groupby
from typing import Any, Final

from msgspec import Struct, structs

from ledger.domain.values import Instant, StockId, reservation_stream
from projections.documents import NEWEST, Documents, One, Some
from projections.progress import Pool
from projections.reservations.answers import ReservationAnswer
from projections.reservations.projection import Line, Reservation, fold
from projections.statements import statements

_SQL: Final = statements(__package__ or "")
_OPEN: Final = frozenset({"placed", "confirmed", "partially_fulfilled"})
_LINE: Final = 12  # The column at which a line begins.

LINES_SCANNED_MAX: Final = 20_000
"""Due reservations looked at for one sweep; the rest come with the next."""


class Filter(Struct, frozen=True, kw_only=True):
    """Which promises; every part left out matches all."""

    sku: str | None = None
    location: str | None = None
    status: str | None = None
    channel: str | None = None


async def get(pool: Pool, reservation_id: str, now: Instant) -> One[ReservationAnswer]:
    """One promise as it stands at an instant."""
    async with pool.connection() as connection:
        cursor = await connection.execute(
            _SQL["get_reservation"], {"reservation_id": reservation_id}
        )
        rows = await cursor.fetchall()
    found = _reservations(rows)
    return One(ReservationAnswer.of(found[0], now) if found else None, rows[0][0])


async def newest(pool: Pool, wanted: Filter, now: Instant, limit: int) -> Some[ReservationAnswer]:
    """The newest promises as they stand at an instant."""
    statement, parameters = _narrowed("list_reservations", wanted)
    open_only = b"and r.open > 0" if wanted.status in _OPEN else b""
    statement = statement.replace(b"{open_only}", open_only)
    asked = {**parameters, "now": now, "limit": limit + 1}
    async with pool.connection() as connection:
        found = await connection.execute(statement, asked, prepare=False)
        rows = await found.fetchall()
    states = _reservations(rows)
    items = [ReservationAnswer.of(state, now) for state in states[:limit]]
    after = (states[limit - 1].placed_position,) if len(states) > limit else None
    return Some(items, rows[0][0], after)


async def due_stocks(pool: Pool, *, now: Instant, limit: int) -> list[StockId]:
    """Stocks whose soft holds have run out and are not yet swept, longest overdue first."""
    parameters = {"now": now, "limit": limit, "scan": LINES_SCANNED_MAX}
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL["due_stocks"], parameters, prepare=False)
        return [StockId(location, sku) for location, sku in await cursor.fetchall()]


def _matches(answer: ReservationAnswer, wanted: Filter) -> bool:
    """Whether a promise of the past is one that was asked for."""
    return (
        wanted.status in (None, answer.status)
        and wanted.channel in (None, answer.channel)
        and any(
            wanted.sku in (None, line.sku) and wanted.location in (None, line.location)
            for line in answer.lines
        )
    )


def _narrowed(name: str, wanted: Filter) -> tuple[bytes, dict[str, Any]]:
    """A list with only the conditions it needs, so that each has its index."""
    lines = wanted.sku is not None or wanted.location is not None
    of_lines = _SQL["of_lines"].split(b"\n", 1)[1] if lines else b""
    return _SQL[name].replace(b"{of_lines}", of_lines), structs.asdict(wanted)


def _reservations(rows: list[tuple[Any, ...]]) -> list[Reservation]:
    found = [row for row in rows if row[1] is not None]
    return [_reservation(list(group)) for _, group in groupby(found, key=lambda row: row[1])]


def _reservation(rows: list[tuple[Any, ...]]) -> Reservation:
    reservation = Reservation(*rows[0][1:_LINE])
    reservation.lines.extend(Line(*row[_LINE:]) for row in rows)
    return reservation


RESERVATIONS: Final = Documents(
    name="reservations",
    projection="reservations",
    first=NEWEST,
    one=get,
    some=newest,
    # Sweeps are told by the stocks alone, and nobody misses them: what they write down took
    # effect at its instant, which is how an answer reads what was open then.
    streams=lambda reservation_id: (reservation_stream(reservation_id),),
    fold=lambda events: fold(events, {}),
    answer=ReservationAnswer.of,
    keys=lambda wanted: _narrowed("reservations_begun", wanted),
    matches=_matches,
)
"""Promises at any pair of clocks."""
