"""Random commands about promises, fences and conflicts, for random histories."""

from collections.abc import Sequence
from random import Random
from typing import Final

from ledger.domain import commands as c
from ledger.domain.events import LineQuantity, Relocation, SourcedLine
from ledger.domain.reservation import Reservation
from ledger.domain.values import Instant, Sourcing

_SECOND: Final = 1_000_000
_CHANNELS: Final = ("web", "shop", None)
_WORDS: Final = ("counted", "dismiss", "shorten", "release", "re_source", "re_source")


class Promising:
    """Draws from a history's own source of chance, so that a seed still gives one history."""

    def __init__(self, random: Random, skus: Sequence[str], places: Sequence[str]) -> None:
        """Take the names to choose from."""
        self._random = random
        self._skus = skus
        self._places = places

    def place(self, number: int, now: Instant) -> c.PlaceReservation:
        """A new promise; some lines leave open where."""
        random = self._random
        soft = random.random() < 0.7
        lines = tuple(self._line() for _ in range(random.randrange(1, 4)))
        sourced = (self._sourced(),) if random.random() < 0.25 else ()
        return c.PlaceReservation(
            reservation_id=f"order-{number}",
            lines=lines[:-1] if sourced else lines,
            sourced=sourced,
            channel=random.choice(_CHANNELS),
            kind="soft" if soft else "hard",
            expires_at=self._later(now) if soft else None,
            policy=random.choice(("all", "partial")),
        )

    def change(self, known: Reservation, now: Instant) -> c.AnyCommand:
        """What becomes of one of them."""
        random, name = self._random, known.reservation_id
        line = random.choice(known.lines)
        quantity = random.randrange(1, 6)
        some = LineQuantity(sku=line.sku, location=line.location, quantity=quantity)
        match random.randrange(11):
            case 0 | 10:
                return c.ConfirmReservation(reservation_id=name)
            case 1:
                return c.ExtendReservation(reservation_id=name, expires_at=self._later(now))
            case 2:
                return c.AmendReservation(reservation_id=name, lines=(some,))
            case 3:
                return c.AmendReservation(reservation_id=name, sourced=(self._sourced(line.sku),))
            case 4:
                return c.FulfilReservation(reservation_id=name)
            case 5:
                return c.FulfilReservation(reservation_id=name, lines=(some,))
            case 6:
                return c.ReleaseReservation(reservation_id=name, lines=(some,))
            case 7 | 8:
                return c.RelocateReservation(reservation_id=name, moves=(self._move(some),))
            case _:
                return c.ReleaseReservation(reservation_id=name)

    def rule(self) -> c.GrantFence | c.ReturnFence | c.SetBackorderLimit:
        """Units set aside, or given back, or a limit below zero."""
        random = self._random
        sku, location = random.choice(self._skus), random.choice(self._places)
        channel = random.choice(("web", "shop"))
        match random.randrange(7):
            case 0 | 2:
                limit = random.randrange(4)
                return c.SetBackorderLimit(sku=sku, location=location, limit=limit)
            case 1:
                units = random.choice((None, 1))
                return c.ReturnFence(sku=sku, location=location, channel=channel, quantity=units)
            case _:
                quantity = random.randrange(1, 6)
                return c.GrantFence(sku=sku, location=location, channel=channel, quantity=quantity)

    def resolution(self, conflict_id: str) -> c.ResolveConflict:
        """Somebody's word, which may do something."""
        word = self._random.choice(_WORDS)
        locations = tuple(self._random.sample(self._places, 1))
        moving = word == "re_source" and self._random.random() < 0.8
        return c.ResolveConflict(
            conflict_id=conflict_id,
            resolution=word,
            candidates=c.Candidates(locations=locations) if moving else None,
        )

    def _line(self) -> LineQuantity:
        return LineQuantity(
            sku=self._random.choice(self._skus),
            location=self._random.choice(self._places),
            quantity=self._random.randrange(1, 8),
        )

    def _sourced(self, sku: str | None = None) -> SourcedLine:
        random = self._random
        sourcing: Sourcing = random.choice(("in_order", "most_available"))
        return SourcedLine(
            sku=sku or random.choice(self._skus),
            locations=tuple(random.sample(self._places, len(self._places))),
            quantity=random.randrange(1, 12),
            sourcing=sourcing,
            split=random.random() < 0.5,
        )

    def _move(self, some: LineQuantity) -> Relocation:
        elsewhere = [place for place in self._places if place != some.location] or [some.location]
        return Relocation(
            sku=some.sku,
            from_location=some.location,
            to_location=self._random.choice(elsewhere),
            quantity=some.quantity,
        )

    def _later(self, now: Instant) -> Instant:
        return now + self._random.randrange(30, 900) * _SECOND
