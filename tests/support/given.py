"""Given what happened, when somebody asks, then this is recorded or refused: without a database.

Every command is decided a second after the one before it, the first at `moment(1)`.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, Self, TypeAlias

from msgspec import Struct

from ledger.domain.commands import AnyCommand
from ledger.domain.decisions import (
    Context,
    Effect,
    MovementId,
    decide,
    instants_of,
    past_levels,
    reads,
)
from ledger.domain.events import AnyEvent, postings
from ledger.domain.movement import Origin
from ledger.domain.outcomes import Outcome
from ledger.domain.refusals import Refusal
from ledger.domain.stock import PROMISE_BROKEN, Stock, restored, snapshot_of
from ledger.domain.stock.fences import Fences
from ledger.domain.streams import initial
from ledger.domain.values import EARLIEST, PHYSICAL_BUCKETS, Instant, StockId
from ledger.working_set import WorkingSet
from tests.support.builders import PLACE, SKU
from tests.support.manual_clock import ManualClock

PRINCIPAL = "till-7"


class Wait(NamedTuple):
    """Nothing happens for some seconds."""

    seconds: float


class By(NamedTuple):
    """Another principal asks."""

    principal: str
    command: AnyCommand


Step: TypeAlias = AnyCommand | Wait | By


class Decision(NamedTuple):
    """What a command came to: its effects, and an outcome or a refusal."""

    effects: list[Effect]
    outcome: Outcome | None
    refusal: Refusal | None
    now: Instant

    @property
    def events(self) -> list[AnyEvent]:
        """The recorded events."""
        return [effect.event for effect in self.effects]


class Ledger:
    """The working set, decided upon as the writer does, with all streams kept beside it."""

    def __init__(self, *, strict: bool = False) -> None:
        """Nothing has happened yet, and nothing is defined: where it is `strict`, that matters."""
        self.world = WorkingSet(1 << 62, strict=strict)
        self.clock = ManualClock()
        self.streams: dict[str, list[AnyEvent]] = {}
        self._number = 0

    def stock(self, sku: str = SKU, location: str = PLACE) -> Stock:
        """A stock at the present instant."""
        stock_id = StockId(location, sku)
        self._load((stock_id.stream,))
        stock = self.world.stock(stock_id)
        stock.advance(self.clock.now())
        return stock

    def take(self, step: Step) -> Decision:
        """Decide one command a second later, taking it back where it is refused."""
        if isinstance(step, Wait):
            self.clock.turn(step.seconds)
            return Decision([], None, None, self.clock.now())
        principal, command = step if isinstance(step, By) else (PRINCIPAL, step)
        context = self._next(principal, command)
        now = self.clock.now()
        last = now + instants_of(command) - 1
        before = self.state(last)
        decision = self._decide(command, context, now)
        if decision.refusal is not None:
            assert before == self.state(last), "a refused command leaves the world as it was"
        self._check(decision, last)
        return decision

    def ask(self, command: AnyCommand) -> Decision:
        """As `take`, without looking at everything around it: for big worlds."""
        return self._decide(command, self._next(PRINCIPAL, command), self.clock.now())

    def _next(self, principal: str, command: AnyCommand) -> Context:
        """A second later, with everything read that the command needs."""
        self.clock.turn(1)
        self._number += 1
        context = Context(principal, f"command-{self._number}")
        self._prepare(command, context)
        return context

    def state(self, at: Instant) -> dict[str, Any]:
        """Everything the working set holds, as plain values, at an instant."""
        world = self.world
        states: dict[str, Any] = {
            stream: (*_plain(entry.state, at), entry.version)
            for stream, entry in world._entries.items()
        }
        return states | {
            "head": world.head,
            "origins": {key: world.past.origins[key] for key in world.past.known()},
        }

    def _prepare(self, command: AnyCommand, context: Context) -> None:
        """Bring in what a command reads, as long as it names something new."""
        while wanted := list(self.world.missing(reads(command, context.principal, self.world))):
            self._load(wanted)
        self.world.past.forget_tails()
        for stock_id, _ in past_levels(command, context.principal, self.world):
            stream: list[Any] = self.streams.get(stock_id.stream, [])
            self.world.past.put_tail(stock_id.stream, EARLIEST, stream)

    def _load(self, streams: Iterable[str]) -> None:
        for stream in list(self.world.missing(streams)):
            assert stream not in self.streams, "nothing is ever forgotten here"
            self.world.put(stream, initial(stream), 0)

    def _decide(self, command: AnyCommand, context: Context, now: Instant) -> Decision:
        effects: list[Effect] = []
        self.world.begin()
        decision = decide(command, self.world, now, context)
        try:
            while True:
                effect = next(decision)
                effects.append(effect)
                self.world.take(effect, context.principal)
        except StopIteration as end:
            self.world.commit()
            for effect in effects:
                self.streams.setdefault(effect.event.stream, []).append(effect.event)
            return Decision(effects, end.value, None, now)
        except Refusal as refusal:
            self.world.rollback()
            return Decision([], None, refusal, now)

    def _check(self, decision: Decision, last: Instant) -> None:
        """Postings are balanced; what stocks keep beside their holds is what holds say."""
        for event in decision.events:
            assert sum(delta for _, _, delta in postings(event)) == 0
        for entry in self.world._entries.values():
            if isinstance(entry.state, Stock):
                entry.state.advance(last)
                assert _plain(entry.state, last) == fields_of(entry.state)

    def origin(self, movement_id: str) -> Origin | None:
        """A recorded sale, by its id."""
        return self.world.origin(MovementId(PRINCIPAL, movement_id))


def _plain(state: object, at: Instant) -> tuple[Any, ...]:
    """A state as values that can be compared; of a stock, also what is derived."""
    if not isinstance(state, Stock):
        return (state,)
    copy = restored(snapshot_of(state), state.version)
    copy.advance(at)
    return fields_of(copy)


def fields_of(stock: Stock) -> tuple[Any, ...]:
    """Everything a stock is made of, what it derives and keeps sorted included."""
    return (
        stock.effective_at,
        stock.levels,
        stock.reserved,
        stock.holds,
        stock.lapsed,
        stock.conflicts,
        stock.broken_total,
        list(stock.order),
        list(stock.broken),
        stock.orphans,
        stock.anchors,
        stock.anchored_until,
        _fences_of(stock),
    )


def _fences_of(stock: Stock) -> tuple[Any, ...]:
    """What is set aside; nothing where there is nothing any more."""
    fences = stock.fences or Fences()
    return fences.limit, fences.channels, fences.free_total, fences.held, fences.lapsed


class Happened(Struct, frozen=True):
    """An event of a kind, with some of its fields."""

    kind: type
    fields: dict[str, Any]

    def differs(self, event: AnyEvent) -> str | None:
        """How an event is not this one."""
        if type(event) is not self.kind:
            return f"{type(event).__name__} instead of {self.kind.__name__}"
        found = {name: getattr(event, name) for name in self.fields}
        return None if found == self.fields else f"{self.kind.__name__}: {found} != {self.fields}"


def happened(event: type, /, **fields: Any) -> Happened:
    """An event of a kind, with some of its fields."""
    return Happened(event, fields)


class Then:
    """What came of the last command, to be compared; every comparison returns itself."""

    def __init__(self, ledger: Ledger, decision: Decision) -> None:
        self.ledger = ledger
        self.decision = decision

    def then(self, *expected: Happened) -> Self:
        """Exactly these events are recorded, in this order."""
        events = self._accepted()
        assert [e.kind.__name__ for e in expected] == [type(e).__name__ for e in events]
        differences = [e.differs(event) for e, event in zip(expected, events, strict=True)]
        assert [None] * len(expected) == differences
        return self

    def then_nothing(self) -> Self:
        """Accepted, and nothing had to be recorded."""
        return self.then()

    def then_refused(self, kind: type[Refusal], /, **facts: Any) -> Self:
        """Refused for this reason, with these numbers; the world is as it was."""
        refusal = self.decision.refusal
        assert refusal is not None, f"accepted: {self.decision.events}"
        assert kind is type(refusal), repr(refusal)
        found = dict(refusal.facts())
        for shortfall in found.pop("shortfalls", ())[:1]:
            found |= {name: getattr(shortfall, name) for name in shortfall.__struct_fields__}
        assert facts == {name: found.get(name) for name in facts}
        return self

    def answering(self, **fields: Any) -> Self:
        """The caller is told so."""
        self._accepted()
        found = {name: getattr(self.decision.outcome, name) for name in fields}
        assert fields == found
        return self

    def with_line(self, index: int = 0, **numbers: int) -> Self:
        """One line of the answered reservation has these units; all others are none."""
        outcome: Any = self.decision.outcome
        state = outcome.lines[index]
        names = ("requested", "granted", "rejected", "open", "fulfilled", "released", "expired")
        assert dict.fromkeys(names, 0) | numbers == {name: getattr(state, name) for name in names}
        return self

    def leaving(self, sku: str = SKU, location: str = PLACE, /, **numbers: int) -> Self:
        """A stock has these numbers now: levels by bucket, on_hand, reserved, available."""
        stock = self.ledger.stock(sku, location)
        found = {
            name: stock.levels[name] if name in PHYSICAL_BUCKETS else getattr(stock, name)
            for name in numbers
        }
        assert numbers == found
        return self

    def broken(self, shorts: dict[str, int]) -> Self:
        """Exactly these promises are broken, by so many units."""
        return self.conflicting(PROMISE_BROKEN, shorts)

    def conflicting(self, kind: str, shorts: dict[str, int]) -> Self:
        """Exactly these conflicts of a kind are open, by holder."""
        found = {
            holder: conflict.short
            for (of, holder), conflict in self.ledger.stock().conflicts.items()
            if of == kind
        }
        assert shorts == found
        return self

    def when(self, *steps: Step) -> "Then":
        """Go on: the last of these is judged next."""
        return Given(self.ledger).when(*steps)

    def _accepted(self) -> list[AnyEvent]:
        assert self.decision.refusal is None, repr(self.decision.refusal)
        return self.decision.events


class Given:
    """What happened before."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def when(self, *steps: Step) -> Then:
        """Somebody asks; the last of these is judged, the others must be accepted."""
        *before, last = steps
        _accept(self.ledger, before)
        return Then(self.ledger, self.ledger.take(last))


def given(*steps: Step) -> Given:
    """A ledger in which these commands have been accepted, one a second."""
    ledger = Ledger()
    _accept(ledger, steps)
    return Given(ledger)


def strictly_given(*steps: Step) -> Given:
    """The same under a strict catalog: what nobody has defined is refused, or waits."""
    ledger = Ledger(strict=True)
    _accept(ledger, steps)
    return Given(ledger)


def _accept(ledger: Ledger, steps: Iterable[Step]) -> None:
    for step in steps:
        decision = ledger.take(step)
        assert decision.refusal is None, f"{step}: {decision.refusal!r}"
