"""A ledger without servers: decisions on the working set, and an auditor who reads every row.

The auditor gets bytes, as he would from the table, and shares neither the meaning of an event
with the ledger nor its state.
"""

from random import Random
from typing import Any, Final

from ledger.domain.commands import AnyCommand
from ledger.domain.decisions import (
    Context,
    Effect,
    MovementId,
    decide,
    instants_of,
    looks_back,
    origins,
    past_levels,
    reads,
)
from ledger.domain.events import AnyEvent, ConflictOpened, StockEvent
from ledger.domain.movement import origin_of
from ledger.domain.refusals import Refusal
from ledger.domain.streams import evolved, initial
from ledger.domain.values import EARLIEST, Instant
from ledger.recorded import Meta
from ledger.store.mapper import TOPICS, Mapper
from ledger.working_set import WorkingSet
from projections.audit.checker import Checker
from projections.audit.row import Row
from tests.model.drawn import SECOND, Drawn

BEGIN: Final[Instant] = 1_764_000_000 * SECOND
PRINCIPAL: Final = "till-7"
SKUS: Final = ("MUG", "LAMP", "ARMCHAIR")
PLACES: Final = ("ams-1", "nyc-2", "web-3")
STRICT: Final = 0.2
"""Share of the histories in which what nobody has defined is refused, or waits."""

FORGET_EVERY: Final = 250
"""Commands after which nothing is in memory: everything is read again from its events."""


class Audited:
    """One history from one source of chance, and what the auditor makes of it."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.drawn = Drawn(self.random, SKUS, PLACES)
        self.checker = Checker()
        self.world = WorkingSet(1 << 62, strict=self.random.random() < STRICT)
        self.streams: dict[str, list[AnyEvent]] = {}
        self.told: dict[MovementId, list[AnyEvent]] = {}
        self.now = BEGIN
        self.refused: dict[str, int] = {}
        self.accepted = 0

    def play(self, commands: int) -> None:
        """Decide so many commands; stops at the first breach of a law."""
        for number in range(1, commands + 1):
            self.now += self.random.randrange(1, 20 * SECOND)
            command = self.drawn.command(self.now)
            self._decide(command, f"c-{number}")
            if self.checker.breaches_total:
                break
            if number % FORGET_EVERY == 0:
                self._forget()
        self.checker.close()

    @property
    def findings(self) -> str:
        """What the auditor says, and what plays it again; nothing if all is well."""
        if not self.checker.breaches_total:
            return ""
        shown = "\n".join(map(str, self.checker.breaches[:5]))
        return f"history {self.seed!r}, command {self.drawn.number}:\n{shown}"

    def _decide(self, command: AnyCommand, command_id: str) -> None:
        self._prepare(command)
        world, effects = self.world, list[Effect]()
        world.begin()
        decision = decide(command, world, self.now, Context(PRINCIPAL, command_id))
        rows: list[Row] = []
        try:
            for effect in decision:
                effects.append(effect)
                stream, version = world.take(effect, PRINCIPAL)
                rows.append(self._row(effect, stream, version, command_id))
        except Refusal as refusal:
            world.rollback()
            self.refused[refusal.code] = self.refused.get(refusal.code, 0) + 1
            return
        world.commit()
        self.accepted += 1
        self.now += instants_of(command)
        unread = {row.stream: len(self.streams[row.stream]) for row in rows if row.version < 0}
        world.settle_versions(unread)
        for effect, row in zip(effects, rows, strict=True):
            self._keep(effect)
            version = len(self.streams[row.stream])
            assert row.version in (version, unread.get(row.stream, 0) - version), row
            self.checker.take(row._replace(version=version))

    def _prepare(self, command: AnyCommand) -> None:
        """Bring in what the command reads, as the writer would from the ledger."""
        world = self.world
        self._load(command)
        world.past.forget_tails()
        if not looks_back(command):
            return
        for _ in range(2):  # A void is known by now; the second time, so is its sale.
            for key in origins(command, PRINCIPAL, world):
                origin = origin_of(self.told.get(key, ()), key.movement_id)
                if origin is not None:
                    world.past.put_origin(key, origin)
        self._load(command)
        for stock_id, _ in past_levels(command, PRINCIPAL, world):
            tail: list[Any] = self.streams.get(stock_id.stream, [])
            world.past.put_tail(stock_id.stream, EARLIEST, tail)

    def _load(self, command: AnyCommand) -> None:
        """Fold the streams that a command reads, and those that it reads because of them."""
        world = self.world
        while wanted := list(world.missing(reads(command, PRINCIPAL, world))):
            for stream in wanted:
                state = initial(stream)
                for event in self.streams.get(stream, ()):
                    state = evolved(state, event)
                world.put(stream, state, len(self.streams.get(stream, ())))

    def _forget(self) -> None:
        self.world.clear(self.world.head)

    def _keep(self, effect: Effect) -> None:
        event = effect.event
        self.streams.setdefault(event.stream, []).append(event)
        if effect.cause.movement_id is not None and isinstance(event, StockEvent):
            key = MovementId(effect.cause.owner or PRINCIPAL, effect.cause.movement_id)
            self.told.setdefault(key, []).append(event)
        if isinstance(event, ConflictOpened):
            self.drawn.remember("conflict", event.conflict_id)

    def _row(self, effect: Effect, stream: str, version: int, command_id: str) -> Row:
        cause = effect.cause
        meta = Meta(
            instant=cause.instant,
            actor=PRINCIPAL,
            source=cause.source or "pos",
            reason=cause.reason,
            correlation_id="all",
            command_id=command_id,
            movement_id=cause.movement_id,
            claimed_at=cause.claimed_at,
            reference=cause.reference,
            stated=cause.stated,
            owner=cause.owner,
        )
        position = self.world.head
        state = Mapper.encode(meta, effect.event)
        return Row(position, stream, version, TOPICS[type(effect.event)], state, cause.instant)
