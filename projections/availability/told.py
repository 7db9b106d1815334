"""What a channel was told: every value, or those in force at an instant."""

import asyncio
from bisect import bisect_right
from typing import Any, Final

from msgspec import Struct

from ledger.domain.availability import Derivation, Rulebook
from ledger.domain.channel import channel_stream
from ledger.domain.events import ChannelDefined
from ledger.domain.values import LATEST, Instant
from ledger.store.mapper import Mapper
from projections.availability.answers import Status, Told
from projections.availability.snapshot import SQL
from projections.availability.values import WHOLE, decode_inputs, derived_again
from projections.cursors import decode, encode
from projections.progress import (
    DEFAULT_TIMEOUT_S,
    WAIT_FIRST_S,
    WAIT_LONGEST_S,
    Pool,
    ProjectionBehind,
)

TELLING: Final = "telling"
"""What the teller is called where a projection would be."""

_FIELDS: Final = Told.__struct_fields__
_MAPPER: Final = Mapper()
_END: Final = 2**63 - 1


class Wanted(Struct, frozen=True, kw_only=True):
    """Whose values: of one SKU or all, at one location or all of them together.

    With `at` those in force at that instant, by SKU; else all there were, newest first.
    """

    channel: str
    sku: str | None = None
    location: str = WHOLE
    at: Instant | None = None


class After(Struct, frozen=True, array_like=True):
    """Where a page ended."""

    sku: str
    generation: int
    told: int
    instant: Instant


class Page(Struct, frozen=True, kw_only=True):
    """Values, up to where the teller had looked, and where to go on."""

    items: list[Told]
    position: int
    next_cursor: str | None


async def told(
    pool: Pool,
    wanted: Wanted,
    *,
    cursor: str | None,
    limit: int,
    min_position: int = 0,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> Page:
    """A page of what a channel was told."""
    after = None if cursor is None else decode(cursor, After, wanted)
    position = await _looked_until(pool, min_position, timeout_s)
    name, asked = _question(wanted, after)
    rows = await _rows(pool, name, {**asked, "limit": limit + 1})
    last = rows[limit - 1] if len(rows) > limit else None
    items = [
        Told(**dict(zip(_FIELDS, row, strict=True))) for row in rows[:limit] if row[0] is not None
    ]
    return Page(
        items=items,
        position=position,
        next_cursor=None
        if last is None
        else encode(After(last[3], last[1] or 0, last[0] or 0, last[8] or 0), wanted),
    )


def _question(wanted: Wanted, after: After | None) -> tuple[str, dict[str, Any]]:
    subject = {"channel": wanted.channel, "sku": wanted.sku, "location": wanted.location}
    if wanted.at is not None:
        return "in_force", {**subject, "at": wanted.at, "after": "" if after is None else after.sku}
    if wanted.sku is not None:
        return "told_of", {**subject, "before": LATEST if after is None else after.instant}
    place = (_END, _END) if after is None else (after.generation, after.told)
    return "told_to", {**subject, "generation": place[0], "told": place[1]}


async def defined(pool: Pool, channel: str) -> bool:
    """Whether there is such a channel: one that nobody was told anything of is one, too."""
    return bool(await _rows(pool, "definitions", {"stream": channel_stream(channel)}))


async def derivations(pool: Pool, items: list[Told]) -> list[Derivation]:
    """How values came about: what was kept of them, by the rules of their versions."""
    rules: dict[str, list[tuple[int, Rulebook]]] = {}
    found = []
    for item in items:
        if item.channel not in rules:
            rules[item.channel] = await _rules(pool, item.channel)
        of_channel = rules[item.channel]
        place = bisect_right(of_channel, item.rule_version, key=lambda one: one[0])
        assert place, "nothing is told of a channel that is not defined"
        inputs = decode_inputs(item.inputs)
        found.append(derived_again(item.sku, inputs, of_channel[place - 1][1]))
    return found


async def _rules(pool: Pool, channel: str) -> list[tuple[int, Rulebook]]:
    stream = channel_stream(channel)
    found = []
    for version, state in await _rows(pool, "definitions", {"stream": stream}):
        event = _MAPPER.body("channel.defined.v1", state).event
        assert isinstance(event, ChannelDefined)
        found.append((version, Rulebook.of(event.rules)))
    return found


async def status(pool: Pool) -> Status | None:
    """How the teller is; none where there is no channel."""
    rows = await _rows(pool, "status", {})
    return Status(*rows[0]) if rows else None


async def _looked_until(pool: Pool, min_position: int, timeout_s: float) -> int:
    """Wait until the teller has looked at a position, or `ProjectionBehind`."""
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + timeout_s, WAIT_FIRST_S
    while True:
        position = int((await _rows(pool, "told_until", {}))[0][0])
        left = deadline - loop.time()
        if position >= min_position:
            return position
        if left <= 0:
            raise ProjectionBehind(TELLING, position, min_position)
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 2, WAIT_LONGEST_S)


async def _rows(pool: Pool, name: str, asked: dict[str, Any]) -> list[tuple[Any, ...]]:
    async with pool.connection() as connection:
        cursor = await connection.execute(SQL[name], asked, prepare=False, binary=True)
        return await cursor.fetchall()
