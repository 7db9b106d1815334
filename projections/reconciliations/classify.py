"""PURE: why another system's balance differs from ours. No clock, no SQL, always the same answer.

A balance differs by `theirs - ours`. Hypotheses are tried in the order of `_HYPOTHESES`, each
from its nearest and smallest case on; the first whose events come to exactly the variance is the
explanation. Only where none does, and a tolerance was given, the same hypotheses are tried again
for one that leaves no more than the tolerance. Each is a sentence about what the other system
did; `docs/reconciliation.md` has them in words.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, chain, combinations
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from msgspec import Struct

from ledger.domain.values import Instant

VarianceClass: TypeAlias = Literal["in_flight", "late", "duplicate", "unknown"]
"""Why, in one word."""

VARIANCE_CLASSES: Final[tuple[VarianceClass, ...]] = get_args(VarianceClass)

Role: TypeAlias = Literal[
    "not_seen", "seen_early", "on_its_way", "recorded_twice", "applied_twice", "missed"
]
"""What the other system did with a movement of ours."""

RUN_MAX: Final = 64
"""Movements in a run before or after a cut: a busy stock's hour."""

SOME_MAX: Final = 24
"""Movements near the moment of which one or two are tried: 300 cases."""

BOTH_MAX: Final = 12
"""Movements on each side where a cut in business time and one in ledger time meet: 300 cases."""


class Change(Struct, frozen=True, kw_only=True, gc=False):
    """What one event did to the compared quantity of one key."""

    position: int
    occurred_at: Instant
    recorded_at: Instant
    delta: int
    type: str
    movement_id: str | None = None
    reference: str | None = None
    transfer_id: str | None = None
    out_of_order: bool = False  # Recorded after something that happened later.
    under_way: bool = False  # Goods left, and have not all arrived.


class Case(Struct, frozen=True, kw_only=True, gc=False):
    """Both balances of a key, and the events of ours that may be behind the difference.

    `changes` are all those looked at, each once; `ways` are the units on their way to the key,
    one entry for each transfer, with what is on its way as `delta`. `missing`: the other list
    lacks the key.
    """

    theirs: int
    ours: int
    as_of: Instant
    known: int  # The position up to which ours was asked.
    cut: int  # The last position the other system can have known; 0: the ledger had not begun.
    window: int  # Microseconds around `as_of` that count as near it.
    changes: tuple[Change, ...] = ()
    ways: tuple[Change, ...] = ()
    missing: bool = False

    @property
    def variance(self) -> int:
        """How much more (less: negative) the other system has."""
        return self.theirs - self.ours


class Part(NamedTuple):
    """A piece of a variance, and the events that come to it."""

    kind: VarianceClass
    role: Role
    quantity: int
    changes: tuple[Change, ...]


class Explanation(NamedTuple):
    """The parts of a variance, and what is left of it. Without parts it is `unknown`."""

    kind: VarianceClass
    parts: tuple[Part, ...]
    unexplained: int


Hypothesis: TypeAlias = Callable[["_Sides"], Iterator[tuple[Part, ...]]]


def explain(case: Case, tolerance: int = 0) -> Explanation:
    """The first explanation in the order of precedence."""
    variance = case.variance
    sides = _Sides(case)
    tried = _OF_MISSING if case.missing else _HYPOTHESES
    for slack in (0, tolerance) if tolerance else (0,):
        for hypothesis in tried:
            for parts in hypothesis(sides):
                rest = variance - sum(part.quantity for part in parts)
                if abs(rest) <= slack:
                    return Explanation(parts[0].kind, parts, rest)
    return Explanation("unknown", (), variance)


class _Sides:
    """The events of a case, by how they lie to its cuts; each list begins nearest to its cut."""

    def __init__(self, case: Case) -> None:
        self.ways = case.ways
        at, known = case.as_of, case.known
        by_time = sorted(case.changes, key=lambda one: (one.occurred_at, one.position))
        by_position = sorted(case.changes, key=lambda one: one.position)
        # What ours counts, the newest first.
        self.counted = [o for o in reversed(by_time) if o.occurred_at <= at and o.position <= known]
        self.before = [one for one in self.counted if one.occurred_at > at - case.window]
        self.after = [
            one
            for one in by_time
            if at < one.occurred_at <= at + case.window and one.position <= known
        ]
        self.unseen = [
            one
            for one in reversed(by_position)
            if one.occurred_at <= at
            and case.cut < one.position <= known
            # A ledger that was begun after the cut knew nothing then: that proves nothing.
            and (case.cut or one.out_of_order)
        ]
        self.foreseen = [
            one for one in by_position if one.occurred_at <= at and known < one.position
        ]
        near = [*self.before, *self.after]
        near.sort(key=lambda one: (abs(one.occurred_at - at), one.position))
        self.near = [(one, -1 if one.occurred_at <= at else 1) for one in near[:SOME_MAX]]


# --- hypotheses ---------------------------------------------------------------------------------


def _recorded_twice(sides: _Sides) -> Iterator[tuple[Part, ...]]:
    """Ours has a movement more than once: same type, reference and quantity; theirs has it once."""
    alike: dict[tuple[str, str, int], list[Change]] = {}
    for one in sides.counted:
        if one.reference is not None:
            alike.setdefault((one.type, one.reference, one.delta), []).append(one)
    for found in alike.values():
        for more in range(1, len(found)):
            quantity = -more * found[0].delta
            evidence = tuple(sorted(found, key=lambda one: one.position))
            yield (Part("duplicate", "recorded_twice", quantity, evidence),)


def _cut_in_time(sides: _Sides) -> Iterator[tuple[Part, ...]]:
    """Theirs is our balance at another moment within the window."""
    early = _runs("in_flight", "not_seen", sides.before[:RUN_MAX], -1)
    late = _runs("in_flight", "seen_early", sides.after[:RUN_MAX], 1)
    for pair in _in_turn(early, late):
        yield (pair,)


def _cut_in_ledger(sides: _Sides) -> Iterator[tuple[Part, ...]]:
    """Theirs is our balance of the same moment, as it was known at another position."""
    for part in _in_turn(
        _runs("late", "not_seen", sides.unseen, -1), _runs("late", "seen_early", sides.foreseen, 1)
    ):
        yield (part,)


def _on_the_way(sides: _Sides) -> Iterator[tuple[Part, ...]]:
    """Units on their way: theirs has them there already, or still where they left."""
    left = [one for one in sides.counted if one.under_way][:SOME_MAX]
    for role, found, sign in (("on_its_way", sides.ways, 1), ("not_seen", left, -1)):
        for one in found:
            yield (Part("in_flight", role, sign * one.delta, (one,)),)  # type: ignore[arg-type]
        if len(found) > 1:
            total = sign * sum(one.delta for one in found)
            yield (Part("in_flight", role, total, tuple(found)),)  # type: ignore[arg-type]


def _some_near(sides: _Sides) -> Iterator[tuple[Part, ...]]:
    """One or two movements near the moment, not the nearest, were not seen or seen already."""
    for found in chain(combinations(sides.near, 1), combinations(sides.near, 2)):
        yield tuple(
            Part("in_flight", "not_seen" if sign < 0 else "seen_early", sign * one.delta, (one,))
            for one, sign in found
        )


def _both_cuts(sides: _Sides) -> Iterator[tuple[Part, ...]]:
    """Theirs is our balance at another moment, as it was known at another position."""
    in_time = list(_cut_in_time(sides))[: 2 * BOTH_MAX]
    in_ledger = list(_cut_in_ledger(sides))[: 2 * BOTH_MAX]
    for (part,) in in_time:
        seen = {one.position for one in part.changes}
        for (other,) in in_ledger:
            rest = tuple(one for one in other.changes if one.position not in seen)
            if rest:
                sign = -1 if other.role == "not_seen" else 1
                quantity = sign * sum(one.delta for one in rest)
                yield part, Part("late", other.role, quantity, rest)


def _applied_twice(sides: _Sides) -> Iterator[tuple[Part, ...]]:
    """Theirs has one of ours twice."""
    for one in sides.counted:
        yield (Part("duplicate", "applied_twice", one.delta, (one,)),)


def _missed(sides: _Sides) -> Iterator[tuple[Part, ...]]:
    """Theirs never got one of ours."""
    for one in sides.counted:
        yield (Part("duplicate", "missed", -one.delta, (one,)),)


_HYPOTHESES: Final[tuple[Hypothesis, ...]] = (
    _recorded_twice,
    _cut_in_ledger,
    _cut_in_time,
    _on_the_way,
    _some_near,
    _both_cuts,
    _applied_twice,
    _missed,
)
"""In the order of precedence: what leaves traces first, what is only possible last."""

_OF_MISSING: Final[tuple[Hypothesis, ...]] = (_cut_in_ledger, _cut_in_time, _both_cuts)
"""Of a key that the other list lacks: it may not have begun there yet, else nobody knows."""


def _runs(kind: VarianceClass, role: Role, changes: Sequence[Change], sign: int) -> Iterator[Part]:
    """The first one, the first two, and so on."""
    totals = accumulate(sign * one.delta for one in changes)
    for length, quantity in enumerate(totals, start=1):
        yield Part(kind, role, quantity, tuple(changes[:length]))


def _in_turn(first: Iterable[Part], second: Iterable[Part]) -> Iterator[Part]:
    """One of each in turn, so that the shorter run comes first."""
    iterators = [iter(first), iter(second)]
    while iterators:
        for iterator in list(iterators):
            part = next(iterator, None)
            if part is None:
                iterators.remove(iterator)
            else:
                yield part
