"""Random days of one stock, told in pieces that may arrive in any order."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final, TypeAlias

from msgspec import Struct

from ledger.domain.commands import RecordMovements
from ledger.domain.values import MICROSECONDS_PER_SECOND, PHYSICAL_BUCKETS, Instant
from tests.support import builders as b
from tests.support.definition import Movement, Seen, Truth
from tests.support.manual_clock import START

HOUR: Final = 3_600 * MICROSECONDS_PER_SECOND
HOURS: Final = 24

Way: TypeAlias = tuple[tuple[str, int], ...]


class Deed(Struct):
    """One thing people report: the command, what makes it known, and what it speaks of."""

    name: str
    command: RecordMovements
    tell: Callable[[Truth], None]
    about: str | None = None


class Day:
    """Draws deeds whose order of arrival must not matter."""

    def __init__(self, random: Random) -> None:
        """Every count gets an hour of its own; everything else may share one."""
        self.random = random
        self.deeds: list[Deed] = []
        self._hours = iter(random.sample(range(HOURS), HOURS))

    def draw(self, movements: int, counts: int) -> list[Deed]:
        """That many movements and counts, and what people have to say about some of them."""
        for number in range(movements):
            self._movement(f"m-{number}")
        for number in range(counts):
            self._count(f"c-{number}")
        return self.deeds

    def _movement(self, name: str) -> None:
        quantity = self.random.randrange(1, 10)
        at = START - self.random.randrange(HOURS) * HOUR
        kind, command, ways = self._kind(quantity, at)

        def tell(truth: Truth) -> None:
            truth.movements[name] = Movement(at, ways, quantity)

        self._add(name, command, tell)
        draw = self.random.random()
        if kind == "sale" and draw < 0.4:
            self._void(name, quantity)
        elif draw < 0.55:
            self._correct(name, kind, self.random.randrange(1, 12))
        elif draw < 0.7:
            self._cancel(name)

    def _kind(self, quantity: int, at: Instant) -> tuple[str, RecordMovements, Way]:
        bucket, other = self.random.sample(PHYSICAL_BUCKETS, 2)
        times = {"occurred_at": at}
        match self.random.choice(
            ("opening", "receive", "sale", "sale", "return", "move", "scrap", "adjust")
        ):
            case "opening":
                return "opening", b.opening(quantity, **times), (("sellable", 1),)
            case "receive":
                return "receive", b.receive(quantity, **times), (("sellable", 1),)
            case "return":
                return "return", b.take_back(quantity, to_bucket=bucket, **times), ((bucket, 1),)
            case "move":
                ways = ((bucket, -1), (other, 1))
                return "move", b.move(quantity, bucket, other, **times), ways
            case "scrap":
                return "scrap", b.scrap(quantity, bucket=bucket, **times), ((bucket, -1),)
            case "adjust":
                return "adjust", b.adjust(quantity, **times), (("sellable", 1),)
            case _:
                return "sale", b.sell(quantity, **times), (("sellable", -1),)

    def _void(self, name: str, quantity: int) -> None:
        units = self.random.randrange(1, quantity + 1)
        void = f"{name}-void"

        def tell(truth: Truth) -> None:
            truth.movements[name].voided += units

        self._add(void, b.void(name, units), tell, name)
        draw = self.random.random()
        if draw < 0.3:
            self._take_void_back(name, void, units)
        elif draw < 0.6:
            self._correct(name, "sale", quantity + self.random.randrange(3), void)
        elif draw < 0.8 and units < quantity:
            self._cancel(name, void)

    def _take_void_back(self, name: str, void: str, units: int) -> None:
        less = self.random.randrange(units + 1)

        def tell(truth: Truth) -> None:
            truth.movements[name].voided += less - units

        told = b.correct(void, less) if less else b.cancel(void)
        self._add(f"{void}-restated", told, tell, void)

    def _correct(self, name: str, kind: str, quantity: int, after: str | None = None) -> None:
        signed = -quantity if kind == "adjust" and self.random.random() < 0.5 else quantity

        def tell(truth: Truth) -> None:
            truth.movements[name].quantity = signed

        self._add(f"{name}-corrected", b.correct(name, signed), tell, after or name)

    def _cancel(self, name: str, after: str | None = None) -> None:
        def tell(truth: Truth) -> None:
            truth.movements[name].cancelled = True

        self._add(f"{name}-cancelled", b.cancel(name), tell, after or name)

    def _count(self, name: str) -> None:
        bucket = self.random.choice(("sellable", "sellable", *PHYSICAL_BUCKETS))
        seen = self._seen(bucket)

        def tell(truth: Truth) -> None:
            truth.counts[name] = seen

        self._add(name, _counting(seen), tell)
        draw = self.random.random()
        if draw < 0.2:
            self._uncount(name)
        elif draw < 0.4:
            self._recount(name, Seen(seen.at, bucket, self.random.randrange(30)))
        elif draw < 0.6:
            same = self.random.random() < 0.5
            other = Seen(seen.at, bucket, self.random.randrange(30)) if same else self._seen(bucket)
            self._replace(name, other)

    def _seen(self, bucket: str) -> Seen:
        return Seen(START - next(self._hours) * HOUR, bucket, self.random.randrange(30))

    def _uncount(self, name: str) -> None:
        def tell(truth: Truth) -> None:
            del truth.counts[name]

        self._add(f"{name}-cancelled", b.cancel(name), tell, name)

    def _recount(self, name: str, seen: Seen) -> None:
        def tell(truth: Truth) -> None:
            truth.counts[name] = seen

        self._add(f"{name}-corrected", b.correct(name, seen.counted), tell, name)
        if self.random.random() < 0.5:
            self._uncount(name)

    def _replace(self, name: str, seen: Seen) -> None:
        new = f"{name}-again"

        def tell(truth: Truth) -> None:
            del truth.counts[name]
            truth.counts[new] = seen

        self._add(new, _counting(seen, replaces=name), tell, name)
        if self.random.random() < 0.3:
            self._uncount(new)

    def _add(
        self,
        name: str,
        command: RecordMovements,
        tell: Callable[[Truth], None],
        about: str | None = None,
    ) -> None:
        self.deeds.append(Deed(name, b.named(name, command), tell, about))


def _counting(seen: Seen, **more: Any) -> RecordMovements:
    bucket: Any = seen.bucket
    return b.count(seen.counted, bucket=bucket, occurred_at=seen.at, **more)


def orders(deeds: list[Deed]) -> Iterator[list[Deed]]:
    """Every order in which the deeds may arrive: what speaks of another one comes after it."""
    return _orders([], deeds)


def _orders(told: list[Deed], left: list[Deed]) -> Iterator[list[Deed]]:
    if not left:
        yield told
    names = {deed.name for deed in left}
    for place, deed in enumerate(left):
        if deed.about not in names:
            yield from _orders([*told, deed], [*left[:place], *left[place + 1 :]])


def shuffled(deeds: list[Deed], random: Random) -> list[Deed]:
    """One of those orders; of two that speak of the same thing the first comes first."""
    left, told = list(deeds), []
    while left:
        waiting = {deed.name for deed in left}
        about = [deed.about for deed in left]
        free = [
            deed
            for place, deed in enumerate(left)
            if deed.about not in waiting and (deed.about is None or deed.about not in about[:place])
        ]
        deed = random.choice(free)
        left.remove(deed)
        told.append(deed)
    return told
