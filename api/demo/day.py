"""The retail day: everything that happens in it, from a seed and nothing else.

Three shops, a warehouse that serves the web and a marketplace, twelve articles. One shop, on an
island, loses its line in the late morning and goes on selling; what it sold is part of the day,
but the ledger learns of it last.
"""

import random
from typing import Any, Final

import msgspec
from msgspec import Struct

from api.importing.batches import Batch

DATE: Final = "2025-11-28"
WEEKDAY: Final = "Friday, 28 November 2025"

SHOPS: Final = ("ams-1", "rtm-2", "texel-3")
ISLAND: Final = "texel-3"
WAREHOUSE: Final = "dc-1"
ARTICLES: Final = (
    "MUG",
    "LAMP",
    "ARMCHAIR",
    "TEAPOT",
    "VASE",
    "CANDLE",
    "TRAY",
    "CUSHION",
    "CLOCK",
    "BLANKET",
    "KETTLE",
    "MIRROR",
)

FLASH: Final = "LAMP"
"""Sold to the last one in the evening."""

RARE: Final = "ARMCHAIR"
"""The island shop has few; the marketplace is promised most of them, while nobody can ask."""

RARE_DELIVERED: Final = 6
RARE_PROMISED: Final = 4
RARE_SOLD_UNSEEN: Final = 5
FLASH_LEFT: Final = 120
FLASH_BUYERS: Final = 200

LINE_LOST: Final = 11 * 60 + 10
QUESTION_AT: Final = 15 * 60
_OPENS, _CLOSES = 9 * 60, 18 * 60
_ORDERS: Final = 900
_SPARE: Final = (20, 60)  # What is left of an article at the end of the day, at least and at most.


class Deed(Struct, frozen=True):
    """One request of the day: its key, the minute it happened in, where, and its movements."""

    key: str
    minute: int
    location: str
    movements: tuple[dict[str, Any], ...]


class Day(Struct, frozen=True):
    """The day in the order in which the ledger hears of it."""

    seed: int
    deliveries: tuple[Deed, ...]
    trading: tuple[Deed, ...]
    unseen: tuple[Deed, ...]  # The island's, after its line was lost.

    def level(self, sku: str, location: str, minute: int, *, unseen: bool) -> int:
        """Units on hand at a minute of the day, with or without what nobody knew."""
        deeds = self.deliveries + self.trading + (self.unseen if unseen else ())
        return sum(
            _delta(movement)
            for deed in deeds
            if deed.minute <= minute
            for movement in deed.movements
            if (movement["sku"], movement["location"]) == (sku, location)
        )

    def most_missed(self) -> str:
        """The article of which the island had sold most, unseen, when the question is asked."""

        def missed(sku: str) -> int:
            known = self.level(sku, ISLAND, QUESTION_AT, unseen=False)
            return known - self.level(sku, ISLAND, QUESTION_AT, unseen=True)

        return max((sku for sku in ARTICLES if sku != RARE), key=missed)


class Chapter:
    """Deeds as work for the sender, in order."""

    def __init__(self, deeds: tuple[Deed, ...]) -> None:
        """Take the deeds; `rows` counts their movements."""
        self._deeds = deeds
        self.rows = sum(len(deed.movements) for deed in deeds)

    def __len__(self) -> int:
        """How many requests there are."""
        return len(self._deeds)

    def __getitem__(self, index: int) -> Batch:
        """One request, as it goes over the wire."""
        deed = self._deeds[index]
        body = msgspec.json.encode({"movements": deed.movements})
        return Batch(deed.key, body, len(deed.movements))

    def parts(self, index: int) -> list[Batch]:
        """The request itself: it is as small as it gets."""
        return [self[index]]

    def stocks(self, index: int) -> tuple[tuple[str, str], ...]:
        """Location and SKU of each movement."""
        return tuple((m["location"], m["sku"]) for m in self._deeds[index].movements)


def retail_day(seed: int) -> Day:
    """The same seed, the same day, to the last unit."""
    chance = random.Random(seed)  # noqa: S311 - a story, not a secret
    orders = [_order(chance, number) for number in range(_ORDERS)]
    orders += [*_mishaps(chance), _rare_sales()]
    orders.sort(key=lambda deed: deed.minute)
    unseen = tuple(deed for deed in orders if _is_unseen(deed))
    trading = tuple(deed for deed in orders if not _is_unseen(deed))
    return Day(seed, _deliveries(chance, orders), trading, unseen)


def _is_unseen(deed: Deed) -> bool:
    return deed.location == ISLAND and deed.minute >= LINE_LOST


def clock(minute: int) -> str:
    """A minute of the day as people read it."""
    return f"{minute // 60:02}:{minute % 60:02}"


def instant(minute: int) -> str:
    """A minute of the day as the ledger reads it."""
    return f"{DATE}T{clock(minute)}:00Z"


def _order(chance: random.Random, number: int) -> Deed:
    """Somebody buys one to four articles: at a till, on the web or on the marketplace."""
    where = chance.choices((*SHOPS, "web", "marketplace"), weights=(30, 25, 15, 20, 10))[0]
    minute = min(_CLOSES - 1, int(chance.triangular(_OPENS, _CLOSES, 13 * 60)))
    location = where if where in SHOPS else WAREHOUSE
    channel = "pos" if where in SHOPS else where
    # The rare one and the one for the evening are sold as the story wants.
    wares = [sku for sku in ARTICLES if (sku, location) not in {(RARE, ISLAND), (FLASH, WAREHOUSE)}]
    bought = chance.sample(wares, chance.choices((1, 2, 3, 4), weights=(50, 30, 15, 5))[0])
    key = f"{where}-{number + 1:04}"
    movements = tuple(
        _movement("sale", sku, location, minute, chance.randint(1, 3), channel=channel, order=key)
        for sku in bought
    )
    return Deed(key, minute, location, movements)


def _mishaps(chance: random.Random) -> list[Deed]:
    """A shop's day is not only sales."""
    hours = [chance.randrange(_OPENS + 60, LINE_LOST) for _ in range(3)]
    back = _movement("return", "KETTLE", "ams-1", hours[0], 1, to_bucket="returned")
    broken = _movement("scrap", "VASE", "rtm-2", hours[1], 2, reason="broken")
    scratched = _movement(
        "move", "MIRROR", "ams-1", hours[2], 1, from_bucket="sellable", to_bucket="damaged"
    )
    deeds = (("return-ams-1", back), ("broken-rtm-2", broken), ("scratched-ams-1", scratched))
    return [
        Deed(key, minute, movement["location"], (movement,))
        for minute, (key, movement) in zip(hours, deeds, strict=True)
    ]


def _rare_sales() -> Deed:
    """The island sells its rare article over the counter, unaware of the marketplace."""
    minute = 13 * 60 + 30
    sale = _movement("sale", RARE, ISLAND, minute, RARE_SOLD_UNSEEN, channel="pos")
    return Deed("texel-3-hotel", minute, ISLAND, (sale,))


def _deliveries(chance: random.Random, orders: list[Deed]) -> tuple[Deed, ...]:
    """In the morning every place gets what its day will take, and some more."""
    needed: dict[tuple[str, str], int] = {}
    for movement in (movement for deed in orders for movement in deed.movements):
        stock = movement["location"], movement["sku"]
        needed[stock] = needed.get(stock, 0) + max(0, -_delta(movement))
    deeds = []
    for number, place in enumerate((WAREHOUSE, *SHOPS)):
        minute = 6 * 60 + 15 * number
        received = []
        for sku in ARTICLES:
            quantity = needed.get((place, sku), 0) + chance.randint(*_SPARE)
            if (place, sku) == (ISLAND, RARE):
                quantity = RARE_DELIVERED
            elif (place, sku) == (WAREHOUSE, FLASH):
                quantity = FLASH_LEFT
            received.append(_movement("receive", sku, place, minute, quantity))
        deeds.append(Deed(f"delivery-{place}", minute, place, tuple(received)))
    return tuple(deeds)


def _movement(
    kind: str, sku: str, location: str, minute: int, quantity: int, **more: str
) -> dict[str, Any]:
    return {
        "type": kind,
        "sku": sku,
        "location": location,
        "quantity": quantity,
        "occurred_at": instant(minute),
        **more,
    }


def _delta(movement: dict[str, Any]) -> int:
    """What a movement does to the units on hand."""
    sign = {"receive": 1, "return": 1, "move": 0, "sale": -1, "scrap": -1}
    quantity: int = movement["quantity"]
    return sign[movement["type"]] * quantity
