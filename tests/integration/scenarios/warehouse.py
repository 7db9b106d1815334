"""Shipments of a real warehouse: what was planned and what left, day by day."""

import datetime as dt
import os
from collections import Counter
from collections.abc import Iterator
from typing import Final

import duckdb
from msgspec import Struct

from ledger.domain.values import Instant
from tests.integration.scenarios.crowd import Request
from tests.integration.scenarios.days import HOUR, instant_of, written
from tests.integration.scenarios.shared_data import SHIPMENTS

PLACE: Final = "warehouse"
SERVICE_PREFIX: Final = "serv"  # Assembly, training, insurance: on the paper, never on a shelf.
PART_LINES: Final = 5_000
WHOLE: Final = "all"
LINES: Final = os.environ.get("WAREHOUSE_LINES", str(PART_LINES))
"""How many lines of the file are replayed: a number, or `all`."""

MORNING: Final = 8 * HOUR  # When the day's promises are made,
AFTERNOON: Final = 16 * HOUR  # and when its goods leave.
_MOVEMENTS_MAX: Final = 1_000  # Of one call.


class Shipment(Struct, frozen=True):
    """Everything that leaves under one number. `lines` are units by SKU, services included."""

    ship_id: str
    promised: dt.date
    left: dt.date
    lines: dict[str, int]

    @property
    def goods(self) -> dict[str, int]:
        """Units by SKU of what lies on a shelf."""
        return {sku: n for sku, n in self.lines.items() if not is_service(sku)}


def is_service(sku: str) -> bool:
    """Whether a SKU is work, not goods."""
    return sku.startswith(SERVICE_PREFIX)


def shipments(lines: str = LINES) -> list[Shipment]:
    """The first whole shipments of the file with at least so many lines.

    A fifth of them left before the day they were planned for: those are promised on the day they
    leave, since nobody ships what nobody knows of.
    """
    limit = None if lines == WHOLE else int(lines)
    rows = duckdb.connect().execute(
        """
        select ship_id, least(any_value(planned_ship), any_value(actual_ship)),
               any_value(actual_ship), list(sku order by row_no), list(quantity order by row_no)
          from read_parquet(?) group by ship_id order by min(row_no)
        """,
        [str(SHIPMENTS)],
    )
    found: list[Shipment] = []
    count = 0
    for ship_id, promised, left, skus, quantities in rows.fetchall():
        if limit is not None and count >= limit:
            break
        added: Counter[str] = Counter()
        for sku, quantity in zip(skus, quantities, strict=True):
            added[sku] += quantity
        found.append(Shipment(ship_id, promised, left, dict(added)))
        count += len(skus)
    return found


def services(replayed: list[Shipment]) -> list[str]:
    """The SKUs that the catalog has to know as work."""
    return sorted({sku for shipment in replayed for sku in shipment.lines if is_service(sku)})


def opening(replayed: list[Shipment]) -> list[Request]:
    """All that will ever leave lies there at the beginning: in the end nothing is left."""
    total: Counter[str] = Counter()
    for shipment in replayed:
        total.update(shipment.goods)
    facts = [
        {"type": "opening", "sku": sku, "location": PLACE, "quantity": quantity}
        for sku, quantity in total.items()
    ]
    calls = [facts[at : at + _MOVEMENTS_MAX] for at in range(0, len(facts), _MOVEMENTS_MAX)]
    return [
        Request("/v1/movements", f"opening-{n}", {"movements": call})
        for n, call in enumerate(calls)
    ]


def promise(shipment: Shipment) -> Request:
    """The whole shipment as one reservation."""
    lines = [
        {"sku": sku, "location": PLACE, "quantity": quantity}
        for sku, quantity in shipment.lines.items()
    ]
    body = {"reservation_id": shipment.ship_id, "kind": "hard", "lines": lines}
    return Request("/v1/reservations", f"{shipment.ship_id}-planned", body)


def departure(shipment: Shipment) -> Request:
    """The whole shipment leaves."""
    body = {"occurred_at": written(instant_of(shipment.left) + AFTERNOON)}
    path = f"/v1/reservations/{shipment.ship_id}/fulfil"
    return Request(path, f"{shipment.ship_id}-left", body)


def days(replayed: list[Shipment]) -> Iterator[tuple[Instant, list[Shipment], list[Shipment]]]:
    """Every day on which something happens: its midnight, what is promised and what leaves."""
    promised: dict[dt.date, list[Shipment]] = {}
    left: dict[dt.date, list[Shipment]] = {}
    for shipment in replayed:
        promised.setdefault(shipment.promised, []).append(shipment)
        left.setdefault(shipment.left, []).append(shipment)
    for day in sorted({*promised, *left}):
        yield instant_of(day), promised.get(day, []), left.get(day, [])


def reserved_after(replayed: list[Shipment], day: Instant) -> dict[str, int]:
    """Units by SKU that are promised and have not left when a day ends."""
    waiting: Counter[str] = Counter()
    for shipment in replayed:
        if instant_of(shipment.promised) <= day < instant_of(shipment.left):
            waiting.update(shipment.goods)
    return dict(waiting)
