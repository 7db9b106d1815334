"""Random valid histories, decided by the domain, and the way to write them into a ledger.

A history is what a seed makes of it: the same seed, the same events. It is written by
`ledger.append` itself, so a database so filled is one that a service could have filled.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from random import Random
from typing import Any, Final

import psycopg
from msgspec import Struct

from ledger.domain import commands as c
from ledger.domain import conflict, reservation
from ledger.domain.catalog import Use
from ledger.domain.channel import Channel
from ledger.domain.conflict import Conflict
from ledger.domain.decisions import Context, Effect, MovementId, decide, instants_of
from ledger.domain.events import (
    AnyEvent,
    AnyStockEvent,
    ConflictEvent,
    ReservationEvent,
    StockEvent,
    postings,
)
from ledger.domain.movement import Origin, origin_of
from ledger.domain.refusals import Refusal
from ledger.domain.reservation import Reservation
from ledger.domain.stock import Stock
from ledger.domain.streams import State, evolved
from ledger.domain.transfer import Transfer
from ledger.domain.values import (
    MICROSECONDS_PER_SECOND,
    PHYSICAL_BUCKETS,
    Instant,
    PhysicalBucket,
    StockId,
)
from ledger.recorded import Meta, Recorded
from ledger.store.mapper import TOPICS, Mapper
from tests.support import drawn_catalog, drawn_channels, drawn_documents
from tests.support.drawn_promises import Promising
from tests.support.drawn_transfers import Drawing

BEGIN: Final[Instant] = 1_764_000_000 * MICROSECONDS_PER_SECOND
SKUS: Final = ("MUG", "LAMP", "ARMCHAIR")
PLACES: Final = ("ams-1", "nyc-2")
PRINCIPAL: Final = "till-7"
_SECOND: Final = MICROSECONDS_PER_SECOND
_RESTATING: Final = ("void", "correct", "cancel", "replace")
_REMEMBERED: Final = 60  # Movements others may still speak of.
_CHANNELS_EVERY: Final = 20  # Commands.
_TRIES: Final = 8  # Draws for a movement that fits.


class Item(Struct):
    """One accepted command: its id and the events it came to."""

    command_id: str
    events: list[Recorded]


class MemoryWorld:
    """The streams of a history so far, as a decision wants to see them."""

    def __init__(self) -> None:
        """Nothing has happened."""
        self.head = 0
        self.stocks: dict[StockId, Stock] = {}
        self.reservations: dict[str, Reservation] = {}
        self.conflicts: dict[str, Conflict] = {}
        self.catalog = Use(consulted=True, folding=True)
        self.binding: set[str] = set()
        self.facts: dict[StockId, list[AnyStockEvent]] = {}
        self.told: dict[MovementId, list[AnyStockEvent]] = {}
        self.states: dict[str, State] = {}

    def stock(self, stock_id: StockId) -> Stock:
        """The stock, made when first asked for."""
        stock = self.stocks.get(stock_id)
        if stock is None:
            stock = self.stocks[stock_id] = Stock(stock_id)
        return stock

    def reservation(self, reservation_id: str) -> Reservation | None:
        """The reservation, if there is one."""
        return self.reservations.get(reservation_id)

    def conflict(self, conflict_id: str) -> Conflict | None:
        """The conflict, if there is one."""
        return self.conflicts.get(conflict_id)

    def state(self, stream: str) -> State:
        """What a stream other than those above folds to."""
        return self.states.get(stream)

    def origin(self, movement_id: MovementId) -> Origin | None:
        """The movement recorded under an id, if there is one."""
        return origin_of(self.told.get(movement_id, ()), movement_id.movement_id)

    def level_at(self, stock_id: StockId, bucket: str, at: Instant) -> int:
        """What a bucket held at a moment: the sum of all that had happened."""
        return sum(
            delta
            for event in self.facts.get(stock_id, ())
            if event.occurred_at <= at
            for _, changed, delta in postings(event)
            if changed == bucket
        )

    def take(self, effect: Effect) -> None:
        """Let one event have happened."""
        self.head += 1
        event = effect.event
        if isinstance(event, StockEvent):
            fact: AnyStockEvent = event
            self.stock(event.stock_id).evolve(fact)
            self.facts.setdefault(event.stock_id, []).append(fact)
            if effect.cause.movement_id is not None:
                key = MovementId(PRINCIPAL, effect.cause.movement_id)
                self.told.setdefault(key, []).append(fact)
        elif isinstance(event, ReservationEvent):
            known = self.reservations.get(event.reservation_id)
            self.reservations[event.reservation_id] = reservation.evolve(known, event)
        elif isinstance(event, ConflictEvent):
            before = self.conflicts.get(event.conflict_id)
            after = self.conflicts[event.conflict_id] = conflict.evolve(before, event)
            self.states[event.stream] = after
        else:
            after_it = evolved(self.states.get(event.stream), event)
            self.states[event.stream] = after_it
            if isinstance(after_it, Channel) and after_it.current.rules.binding:
                self.binding.add(after_it.current.channel)


class Histories:
    """Draws commands from a seed and keeps what the domain accepts."""

    def __init__(
        self, seed: int, skus: Sequence[str] = SKUS, places: Sequence[str] = PLACES
    ) -> None:
        """The same seed and names give the same history."""
        self.random = Random(seed)
        self.world = MemoryWorld()
        self.now: Instant = BEGIN
        self.skus = skus
        self.places = places
        self._transfers = Drawing(self.random, skus, places)
        self._promises = Promising(self.random, skus, places)
        self._catalog = drawn_catalog.Drawing(self.random, skus, places)
        self._channels = drawn_channels.Drawing(seed, skus, places)
        self._documents = drawn_documents.Drawing(self.random, skus, places)
        self._versions: dict[str, int] = {}
        self._number = 0

    def items(self, count: int) -> Iterator[Item]:
        """That many accepted commands, refused ones left out."""
        while count:
            item = self.attempt(self._command())
            if item is not None and item.events:
                count -= 1
                yield item

    def events(self, count: int) -> list[Recorded]:
        """The events of that many accepted commands."""
        return [event for item in self.items(count) for event in item.events]

    def attempt(self, command: c.AnyCommand) -> Item | None:
        """Decide one command some seconds later, or nothing where it is refused."""
        self._number += 1
        command_id = f"c-{self._number}"
        now = self.now + self.random.randrange(1, 20 * _SECOND)
        recorded: list[Recorded] = []
        self.world.catalog.strict = self._catalog.strictly(command)
        decision = decide(command, self.world, now, Context(PRINCIPAL, command_id, "pos"))
        try:
            recorded.extend(self._record(effect, command_id) for effect in decision)
        except Refusal:
            # Movements are drawn one a command: a refusal comes before the first event.
            assert not recorded
            self.now = now
            return None
        self.now = now + instants_of(command)
        return Item(command_id, recorded)

    def _record(self, effect: Effect, command_id: str) -> Recorded:
        self.world.take(effect)
        event, cause = effect.event, effect.cause
        stream = event.stream
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        meta = Meta(
            instant=cause.instant,
            actor=PRINCIPAL,
            source=cause.source or "pos",
            reason=cause.reason,
            correlation_id=f"corr-{command_id}",
            command_id=command_id,
            movement_id=cause.movement_id,
            reference=cause.reference,
            claimed_at=cause.claimed_at,
            stated=cause.stated,
            owner=cause.owner,
        )
        topic = TOPICS[type(event)]
        return Recorded(
            self.world.head, stream, version, topic, cause.instant + _SECOND, meta, event
        )

    # --- drawing ----------------------------------------------------------------------------

    def _command(self) -> c.AnyCommand:
        if self._number % _CHANNELS_EVERY == 0:
            return self._channels.command()
        if self.random.random() < 0.04:
            return self._catalog.command(self.world.conflicts.values())
        draw = self.random.random()
        if draw < 0.46:
            return c.RecordMovements(movements=(self._movement(),))
        if draw < 0.56:
            known = [one for one in self.world.states.values() if isinstance(one, Transfer)]
            return self._transfers.command(known, self._number, self.now)
        if draw < 0.64:
            return self._documents.command(self.world.states.values(), self._number, self.now)
        if draw < 0.76 or not self.world.reservations:
            return self._promises.place(self._number, self.now)
        if draw < 0.92:
            name = self.random.choice(list(self.world.reservations)[-6:])
            return self._promises.change(self.world.reservations[name], self.now)
        if draw < 0.955:
            return self._promises.rule()
        if draw < 0.975 or not self.world.conflicts:
            return c.ExpireHolds(location=self._place_name(), sku=self._sku())
        return self._promises.resolution(self.random.choice(list(self.world.conflicts)))

    def _movement(self) -> c.AnyMovement:
        quantity = self.random.randrange(1, 12)
        kinds = ("receive", "receive", "sale", "sale", "move", "scrap", "adjust", "return")
        kind = self.random.choice((*kinds, "promised", "count", *_RESTATING))
        common = self._common()
        if kind in _RESTATING:
            return self._restated(kind, common, quantity) or c.Receive(**common, quantity=9)
        if kind in ("move", "scrap", "adjust", "count"):
            return self._inside(kind, common, quantity)
        match kind:
            case "sale":
                order = self.random.choice(drawn_documents.ORDERS)
                return c.Sale(**common, quantity=quantity, channel="web", order=order)
            case "promised":
                known = [*self.world.reservations] or ["unknown"]
                name = self.random.choice(known)
                return c.Sale(**common, quantity=quantity, reservation_id=name)
            case "return":
                order = self.random.choice(drawn_documents.ORDERS)
                return c.Return(**common, quantity=quantity, order=order)
            case _:
                return c.Receive(**common, quantity=quantity * 2)

    def _inside(self, kind: str, common: dict[str, Any], quantity: int) -> c.AnyMovement:
        """What happens on the shelves."""
        match kind:
            case "count":
                return c.Count(**common, counted=quantity * 3, bucket=self._bucket())
            case "move":
                source, target = self.random.sample(PHYSICAL_BUCKETS, 2)
                return c.Move(**common, quantity=quantity, from_bucket=source, to_bucket=target)
            case "scrap":
                bucket = self.random.choice(PHYSICAL_BUCKETS)
                return c.Scrap(**common, quantity=quantity, bucket=bucket)
            case _:
                return c.Adjust(**common, delta=self.random.choice((-9, -3, 4, 8)))

    def _common(self) -> dict[str, Any]:
        common: dict[str, Any] = {
            "sku": self._sku(),
            "location": self._place_name(),
            "reference": f"ref-{self._number}",
        }
        if self.random.random() < 0.2:
            late = self.random.randrange(-600, 7_200) * _SECOND
            common["occurred_at"] = self.now - late
        return common

    def _restated(self, kind: str, common: dict[str, Any], quantity: int) -> c.AnyMovement | None:
        """A movement about one of the last recorded ones, where one of a fitting kind is drawn."""
        for _ in range(_TRIES):
            key = self.random.choice(list(self.world.told)[-_REMEMBERED:] or [None])
            origin = None if key is None else self.world.origin(key)
            if key is None or origin is None:
                return None
            stock_id, of = origin.stock_id, key.movement_id
            about = common | {"location": stock_id.location, "sku": stock_id.sku}
            if kind == "replace" and origin.kind == "count":
                same = {} if self.random.random() < 0.5 else {"occurred_at": origin.occurred_at}
                bucket: Any = origin.to_bucket
                return c.Count(**about | same, counted=quantity, bucket=bucket, replaces=of)
            if kind == "void" and origin.kind == "sale":
                return c.SaleVoid(**about, of=of, quantity=min(quantity, 3))
            if kind == "cancel":
                return c.Cancel(**about, of=of)
            if kind == "correct":
                return c.Correct(**about, of=of, quantity=quantity)
        return None

    def _bucket(self) -> PhysicalBucket:
        return self.random.choice(("sellable", "sellable", *PHYSICAL_BUCKETS))

    def _sku(self) -> str:
        return self.random.choice(self.skus)

    def _place_name(self) -> str:
        return self.random.choice(self.places)


# --- writing ------------------------------------------------------------------------------------


def digest(principal: str, command_id: str) -> bytes:
    """The receipt's key of a command."""
    return blake2b(f"{principal}\0{command_id}".encode(), digest_size=16).digest()


def state(recorded: Recorded) -> bytes:
    """The bytes of an event row."""
    event: AnyEvent = recorded.event
    return Mapper.encode(recorded.meta, event)


def append(connection: psycopg.Connection[Any], items: Sequence[Item]) -> int:
    """Write items in one commit through `ledger.append`; returns the head after it."""
    events = [event for item in items for event in item.events]
    if not events:
        return 0
    row = connection.execute(
        "select ledger.append(0::smallint, h.epoch, h.position, %s, interval '1 s',"
        " %s::text[], %s::bigint[], %s::text[], %s::bytea[],"
        " %s::bytea[], %s::bytea[], %s::bigint[], %s::bytea[]) from ledger.heads h",
        (
            events[-1].meta.instant,
            [event.stream for event in events],
            [event.version for event in events],
            [event.topic for event in events],
            [state(event) for event in events],
            [digest(PRINCIPAL, item.command_id) for item in items],
            [b"\x01" for _ in items],
            [item.events[-1].position for item in items],
            [b"{}" for _ in items],
        ),
    ).fetchone()
    assert row is not None
    assert row[0] is not None, "the head moved"
    connection.commit()
    return events[-1].position


def fill(
    url: str,
    seed: int,
    commands: int,
    *,
    skus: Sequence[str] = SKUS,
    places: Sequence[str] = PLACES,
    batch: int = 500,
) -> int:
    """Fill an empty ledger with the history of a seed; returns its head."""
    histories = Histories(seed, skus, places)
    head = 0
    with psycopg.connect(url) as connection:
        items = list(histories.items(commands))
        for start in range(0, len(items), batch):
            head = append(connection, items[start : start + batch])
    return head
