"""PURE: a flash sale, drawn from a seed: what is sold where, to whom, and what is asked for."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final, TypeAlias

import msgspec

from api.bench.steady import Request

Document: TypeAlias = dict[str, Any]

HOT: Final = "HOT"
OTHERS: Final = tuple(f"SKU-{number:02d}" for number in range(1, 21))
LOCATIONS: Final[dict[str, Document]] = {
    "dc-1": {"kind": "warehouse", "tags": ["fast"]},
    "st-1": {"kind": "store", "tags": ["fast"]},
    "st-2": {"kind": "store"},
    "st-3": {"kind": "store"},
    "st-4": {"kind": "store", "sells": False},
}
_FEEDS: Final[tuple[Document, ...]] = (
    {"kinds": ["warehouse", "store"]},
    {"tags": ["fast"]},
    {"locations": ["dc-1", "st-2"]},
    {"kinds": ["store"], "locations": ["dc-1"]},
)
FENCED: Final = ("channel-03", "channel-07", "channel-11")
PLAIN: Final = "channel-00"
"""Fed by all and bound by no rule: whatever changes what is free changes its number."""

_TIMES: Final = "%Y-%m-%dT%H:%M:%S.%fZ"


def names(count: int) -> list[str]:
    """The channels."""
    return [f"channel-{number:02d}" for number in range(count)]


def channel(number: int) -> Document:
    """Each has rules of its own; the first has none."""
    rules: Document = {}
    if number:
        rules["safety_stock"] = [
            {"units": number % 3},
            {"units": 1 + number % 4, "location": "st-1"},
        ]
        rules["buffers"] = [
            {"units": number % 2, "percent": f"{number % 5}.25", "class": "A"},
            {"units": 1, "sku": OTHERS[number % len(OTHERS)]},
        ]
        rules["staleness"] = [
            {"from_s": 60 + number, "units": 1, "percent": 1},
            {"from_s": 3600, "units": 2, "percent": number},
        ]
        rules["publish"] = {
            "rise_units": 5 if number % 4 == 1 else 1,
            "every_ms": 100 if number % 4 == 2 else 0,
        }
    if number % 6 == 4:
        rules["caps"] = [{"units": 20 + number}, {"units": 900 * number, "sku": HOT}]
    if number % 6 == 5:
        rules["rounding"] = [{"pack": "case"}, {"units": 1 + number % 5, "class": "B"}]
    if number % 7 == 0 and number:
        rules["only_fenced"] = True
    if number % 9 == 8:
        rules["backorder_limit"] = 7
    return {**_FEEDS[number % 4], "by_location": number % 5 == 3, "rules": rules}


def catalog() -> Iterator[tuple[str, Document]]:
    """Paths and documents of what has to be put first."""
    for location, document in LOCATIONS.items():
        yield f"/v1/locations/{location}", document
    yield f"/v1/skus/{HOT}", {"class": "A", "packs": {"case": 12}}
    for number, sku in enumerate(OTHERS):
        packs = {"case": 6} if number % 2 else {}
        yield f"/v1/skus/{sku}", {"class": "AB"[number % 2], "packs": packs}


def opening(hot: int) -> Iterator[tuple[str, Document]]:
    """Stock, units set aside and limits, before anybody asks."""
    stock = [
        _receipt(HOT, location, hot if location == "dc-1" else 200) for location in LOCATIONS
    ] + [_receipt(sku, location, 500) for sku in OTHERS for location in ("dc-1", "st-1", "st-2")]
    yield "/v1/movements", {"movements": stock}
    for name in FENCED:
        yield "/v1/fences", {"sku": HOT, "location": "dc-1", "channel": name, "quantity": 300}
    yield "/v1/backorder-limits", {"sku": HOT, "location": "st-1", "limit": 5}


def _receipt(sku: str, location: str, quantity: int) -> Document:
    movement: Document = {"type": "receive", "sku": sku, "location": location}
    return {**movement, "quantity": quantity, "reference": "PO-1"}


class Crowd:
    """Who asks for what. Reservations that were asked for are confirmed, given up or collected."""

    def __init__(self, channels: int, seed: int) -> None:
        """Nobody has asked yet."""
        self._random = Random(seed)  # noqa: S311 - data, not secrets
        self._channels = names(channels)
        self._seed = seed
        self._number = 0
        self._asked: list[str] = []
        self._confirmed: list[str] = []

    def requests(self, count: int, rate: float, begins_at: int) -> list[Request]:
        """So many, at a rate; holds run out by the clock, some of them while the sale is on."""
        patience = max(10, int(rate / 4))  # Nobody acts on what may not have been answered.
        return [
            self._request(begins_at + int(number / rate * 1e6), patience) for number in range(count)
        ]

    def _request(self, now: int, patience: int) -> Request:
        self._number += 1
        draw = self._random.random()
        if draw < 0.20 and len(self._asked) > patience:
            return self._later(draw, patience)
        if draw < 0.26:
            sku = HOT if draw < 0.24 else self._random.choice(OTHERS)
            location = self._random.choice(("dc-1", "st-1", "st-2", "st-3"))
            movements = [_receipt(sku, location, self._random.randrange(1, 20))]
            return self._sent("/v1/movements", {"movements": movements})
        return self._reservation(now)

    def _reservation(self, now: int) -> Request:
        random, name = self._random, f"sale-{self._seed}-{self._number}"
        sku = HOT if random.random() < 0.8 else random.choice(OTHERS)
        short = random.random() < 0.1
        expires_at = now + (random.randrange(3_000_000, 6_000_000) if short else 900_000_000)
        location = random.choice(("dc-1", "dc-1", "dc-1", "st-1", "st-2", "st-3"))
        body = {
            "reservation_id": name,
            "channel": random.choice(self._channels),
            "kind": "soft",
            "expires_at": _rfc3339(expires_at),
            "lines": [{"sku": sku, "location": location, "quantity": random.randrange(1, 4)}],
        }
        self._asked.append(name)
        return self._sent("/v1/reservations", body)

    def _later(self, draw: float, patience: int) -> Request:
        if draw < 0.05 and len(self._confirmed) > patience:
            return self._sent(f"/v1/reservations/{self._confirmed.pop(0)}/fulfil", {})
        name = self._asked.pop(0)
        if draw < 0.12:
            self._confirmed.append(name)
            return self._sent(f"/v1/reservations/{name}/confirm", {})
        return self._sent(f"/v1/reservations/{name}/release", {})

    def _sent(self, path: str, document: Document) -> Request:
        key = f"sale-{self._seed}-{self._number}"
        return Request(path, key, msgspec.json.encode(document).decode())


def _rfc3339(instant: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant)).strftime(_TIMES)
