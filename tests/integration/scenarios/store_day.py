"""A store's day, made up from a seed: what was there, was promised, sold, moved and counted."""

from collections import Counter
from random import Random
from typing import Any, Final

from msgspec import Struct

from ledger.domain.values import Instant
from tests.integration.scenarios.days import HOUR, MINUTE, written

SALES: Final = 5_000
SKUS: Final = tuple(f"SKU-{number:02}" for number in range(40))
CALL_MAX: Final = 1_000  # Movements of one call.

OPENS: Final = 7 * HOUR
PROMISES: Final = 7 * HOUR + 30 * MINUTE
LINK_DOWN: Final = 9 * HOUR
LEAVES: Final = 10 * HOUR + 30 * MINUTE
ARRIVES: Final = 13 * HOUR + 10 * MINUTE
COUNTED: Final = (15 * HOUR, 16 * HOUR + 30 * MINUTE)
LINK_UP: Final = 18 * HOUR
CLOSES: Final = 20 * HOUR


class Sale(Struct, frozen=True):
    """One line of a till's roll. `promise` is the order it hands over, if it does."""

    number: int
    at: Instant
    sku: str
    quantity: int
    promise: int | None = None


class Promise(Struct, frozen=True):
    """An order that waits in the store for its customer."""

    number: int
    sku: str
    quantity: int
    kind: str


class Count(Struct, frozen=True):
    """What somebody saw on the shelf."""

    number: int
    at: Instant
    sku: str
    counted: int


class Arrival(Struct, frozen=True):
    """What was sent to the store, and what became of it on the way."""

    sku: str
    sent: int
    damaged: int
    lost: int


class StoreDay(Struct, frozen=True):
    """The facts of a day, in business time; `midnight` is where it begins."""

    midnight: Instant
    opening: dict[str, int]
    promises: list[Promise]
    arrivals: list[Arrival]
    sales: list[Sale]
    counts: list[Count]

    @classmethod
    def drawn(cls, chance: Random, midnight: Instant) -> "StoreDay":
        """A day in which some things sell out, some promises break, and no count is quite right."""
        opening = {sku: chance.randint(120, 420) for sku in SKUS}
        promises = [
            Promise(number, chance.choice(SKUS), chance.randint(1, 25), chance.choice(KINDS))
            for number in range(40)
        ]
        arrivals = [
            Arrival(sku, chance.randint(20, 60), chance.randint(0, 3), chance.randint(0, 3))
            for sku in chance.sample(SKUS, 15)
        ]
        sales = _sales(chance, promises)
        counts = _counts(chance, opening, arrivals, sales)
        return cls(midnight, opening, promises, arrivals, sales, counts)

    def hours(self) -> list[str]:
        """Every hour of the day, as questions write it."""
        return [written(self.midnight + hour * HOUR) for hour in range(25)]


KINDS: Final = ("hard", "hard", "soft")


def _sales(chance: Random, promises: list[Promise]) -> list[Sale]:
    moments = chance.sample(range(LINK_DOWN, LINK_UP), SALES)  # No two at the same microsecond.
    collected = chance.sample([one for one in promises if one.kind == "hard"], 8)
    sold = [
        Sale(number, at, chance.choice(SKUS), chance.choice((1, 1, 1, 2, 3)))
        for number, at in enumerate(moments)
    ]
    for number, promise in enumerate(collected):
        at = sold[number].at
        sold[number] = Sale(number, at, promise.sku, promise.quantity, promise.number)
    return sorted(sold, key=lambda sale: sale.at)


def _counts(
    chance: Random, opening: dict[str, int], arrivals: list[Arrival], sales: list[Sale]
) -> list[Count]:
    """Half of the store in the afternoon, some of that once more: never quite what should be."""
    counts: list[Count] = []
    first = chance.sample(SKUS, 20)
    for begun, skus in zip(COUNTED, (first, first[:8]), strict=True):
        for place, sku in enumerate(skus):
            at = begun + place * MINUTE
            there = opening[sku] - sum(s.quantity for s in sales if s.sku == sku and s.at <= at)
            there += sum(one.sent - one.damaged - one.lost for one in arrivals if one.sku == sku)
            seen = max(0, there + chance.randint(-4, 3))
            counts.append(Count(len(counts), at, sku, seen))
    return counts


class Store(Struct, frozen=True):
    """One of two stores that live through the same day, and the depot that supplies it."""

    name: str

    @property
    def depot(self) -> str:
        """Where its goods come from."""
        return f"depot-of-{self.name}"

    def fact(self, kind: str, word: str, day: StoreDay, at: Instant, **more: Any) -> dict[str, Any]:
        """A movement of this store."""
        return {
            "type": kind,
            "location": self.name,
            "movement_id": f"{self.name}:{word}",
            "occurred_at": written(day.midnight + at),
            **more,
        }

    def openings(self, day: StoreDay) -> list[dict[str, Any]]:
        """What lies in the store and in its depot before the day begins."""
        there = [
            self.fact("opening", f"opening:{sku}", day, OPENS, sku=sku, quantity=quantity)
            for sku, quantity in day.opening.items()
        ]
        supply = [
            self.fact("opening", f"supply:{one.sku}", day, OPENS, sku=one.sku, quantity=one.sent)
            | {"location": self.depot}
            for one in day.arrivals
        ]
        return [*there, *supply]

    def sale(self, sale: Sale, day: StoreDay) -> dict[str, Any]:
        """A line of the till."""
        more = {"reservation_id": self.promise(sale.promise)} if sale.promise is not None else {}
        word = f"till-1:{sale.number}"
        return self.fact("sale", word, day, sale.at, sku=sale.sku, quantity=sale.quantity, **more)

    def count(self, count: Count, day: StoreDay) -> dict[str, Any]:
        """A line of a counting list."""
        word = f"count:{count.number}"
        return self.fact("count", word, day, count.at, sku=count.sku, counted=count.counted)

    def promise(self, number: int) -> str:
        """The name of an order."""
        return f"{self.name}:order-{number}"

    @property
    def transfer(self) -> str:
        """The name of the day's delivery."""
        return f"{self.name}:delivery"


def overlapping(chance: Random, sales: list[Sale]) -> list[list[Sale]]:
    """All sales in a random order, in three parts of which each repeats some of the one before."""
    shuffled = chance.sample(sales, len(sales))
    third, again = len(sales) // 3, len(sales) // 10
    return [
        shuffled[: third + again],
        shuffled[third : 2 * third + again],
        shuffled[2 * third - again :],
    ]


def repeated(parts: list[list[Sale]]) -> int:
    """How many sales are sent more often than once, each time after the first."""
    times = Counter(sale.number for part in parts for sale in part)
    return sum(times.values()) - len(times)
