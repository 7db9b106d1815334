"""What can be seen of a scenario's stocks, promises and history: numbers, never objects."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final, TypeAlias

from msgspec import Struct

from tests.integration.scenarios.peers.shop import Shop

Number: TypeAlias = int | Decimal

PHYSICAL: Final = ("sellable", "quarantine", "damaged", "returned", "blocked")
OPEN: Final = ("placed", "confirmed", "partially_fulfilled")


class Scope(Struct, frozen=True):
    """Which stocks a number is about: one SKU, at one location or over all of them."""

    sku: str
    location: str | None = None


def number(shop: Shop, sku: str, value: Any) -> Number:
    """A quantity of an answer, exact: an integer counts the smallest unit of the SKU."""
    if isinstance(value, str):
        return Decimal(value)
    scale = shop.scales.get(sku, 0)
    assert isinstance(value, int), f"{value!r} is no quantity"
    return Decimal(value).scaleb(-scale) if scale else value


def total(shop: Shop, scope: Scope, name: str, **question: str) -> Number:
    """The sum of one number of the balances."""
    return sum(
        (number(shop, scope.sku, item[name]) for item in balances(shop, scope, **question)), start=0
    )


def balances(shop: Shop, scope: Scope, **question: str) -> list[dict[str, Any]]:
    """The balances of a scope."""
    place = {} if scope.location is None else {"location": scope.location}
    items: list[dict[str, Any]] = shop.ask("/v1/stock", sku=scope.sku, **place, **question)["items"]
    return items


def held(shop: Shop, scope: Scope, kind: str) -> Number:
    """Open units of hard promises, or of soft ones."""
    return sum(
        (
            number(shop, line["sku"], line["open"])
            for promise in promises(shop, scope)
            if promise["kind"] == kind
            for line in promise["lines"]
            if line["sku"] == scope.sku and scope.location in (None, line["location"])
        ),
        start=0,
    )


def promises(shop: Shop, scope: Scope) -> list[dict[str, Any]]:
    """The open promises over a scope."""
    place = {} if scope.location is None else {"location": scope.location}
    page = shop.ask("/v1/reservations", sku=scope.sku, limit=1000, **place)
    return [item for item in page["items"] if item["status"] in OPEN]


def promise(shop: Shop, name: str) -> dict[str, Any]:
    """One promise, open or not."""
    return shop.ask(f"/v1/reservations/{shop.promises[name].id}")


def rows(shop: Shop, sku: str, after: int = 0) -> list[dict[str, Any]]:
    """What has happened to a SKU since a position, everywhere, in the order of the ledger."""
    found: list[dict[str, Any]] = []
    for item in balances(shop, Scope(sku)):
        page = shop.ask(
            "/v1/movements", sku=sku, location=item["location"], order="recorded", limit=1000
        )
        found += [row for row in page["items"] if row["position"] > after]
    return sorted(found, key=lambda row: row["position"])


def moved(shop: Shop, row: dict[str, Any]) -> Number:
    """By how much a row changed what is there."""
    sku, changes = row["balances"]["sku"], row["changes"]
    return sum((number(shop, sku, changes.get(bucket, 0)) for bucket in PHYSICAL), start=0)


def units(shop: Shop, lines: list[dict[str, Any]], name: str) -> Number:
    """The sum of one number of a document's lines."""
    return sum((number(shop, line["sku"], line[name]) for line in lines), start=0)


def row_of(shop: Shop, name: str) -> dict[str, Any]:
    """The row of a fact that the scenario has a name for."""
    fact = shop.facts[name]
    [row] = [row for row in rows(shop, fact.sku) if row["movement_id"] == fact.movement_id][:1]
    return row


def conflicts(shop: Shop, skus: Iterable[str]) -> list[dict[str, Any]]:
    """The open conflicts about some SKUs."""
    found: list[dict[str, Any]] = []
    for sku in skus:
        found += shop.ask("/v1/conflicts", sku=sku, status="open")["items"]
    return found
