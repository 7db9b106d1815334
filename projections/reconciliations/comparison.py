"""PURE: what a whole list came to, in bounded memory however long it is."""

import heapq
from typing import Final

from msgspec import Struct

from ledger.domain.events import LocationTally, ProposedLine, Tally
from projections.reconciliations.classify import Explanation

LOCATIONS_MAX: Final = 1_000
"""Locations with a tally of their own, some 250 KB in the event; further ones only add up."""

PROPOSALS_MAX: Final = 5_000
"""Corrections proposed by one reconciliation, the largest; more is a list nobody looks through."""


class Variance(Struct, frozen=True, kw_only=True, gc=False):
    """A key whose balances differ by more than the tolerance, and why.

    `missing`: the other list lacks it. `unfamiliar`: the ledger never saw it.
    """

    sku: str
    location: str
    theirs: int
    ours: int
    explanation: Explanation
    missing: bool = False
    unfamiliar: bool = False

    @property
    def variance(self) -> int:
        """How much more (less: negative) the other system has."""
        return self.theirs - self.ours


class _Sums(Struct):
    """A tally under way."""

    matched: int = 0
    within: int = 0
    missing: int = 0
    unfamiliar: int = 0
    net_units: int = 0
    in_flight: int = 0
    late: int = 0
    duplicate: int = 0
    unknown: int = 0
    in_flight_units: int = 0
    late_units: int = 0
    duplicate_units: int = 0
    unknown_units: int = 0

    def tally(self) -> Tally:
        """The numbers so far."""
        beyond = self.in_flight + self.late + self.duplicate + self.unknown
        return Tally(
            keys=self.matched + self.within + beyond,
            beyond=beyond,
            **{name: getattr(self, name) for name in self.__struct_fields__},
        )

    def take(self, variance: Variance) -> None:
        """A key beyond the tolerance: units go by what explains them, the rest by the class."""
        kind, parts, unexplained = variance.explanation
        setattr(self, kind, getattr(self, kind) + 1)
        for part in parts:
            name = f"{part.kind}_units"
            setattr(self, name, getattr(self, name) + abs(part.quantity))
        self.unknown_units += abs(unexplained)
        self.net_units += variance.variance
        self.missing += variance.missing
        self.unfamiliar += variance.unfamiliar


class Findings:
    """Adds keys up, by location and in all, and keeps the largest unexplained variances."""

    def __init__(self) -> None:
        """Begin with nothing compared."""
        self._total = _Sums()
        self._places: dict[str, _Sums] = {}
        self._largest: list[tuple[int, tuple[str, str], ProposedLine]] = []
        self.keys_elsewhere = 0
        self.proposals_left_out = 0

    def close(self, location: str, difference: int) -> None:
        """A key whose balances differ by no more than the tolerance, or not at all."""
        for sums in self._sums(location):
            sums.net_units += difference
            if difference:
                sums.within += 1
            else:
                sums.matched += 1

    def take(self, variance: Variance) -> None:
        """A key whose balances differ by more than the tolerance."""
        for sums in self._sums(variance.location):
            sums.take(variance)
        if variance.explanation.kind == "unknown":
            self._propose(variance)

    @property
    def tally(self) -> Tally:
        """All keys."""
        return self._total.tally()

    @property
    def locations(self) -> tuple[LocationTally, ...]:
        """The keys by location, in order."""
        return tuple(
            LocationTally(location=location, tally=self._places[location].tally())
            for location in sorted(self._places)
        )

    @property
    def proposals(self) -> tuple[ProposedLine, ...]:
        """The corrections to propose, the largest first."""
        found = sorted(self._largest, key=lambda one: (-one[0], one[1]))
        return tuple(line for _, _, line in found)

    def _sums(self, location: str) -> tuple[_Sums, ...]:
        own = self._places.get(location)
        if own is None:
            if len(self._places) >= LOCATIONS_MAX:
                self.keys_elsewhere += 1
                return (self._total,)
            own = self._places[location] = _Sums()
        return self._total, own

    def _propose(self, variance: Variance) -> None:
        line = ProposedLine(
            sku=variance.sku,
            location=variance.location,
            theirs=variance.theirs,
            ours=variance.ours,
            delta=variance.variance,
        )
        entry = (abs(line.delta), (line.location, line.sku), line)
        if len(self._largest) < PROPOSALS_MAX:
            heapq.heappush(self._largest, entry)
        else:
            self.proposals_left_out += 1
            heapq.heappushpop(self._largest, entry)


def allowed(ours: int, units: int, per_mille: int) -> int:
    """By how many units a key may differ: the greater of both tolerances."""
    return max(units, abs(ours) * per_mille // 1_000)
