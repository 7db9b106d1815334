"""Questions about reconciliations."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from ledger.domain.events import LocationTally, ProposedLine, Tally
from projections.cursors import decode, encode
from projections.progress import Pool
from projections.reconciliations.answers import (
    Correction,
    Latest,
    ReconciliationAnswer,
    ReconciliationFound,
    ReconciliationsPage,
)
from projections.statements import statements

_SQL: Final = statements(__package__ or "")
_NEWEST: Final = 2**63 - 1
_FIELDS: Final = ReconciliationAnswer.__struct_fields__[:-1]
_tally: Final = msgspec.json.Decoder(Tally).decode

SOURCES_MAX: Final = 200
"""Sources with a metric: a retailer has some ten systems."""


class Filter(Struct, frozen=True, kw_only=True):
    """Which reconciliations; every part left out matches all."""

    source: str | None = None
    location: str | None = None


class Place(Struct, frozen=True, array_like=True):
    """The last reconciliation of a page, or the last line."""

    at: int


async def get(
    pool: Pool, reconciliation_id: str, *, cursor: str | None = None, limit: int = 100
) -> ReconciliationFound:
    """One reconciliation with its locations and a page of the corrections it proposes."""
    place = Place(-1) if cursor is None else decode(cursor, Place, "corrections", reconciliation_id)
    asked = {"reconciliation_id": reconciliation_id, "after": place.at, "limit": limit + 1}
    async with pool.connection() as connection, connection.transaction():
        # One snapshot for the three of them.
        await connection.execute("set transaction isolation level repeatable read, read only")
        row = await (await connection.execute(_SQL["get_reconciliation"], asked)).fetchone()
        assert row is not None, "every projection has its place"
        places = await (await connection.execute(_SQL["get_locations"], asked)).fetchall()
        lines = await (await connection.execute(_SQL["get_lines"], asked)).fetchall()
    following = None
    if len(lines) > limit:
        following = encode(Place(lines[limit - 1][0]), "corrections", reconciliation_id)
    return ReconciliationFound(
        found=None if row[1] is None else _answer(row[1:]),
        locations=[LocationTally(location=one[0], tally=_tally(one[1])) for one in places],
        corrections=[_correction(line) for line in lines[:limit]],
        position=row[0],
        next_cursor=following,
    )


async def list_reconciliations(
    pool: Pool, wanted: Filter, *, cursor: str | None = None, limit: int = 100
) -> ReconciliationsPage:
    """A page of reconciliations, newest first."""
    place = Place(_NEWEST) if cursor is None else decode(cursor, Place, "reconciliations", wanted)
    parameters = {
        "source": wanted.source,
        "location": wanted.location,
        "before": place.at,
        "limit": limit + 1,
    }
    name, table = "list_reconciliations", b"x"
    if wanted.location is not None:
        name, table = "list_by_location", b"l"
    own = b"" if wanted.source is None else b"and " + table + b".source = %(source)s"
    statement = _SQL[name].replace(b"{conditions}", own)
    async with pool.connection() as connection:
        found = await connection.execute(statement, parameters, prepare=False)
        rows = await found.fetchall()
    items = [_answer(row[1:-1], row[-1]) for row in rows if row[1] is not None]
    following = None
    if len(items) > limit:
        last = Place(items[limit - 1].recorded_position)
        following = encode(last, "reconciliations", wanted)
    return ReconciliationsPage(
        items=items[:limit],
        position=rows[0][0],
        next_cursor=following,
    )


async def latest(pool: Pool) -> list[Latest]:
    """What the last reconciliation of every source came to."""
    async with pool.connection() as connection:
        found = await connection.execute(_SQL["latest"], {"limit": SOURCES_MAX})
        return [
            Latest(source=source, tally=_tally(tally), alert=alert)
            for source, tally, alert in await found.fetchall()
        ]


def _answer(row: tuple[Any, ...], own: str | None = None) -> ReconciliationAnswer:
    fields = dict(zip(_FIELDS, row, strict=True))
    fields["tally"] = _tally(fields["tally"])
    return ReconciliationAnswer(**fields, at_location=None if own is None else _tally(own))


def _correction(row: tuple[Any, ...]) -> Correction:
    _, sku, location, theirs, ours, delta, approved = row
    line = ProposedLine(sku=sku, location=location, theirs=theirs, ours=ours, delta=delta)
    return Correction(line=line, approved_position=approved)
