"""The channel log and the teller's own tables: every statement of theirs, over one connection."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from psycopg import AsyncConnection

from ledger.domain.values import Instant
from projections.availability.answers import Told
from projections.availability.telling import Last
from projections.statements import statements
from projections.wire import int8s, register, texts

SQL: Final = statements(__package__ or "")

_FIELDS: Final = Told.__struct_fields__[:-1]
_COLUMNS: Final = ("channel", "sku", "location")
_NUMBERS: Final = ("ats", "position", "rule_version", "instant", "expires")

Pair = tuple[str, str]
"""A channel and a SKU."""


class Overtaken(Exception):
    """Another teller has taken office: nothing that this one does counts any more."""


class Place(NamedTuple):
    """Where the teller stands."""

    position: int
    instant: Instant
    generation: int
    told: int
    subjects: int
    epoch: int


class Sweep(NamedTuple):
    """A channel whose every SKU is being looked at: after which one, and where that began."""

    after: str = ""
    until: str = ""
    wrapped: bool = False

    def anew(self) -> "Sweep":
        """Once round from here: something that shapes numbers has changed again."""
        return Sweep(self.after, self.after)

    def on(self, skus: Sequence[str], limit: int) -> "Sweep | None":
        """After a page of at most so many SKUs; none where the round is complete."""
        if len(skus) == limit and not (self.wrapped and skus[-1] >= self.until):
            return self._replace(after=skus[-1])
        return Sweep("", self.until, wrapped=True) if self.until and not self.wrapped else None


class Shaped(NamedTuple):
    """What shaped a channel's numbers when it was last looked at, and the sweep under way."""

    shape: bytes
    sweep: Sweep | None


class Log:
    """The teller's side of its tables. `epoch` is its office: see `take_office`."""

    def __init__(self, connection: AsyncConnection[Any], holder: str, lease_ms: int) -> None:
        """Write over one connection."""
        register(connection)
        self._connection = connection
        self._office = {"holder": holder, "lease": f"{lease_ms} milliseconds"}
        self.epoch = 0

    async def take_office(self) -> bool:
        """Become the active teller, where nobody is or who was has gone silent."""
        rows = await self._rows("take_office", self._office)
        self.epoch = rows[0][0] if rows else 0
        return bool(rows)

    async def stay(self) -> None:
        """Say that we are still here. Raises `Overtaken`."""
        if not await self._rows("stay", {**self._office, "epoch": self.epoch}):
            raise Overtaken(Overtaken.__doc__)

    async def resign(self) -> None:
        """Let the next one begin at once."""
        await self._connection.execute(SQL["resign"], {"epoch": self.epoch})

    async def place(self) -> Place:
        """Where the last teller stood."""
        return Place(*(await self._rows("place", {}))[0])

    async def begin_generation(self, generation: int) -> None:
        """Tell everything anew, to a stream that holds nothing yet."""
        asked = {"generation": generation, "epoch": self.epoch}
        async with self._connection.transaction():
            if not await self._rows("begin_generation", asked):
                raise Overtaken(Overtaken.__doc__)
            await self._connection.execute(SQL["forget_channels"])

    async def shaped(self) -> dict[str, Shaped]:
        """The channels as they were last looked at."""
        return {
            channel: Shaped(shape, Sweep(after, until, wrapped) if sweeping else None)
            for channel, shape, sweeping, after, until, wrapped in await self._rows("shaped", {})
        }

    async def lasts(self, pairs: Sequence[Pair], generation: int) -> dict[Pair, dict[str, Last]]:
        """What was told last of pairs, by location; of each an entry."""
        found: dict[Pair, dict[str, Last]] = {pair: {} for pair in pairs}
        asked = {
            "channels": texts([channel for channel, _ in pairs]),
            "skus": texts([sku for _, sku in pairs]),
        }
        for place, location, ats, instant, of in await self._rows("lasts", asked):
            if of == generation:
                found[pairs[place - 1]][location] = Last(ats, instant)
        return found

    async def write(self, before: Place, after: Place, rows: Sequence[Told], sequence: int) -> None:
        """Keep what is about to be told, and where we stand then. Raises `Overtaken`."""
        if rows:
            await self._connection.execute(SQL["keep"], _columns(rows))
            run = (after.generation, rows[0].told, rows[-1].told, sequence)
            await self._connection.execute(SQL["sent"], run)
        asked = {
            **after._asdict(),
            "lease": self._office["lease"],
            "before": before.position,
            "told_before": before.told,
            "epoch": self.epoch,
            "at_leisure": not rows,
        }
        if not await self._rows("advance", asked):
            raise Overtaken(Overtaken.__doc__)

    async def shape(self, channel: str, shaped: Shaped) -> None:
        """Remember what shapes a channel's numbers, and how far its sweep is."""
        sweep = shaped.sweep or Sweep()
        asked = {"channel": channel, "shape": shaped.shape, "sweeping": shaped.sweep is not None}
        await self._connection.execute(SQL["shape"], {**asked, **sweep._asdict()})

    async def sent_again(self, rows: Sequence[Told], sequence: int) -> None:
        """Note under which sequences values are sent once more: each by itself, so that it wins.

        Raises `Overtaken`: what is noted last counts, so that nobody may note it too late.
        """
        asked = {
            "generation": rows[0].generation,
            "told": int8s([row.told for row in rows]),
            "sequences": int8s(list(range(sequence, sequence + len(rows)))),
            "epoch": self.epoch,
        }
        if not await self._rows("sent_again", asked):
            raise Overtaken(Overtaken.__doc__)

    async def at(self, generation: int, told: int) -> Told | None:
        """One value."""
        rows = await self._rows("at", {"generation": generation, "told": told})
        return _told(rows[0]) if rows else None

    async def unsent(self, generation: int, after: int, until: int, limit: int) -> list[Told]:
        """The next values after one that are still the last of their subjects."""
        asked = {"generation": generation, "after": after, "until": until, "limit": limit}
        return [_told(row) for row in await self._rows("unsent", asked)]

    async def last_of_each(self, after: tuple[str, str, str], limit: int) -> list[Told]:
        """The last values of the next subjects, in the order of channel, SKU and location."""
        asked = {"limit": limit, **dict(zip(_COLUMNS, after, strict=True))}
        return [_told(row) for row in await self._rows("last_of_each", asked)]

    async def lasts_of(self, subjects: Sequence[Told]) -> list[Told]:
        """The last values of some subjects, as they are now."""
        names = {name: texts([getattr(one, name) for one in subjects]) for name in _COLUMNS}
        return [_told(row) for row in await self._rows("lasts_of", names)]

    async def _rows(self, name: str, asked: dict[str, Any]) -> list[tuple[Any, ...]]:
        cursor = self._connection.cursor(binary=True)
        await cursor.execute(SQL[name], asked, prepare=True)
        return await cursor.fetchall() if cursor.description else []


def _told(row: tuple[Any, ...]) -> Told:
    return Told(**dict(zip(_FIELDS, row, strict=True)))


def _columns(rows: Sequence[Told]) -> tuple[Any, ...]:
    return (
        rows[0].generation,
        int8s([row.told for row in rows]),
        *(texts([getattr(row, name) for row in rows]) for name in _COLUMNS),
        *(int8s([getattr(row, name) for row in rows]) for name in _NUMBERS),
        texts([row.inputs for row in rows]),
    )
