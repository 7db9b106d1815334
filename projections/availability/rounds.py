"""The teller's rounds: what was touched is worked out anew, and what is to be told is kept.

A round reads in one snapshot and writes in the same transaction. It covers the streams of the
events since the last one, the holds that have run out, the values that a channel wanted later,
and a page of whatever channel has to be looked at as a whole.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final

from msgspec import Struct
from psycopg import AsyncConnection

from ledger.clock import Clock
from ledger.domain.streams import decode_part
from ledger.domain.values import Instant
from projections.availability.agenda import Agenda, StockKey
from projections.availability.answers import Told
from projections.availability.log import Log, Pair, Place, Shaped, Sweep
from projections.availability.network import Fed, Network
from projections.availability.snapshot import Places, Reader, snapshot
from projections.availability.telling import Last, due
from projections.availability.values import WHOLE, Found, Value, kept_of, value_of

EVENTS_MAX: Final = 2_000
"""Events a round covers: of each a stock and every channel that it feeds."""

BACKLOG_MAX: Final = 20_000
"""Beyond so many events it is cheaper to look at every SKU once than at every event."""

PAIRS_MAX: Final = 5_000
"""Channels times SKUs of what was touched in a round: some 0.2 s, far below what a lease lasts."""

SWEPT: Final = 250
"""SKUs of a sweep in one round: what is urgent waits no longer than these take."""

SWEPT_AT_LEISURE: Final = 2_000
"""The same where nothing is urgent."""

SKUS_AT_ONCE: Final = 1_000
"""SKUs read in one go."""

REMEMBERED_MAX: Final = 300_000
"""Pairs of which is remembered what was told last; some 100 MB."""


class Looked(Struct):
    """What a round adds up to: what is told, and how many of the subjects are new."""

    rows: list[Told]
    fresh: int = 0


class Rounds:
    """One teller's work, from taking office to losing it. Only its own loop uses it."""

    def __init__(self, connection: AsyncConnection[Any], log: Log, clock: Clock) -> None:
        """Nothing is read before `begin`."""
        self._connection = connection
        self._reader = Reader(connection, prepare=True)
        self._log = log
        self._clock = clock
        self._network = Network({}, {})
        self._known: tuple[int | None, int | None] | None = None  # Of what the network is made.
        self._shaped: dict[str, Shaped] = {}
        self._lasts: dict[Pair, dict[str, Last]] = {}
        self._agenda = Agenda()
        self._places = Places(0, 0, "", None, None, any_channel=False)
        self.place = Place(0, 0, 0, 0, 0, 0)

    async def begin(self, generation: int) -> None:
        """Go on where the last teller stopped; tell a new generation everything."""
        self.place = await self._log.place()
        if generation > self.place.generation:
            await self._log.begin_generation(generation)
            self.place = await self._log.place()
        self._shaped = await self._log.shaped()

    # --- when ---------------------------------------------------------------------------------

    async def look(self) -> bool:
        """Whether there is anything to do now."""
        self._places = places = await self._reader.places()
        if not places.any_channel or not self._settled():
            return False
        return (
            self._known is None
            or places.position > self.place.position
            or self._sweep() is not None
            or self._agenda.next_at() <= self._clock.now()
        )

    def _settled(self) -> bool:
        """Whether projections are at one, and none was rebuilt and has yet to catch up."""
        return self._places.at_one and self._places.position >= self.place.position

    @property
    def watched(self) -> bool:
        """Whether there is any channel."""
        return self._places.any_channel

    @property
    def behind(self) -> bool:
        """Whether more is due than the last round could take."""
        return self._sweep() is not None or self._places.position > self.place.position

    @property
    def complete(self) -> bool:
        """Whether every channel has been looked at as a whole."""
        return self._known is not None and self._sweep() is None

    def wait_s(self, most_s: float) -> float:
        """Until something happens by itself, at most so long."""
        return max(0.0, min(most_s, (self._agenda.next_at() - self._clock.now()) / 1_000_000))

    # --- what ---------------------------------------------------------------------------------

    async def round(self, sequence: int) -> list[Told]:
        """Work out what is due and keep what is to be told, first under this sequence.

        Raises `Overtaken`. Whatever it raises, these rounds are at their end.
        """
        async with snapshot(self._connection):
            self._places = places = await self._reader.places()
            if not self._settled():
                return []
            now = max(places.instant(self._clock.now()), self.place.instant + 1)
            await self._follow_channels()
            until, wanted = await self._wanted(places.position, now)
            swept = await self._swept(wanted)
            looked = await self._work_out(wanted, now)
            before = self.place
            after = before._replace(
                position=until,
                instant=now,
                told=before.told + len(looked.rows),
                subjects=before.subjects + looked.fresh,
            )
            if swept is not None:
                await self._log.shape(*swept)
            await self._log.write(before, after, looked.rows, sequence)
        if swept is not None:
            self._shaped[swept[0]] = swept[1]
        self.place = after
        return looked.rows

    async def _follow_channels(self) -> None:
        """Where a channel or a location was defined since, all of that channel is looked at."""
        known = (self._places.channels_at, self._places.locations_at)
        if known == self._known:
            return
        network = await self._reader.network()
        if network.locations != self._network.locations:
            self._agenda.holds_of(await self._reader.first_expiries(network.locations))
        for name, fed in network.channels.items():
            shaped = self._shaped.get(name)
            if shaped is None or shaped.shape != fed.shape:
                sweep = Sweep() if shaped is None or shaped.sweep is None else shaped.sweep.anew()
                self._shaped[name] = Shaped(fed.shape, sweep)
                await self._log.shape(name, self._shaped[name])
            elif self._known is None and fed.channel.current.rules.publish.every_ms:
                # What was to be told later was remembered by somebody who is gone.
                sweep = Sweep() if shaped.sweep is None else shaped.sweep.anew()
                self._shaped[name] = Shaped(fed.shape, sweep)
        self._network, self._known = network, known

    async def _wanted(self, position: int, now: Instant) -> tuple[int, dict[str, set[str]]]:
        """The channels that each SKU is to be worked out for, and up to where that covers."""
        wanted: dict[str, set[str]] = {}
        feeds = self._network.by_location
        stocks_max = max(1, min(EVENTS_MAX, PAIRS_MAX // max(1, len(self._network.channels))))
        until = min(position, self.place.position + stocks_max)
        if position - self.place.position > BACKLOG_MAX:
            until = position
            await self._sweep_all()
        elif position > self.place.position:
            stocks, skus = await self._touched(until)
            for location, sku in stocks:
                for fed in feeds.get(location, ()):
                    wanted.setdefault(sku, set()).add(fed.name)
            for sku in skus:
                wanted.setdefault(sku, set()).update(self._network.channels)
        for location, sku in self._agenda.expired(now, stocks_max):
            for fed in feeds.get(location, ()):
                wanted.setdefault(sku, set()).add(fed.name)
        for channel, sku in self._agenda.due(now, PAIRS_MAX):
            wanted.setdefault(sku, set()).add(channel)
        return until, wanted

    async def _touched(self, until: int) -> tuple[list[StockKey], list[str]]:
        stocks: list[StockKey] = []
        skus: list[str] = []
        asked = {"after": self.place.position, "until": until}
        for (stream,) in await self._reader.rows("touched", asked):
            kind, _, rest = stream.partition("/")
            if kind == "stock":
                location, _, sku = rest.partition("/")
                stocks.append((decode_part(location), decode_part(sku)))
            else:
                skus.append(decode_part(rest))
        return stocks, skus

    # --- sweeps -------------------------------------------------------------------------------

    def _sweep(self) -> str | None:
        """A channel that is to be looked at as a whole; they take turns."""
        return next((name for name, one in self._shaped.items() if one.sweep is not None), None)

    async def _sweep_all(self) -> None:
        for name, shaped in self._shaped.items():
            sweep = Sweep() if shaped.sweep is None else shaped.sweep.anew()
            self._shaped[name] = shaped._replace(sweep=sweep)
            await self._log.shape(name, self._shaped[name])

    async def _swept(self, wanted: dict[str, set[str]]) -> tuple[str, Shaped] | None:
        """Add a page of a sweep to what is wanted; how far it will have come."""
        name = self._sweep()
        if name is None:
            return None
        shaped = self._shaped.pop(name)
        self._shaped[name] = shaped  # Last now: the others have their turn.
        assert shaped.sweep is not None
        fed = self._network.channels[name]
        limit = SWEPT if wanted else SWEPT_AT_LEISURE
        skus = await self._reader.sold(name, shaped.sweep.after, fed.locations, limit)
        for sku in skus:
            wanted.setdefault(sku, set()).add(name)
        return name, shaped._replace(sweep=shaped.sweep.on(skus, limit))

    # --- values -------------------------------------------------------------------------------

    async def _work_out(self, wanted: dict[str, set[str]], now: Instant) -> Looked:
        looked = Looked([])
        skus = iter(sorted(wanted))
        while some := list(islice(skus, SKUS_AT_ONCE)):
            found = await self._reader.found(some, self._network.locations, now)
            pairs = [(channel, sku) for sku in some for channel in sorted(wanted[sku])]
            await self._remember(pairs)
            for sku in some:
                self._agenda.hold_of(sku, found[sku].stocks)
            for pair in pairs:
                self._judge(pair, found[pair[1]], now, looked)
        return looked

    async def _remember(self, pairs: Iterable[Pair]) -> None:
        if len(self._lasts) > REMEMBERED_MAX:
            self._lasts.clear()
        missing = [pair for pair in pairs if pair not in self._lasts]
        if missing:
            self._lasts.update(await self._log.lasts(missing, self.place.generation))

    def _judge(self, pair: Pair, found: Found, now: Instant, looked: Looked) -> None:
        """Tell what is to be told of a pair now, and remember what is to be told later."""
        channel, sku = pair
        fed, lasts = self._network.channels[channel], self._lasts[pair]
        value = value_of(fed, found)
        if not lasts and not value.shelves:
            return  # Nothing is told of what the channel never sold.
        publish = fed.channel.current.rules.publish
        kept = ""
        for location, ats, expires in subjects_of(fed, found, value, lasts):
            last = lasts.get(location)
            at = due(last, ats, publish, now)
            if at is None:
                continue
            if at > now:
                self._agenda.later(pair, at)
                continue
            kept = kept or kept_of(fed, found, value)
            looked.fresh += last is None
            lasts[location] = Last(ats, now)
            looked.rows.append(
                Told(
                    told=self.place.told + len(looked.rows) + 1,
                    generation=self.place.generation,
                    channel=channel,
                    sku=sku,
                    location=location,
                    ats=ats,
                    position=self._places.position,
                    rule_version=fed.channel.version,
                    instant=now,
                    expires=expires,
                    inputs=kept,
                )
            )


def subjects_of(
    fed: Fed, found: Found, value: Value, lasts: Iterable[str]
) -> Sequence[tuple[str, int, Instant | None]]:
    """What each subject of a channel and a SKU says. Locations that no longer sell say 0."""
    whole = (WHOLE, value.derivation.ats, value.expires)
    if not fed.channel.current.by_location:
        gone = [(location, 0, None) for location in lasts if location != WHOLE]
        return [whole, *gone]
    expires = {stock.location: stock.expires for stock in found.stocks}
    parts = [
        (share.location, share.told, expires[share.location]) for share in value.derivation.shares
    ]
    there = {WHOLE, *(location for location, _, _ in parts)}
    gone = [(location, 0, None) for location in lasts if location not in there]
    return [whole, *parts, *gone]
