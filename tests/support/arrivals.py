"""Random days of one SKU at three places, told in pieces that may arrive in any order."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final, TypeAlias

from msgspec import Struct

from ledger.domain.commands import AnyCommand, RecordMovements
from ledger.domain.values import MICROSECONDS_PER_SECOND, PHYSICAL_BUCKETS, Instant
from tests.support import builders as b
from tests.support import transfers as t
from tests.support.definition import Movement, Seen, Shelf, Truth
from tests.support.manual_clock import START

HOUR: Final = 3_600 * MICROSECONDS_PER_SECOND
HOURS: Final = 24
PLACES: Final = ("ams-1", "nyc-2", "lon-3")

Ways: TypeAlias = tuple[tuple[Shelf, int], ...]


class Deed(Struct):
    """One thing people report: the command, what makes it known, and what it speaks of.

    Of those that speak of the same thing the first comes first, unless they are `loose`.
    """

    name: str
    command: AnyCommand
    tell: Callable[[Truth], None]
    about: str | None = None
    loose: bool = False


class Day:
    """Draws deeds whose order of arrival must not matter."""

    def __init__(self, random: Random, places: tuple[str, ...] = PLACES[:1]) -> None:
        """Every count gets an hour of its own; everything else may share one."""
        self.random = random
        self.places = places
        self.deeds: list[Deed] = []
        self._hours = iter(random.sample(range(HOURS), HOURS))

    def draw(self, movements: int, counts: int, transfers: int = 0) -> list[Deed]:
        """That many of each, and what people have to say about some of them afterwards."""
        for number in range(movements):
            self._movement(f"m-{number}")
        for number in range(counts):
            self._count(f"c-{number}")
        for number in range(transfers):
            self._transfer(f"t-{number}")
        return self.deeds

    # --- movements ----------------------------------------------------------------------------

    def _movement(self, name: str) -> None:
        quantity = self.random.randrange(1, 10)
        at, place = self._when(), self.random.choice(self.places)
        kind, command, ways = self._kind(quantity, at, place)

        def tell(truth: Truth) -> None:
            truth.movements[name] = Movement(at, ways, quantity)

        self._add(name, command, tell)
        draw = self.random.random()
        if kind == "sale" and draw < 0.4:
            self._void(name, place, quantity)
        elif draw < 0.55:
            self._correct(name, place, kind, self.random.randrange(1, 12))
        elif draw < 0.7:
            self._cancel(name, place)

    def _kind(self, units: int, at: Instant, place: str) -> tuple[str, RecordMovements, Ways]:
        bucket, other = self.random.sample(PHYSICAL_BUCKETS, 2)
        fields = {"occurred_at": at, "location": place}
        for_sale = (place, "sellable")
        match self.random.choice(
            ("opening", "receive", "sale", "sale", "return", "move", "scrap", "adjust")
        ):
            case "opening":
                return "opening", b.opening(units, **fields), ((for_sale, 1),)
            case "receive":
                return "receive", b.receive(units, **fields), ((for_sale, 1),)
            case "return":
                command = b.take_back(units, to_bucket=bucket, **fields)
                return "return", command, (((place, bucket), 1),)
            case "move":
                ways = (((place, bucket), -1), ((place, other), 1))
                return "move", b.move(units, bucket, other, **fields), ways
            case "scrap":
                return "scrap", b.scrap(units, bucket=bucket, **fields), (((place, bucket), -1),)
            case "adjust":
                return "adjust", b.adjust(units, **fields), ((for_sale, 1),)
            case _:
                return "sale", b.sell(units, **fields), ((for_sale, -1),)

    def _void(self, name: str, place: str, quantity: int) -> None:
        units = self.random.randrange(1, quantity + 1)
        void = f"{name}-void"

        def tell(truth: Truth) -> None:
            truth.movements[name].voided += units

        self._add(void, b.void(name, units, location=place), tell, name)
        draw = self.random.random()
        if draw < 0.3:
            self._take_void_back(name, void, place, units)
        elif draw < 0.6:
            self._correct(name, place, "sale", quantity + self.random.randrange(3), void)
        elif draw < 0.8 and units < quantity:
            self._cancel(name, place, void)

    def _take_void_back(self, name: str, void: str, place: str, units: int) -> None:
        less = self.random.randrange(units + 1)

        def tell(truth: Truth) -> None:
            truth.movements[name].voided += less - units

        fields = {"location": place}
        told = b.correct(void, less, **fields) if less else b.cancel(void, **fields)
        self._add(f"{void}-restated", told, tell, void)

    def _correct(
        self, name: str, place: str, kind: str, quantity: int, after: str | None = None
    ) -> None:
        signed = -quantity if kind == "adjust" and self.random.random() < 0.5 else quantity

        def tell(truth: Truth) -> None:
            truth.movements[name].quantity = signed

        command = b.correct(name, signed, location=place)
        self._add(f"{name}-corrected", command, tell, after or name)

    def _cancel(self, name: str, place: str, after: str | None = None) -> None:
        def tell(truth: Truth) -> None:
            truth.movements[name].cancelled = True

        self._add(f"{name}-cancelled", b.cancel(name, location=place), tell, after or name)

    # --- counts -------------------------------------------------------------------------------

    def _count(self, name: str) -> None:
        bucket = self.random.choice(("sellable", "sellable", *PHYSICAL_BUCKETS))
        seen = self._seen((self.random.choice(self.places), bucket))

        def tell(truth: Truth) -> None:
            truth.counts[name] = seen

        self._add(name, counting(seen), tell)
        draw = self.random.random()
        if draw < 0.2:
            self._uncount(name, seen)
        elif draw < 0.4:
            self._recount(name, Seen(seen.at, seen.shelf, self.random.randrange(30)))
        elif draw < 0.6:
            other = self._seen(seen.shelf)
            if self.random.random() < 0.5:
                other = Seen(seen.at, seen.shelf, other.counted)
            self._replace(name, other)

    def _seen(self, shelf: Shelf) -> Seen:
        return Seen(START - next(self._hours) * HOUR, shelf, self.random.randrange(30))

    def _uncount(self, name: str, seen: Seen) -> None:
        def tell(truth: Truth) -> None:
            del truth.counts[name]

        self._add(f"{name}-cancelled", b.cancel(name, location=seen.shelf[0]), tell, name)

    def _recount(self, name: str, seen: Seen) -> None:
        def tell(truth: Truth) -> None:
            truth.counts[name] = seen

        command = b.correct(name, seen.counted, location=seen.shelf[0])
        self._add(f"{name}-corrected", command, tell, name)
        if self.random.random() < 0.5:
            self._uncount(name, seen)

    def _replace(self, name: str, seen: Seen) -> None:
        new = f"{name}-again"

        def tell(truth: Truth) -> None:
            del truth.counts[name]
            truth.counts[new] = seen

        self._add(new, counting(seen, replaces=name), tell, name)
        if self.random.random() < 0.3:
            self._uncount(new, seen)

    # --- transfers ----------------------------------------------------------------------------

    def _transfer(self, name: str) -> None:
        """Goods on their way between two places; what left and what arrived come in any order."""
        source, end = self.random.sample(self.places, 2)
        left = self.random.randrange(3, 12)
        came = self.random.randrange(1, left - 1)
        request = t.request(name, t.of_sku(left), source=source, to=end)
        self._add(name, request, lambda truth: None)
        self._leg(f"{name}-left", name, t.dispatch, t.of_sku(left), {(source, "sellable"): -left})
        line = t.arrived(came, damaged=1, returned=1)
        reached = {(end, "sellable"): came, (end, "damaged"): 1, (source, "quarantine"): 1}
        self._leg(f"{name}-came", name, t.receive, line, reached)

    def _leg(
        self,
        name: str,
        transfer: str,
        command: Callable[..., AnyCommand],
        line: object,
        moved: dict[Shelf, int],
    ) -> None:
        at = self._when()

        def tell(truth: Truth) -> None:
            for number, (shelf, units) in enumerate(moved.items()):
                truth.movements[f"{name}-{number}"] = Movement(at, ((shelf, 1),), units)

        self._add(name, command(transfer, line, occurred_at=at), tell, transfer, loose=True)

    # --- both ---------------------------------------------------------------------------------

    def _when(self) -> Instant:
        return START - self.random.randrange(HOURS) * HOUR

    def _add(
        self,
        name: str,
        command: AnyCommand,
        tell: Callable[[Truth], None],
        about: str | None = None,
        *,
        loose: bool = False,
    ) -> None:
        if isinstance(command, RecordMovements):
            command = b.named(name, command)
        self.deeds.append(Deed(name, command, tell, about, loose))


def counting(seen: Seen, **more: Any) -> RecordMovements:
    """What somebody saw, as a command."""
    location, bucket = seen.shelf
    fields: dict[str, Any] = {"bucket": bucket, "location": location, "occurred_at": seen.at}
    return b.count(seen.counted, **fields, **more)


def orders(deeds: list[Deed]) -> Iterator[list[Deed]]:
    """Every order in which the deeds may arrive: what speaks of another one comes after it."""
    return _orders([], deeds)


def _orders(told: list[Deed], left: list[Deed]) -> Iterator[list[Deed]]:
    if not left:
        yield told
    for place, deed in enumerate(left):
        if _free(deed, place, left):
            yield from _orders([*told, deed], [*left[:place], *left[place + 1 :]])


def shuffled(deeds: list[Deed], random: Random) -> list[Deed]:
    """One of those orders."""
    left, told = list(deeds), []
    while left:
        deed = random.choice([one for place, one in enumerate(left) if _free(one, place, left)])
        left.remove(deed)
        told.append(deed)
    return told


def _free(deed: Deed, place: int, left: list[Deed]) -> bool:
    if deed.about in {one.name for one in left}:
        return False
    return deed.loose or deed.about is None or deed.about not in {d.about for d in left[:place]}
