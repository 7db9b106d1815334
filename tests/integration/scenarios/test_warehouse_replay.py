"""A warehouse's quarter of a year: every shipment promised as planned and fulfilled as it left.

`WAREHOUSE_LINES` says how many lines of the file are replayed: 5,000 by default, `all` for all.
"""

from collections import Counter
from typing import Any

import psycopg
import pytest

from ledger.clock import monotonic
from tests.integration.scenarios.auditing import verified
from tests.integration.scenarios.crowd import Answer, send_all
from tests.integration.scenarios.days import DAY, MIDNIGHT, written
from tests.integration.scenarios.shared_data import needs_shipments
from tests.integration.scenarios.warehouse import (
    AFTERNOON,
    MORNING,
    PLACE,
    Shipment,
    days,
    departure,
    opening,
    promise,
    reserved_after,
    services,
    shipments,
)
from tests.support.figures import Tell
from tests.support.http import Api
from tests.support.turned import TurnedService

pytestmark = [needs_shipments, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def replayed() -> list[Shipment]:
    """The shipments of this run."""
    return shipments()


class Replay:
    """The answers of a replay, and how long it took."""

    def __init__(self) -> None:
        self.promised: list[tuple[Shipment, Answer]] = []
        self.left: list[tuple[Shipment, Answer]] = []
        self.seconds = 0.0


@pytest.fixture(scope="module")
def replay(service: TurnedService, api: Api, replayed: list[Shipment]) -> Replay:
    """The whole story, told once."""
    told = Replay()
    for sku in services(replayed):
        key = {"Idempotency-Key": f"define-{sku}"}
        assert api.http.put(f"/v1/skus/{sku}", json={"service": True}, headers=key).is_success
    assert {201} == {answer.status for answer in send_all(service, opening(replayed))}
    begun = monotonic()
    for midnight, planned, leaving in days(replayed):
        service.clock.turn_to(midnight + MORNING)
        told.promised += zip(planned, send_all(service, [*map(promise, planned)]), strict=True)
        service.clock.turn_to(midnight + AFTERNOON)
        goods = [shipment for shipment in leaving if shipment.goods]
        told.left += zip(goods, send_all(service, [*map(departure, goods)]), strict=True)
    told.seconds = monotonic() - begun
    return told


def _units(answer: Answer, name: str) -> dict[str, int]:
    return {line["sku"]: line[name] for line in answer.body["lines"]}


def levels(api: Api, **question: Any) -> dict[str, dict[str, Any]]:
    """Balances by SKU, page by page."""
    found: dict[str, dict[str, Any]] = {}
    cursor: dict[str, str] = {}
    while True:
        page = api.get("/v1/stock", location=PLACE, limit=1000, **question, **cursor).json()
        found |= {item["sku"]: item for item in page["items"]}
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


def head(api: Api) -> int:
    """The position of the last event."""
    position: int = api.get("/v1/events", limit=1).json()["position"]
    return position


def test_every_shipment_is_promised_and_leaves_in_whole(
    replay: Replay, replayed: list[Shipment], tell: Tell
) -> None:
    """Nothing is refused, nothing conflicts, and each unit of goods goes from open to fulfilled."""
    lines = sum(len(shipment.lines) for shipment in replayed)
    commands = len(replay.promised) + len(replay.left)
    tell(
        f"{len(replayed):,} shipments of {lines:,} lines, each promised and shipped, in"
        f" {replay.seconds:.1f} s: {2 * lines / replay.seconds:,.0f} lines/s,"
        f" {commands / replay.seconds:,.0f} commands/s"
    )

    for shipment, answer in replay.promised:
        assert 201 == answer.status, answer.body
        assert shipment.goods == _units(answer, "granted")
    for shipment, answer in replay.left:
        assert (200, "fulfilled") == (answer.status, answer.body["status"]), answer.body
        assert "conflicts" not in answer.body
        assert shipment.goods == _units(answer, "fulfilled")
    assert sum(1 for shipment in replayed if shipment.goods) == len(replay.left)


def test_services_are_left_out_by_the_catalog(replay: Replay, api: Api) -> None:
    """Each line of work is named in the answer, and touches nothing."""
    for shipment, answer in replay.promised:
        left_out = {one["sku"]: one["quantity"] for one in answer.body.get("not_stocked", ())}
        assert set(shipment.lines) - set(shipment.goods) == set(left_out)
        assert {**shipment.goods, **left_out} == shipment.lines
    for sku in services([shipment for shipment, _ in replay.promised]):
        assert [] == api.get("/v1/stock", sku=sku, min_position=head(api)).json()["items"]


def test_in_the_end_nothing_is_reserved_and_nothing_is_left(
    replay: Replay, replayed: list[Shipment], api: Api
) -> None:
    """Reserved returns to exactly 0; what lay there at the beginning has left, and no more."""
    found = levels(api, min_position=head(api))

    goods: Counter[str] = Counter()
    for shipment in replayed:
        goods.update(shipment.goods)
    assert set(goods) == set(found)
    assert {(0, 0, 0)} == {
        (item["on_hand"], item["reserved"], item["available"]) for item in found.values()
    }
    assert [] == api.get("/v1/conflicts", min_position=head(api)).json()["items"]


def test_at_the_end_of_each_day_what_is_planned_and_has_not_left_is_reserved(
    replay: Replay, replayed: list[Shipment], api: Api
) -> None:
    """Any past evening shows the promises that were open then, and the goods under them."""
    for midnight, _, _ in days(replayed):
        found = levels(api, as_of=written(midnight + DAY - 1), min_position=head(api))

        reserved = {sku: item["reserved"] for sku, item in found.items() if item["reserved"]}
        assert reserved_after(replayed, midnight) == reserved
        assert all(item["available"] >= 0 for item in found.values())


def test_no_level_is_ever_below_zero(replay: Replay, service: TurnedService, api: Api) -> None:
    """Not at any point in between: neither what is there, nor what is promised, nor the rest."""
    api.get("/v1/stock", as_of=written(MIDNIGHT), limit=1, min_position=head(api))
    with psycopg.connect(service.runtime()["database"]) as connection:
        row = connection.execute(
            "select count(*), min(least(sellable, quarantine, damaged, returned, blocked)),"
            " min(reserved), min(sellable - reserved) from projections.history"
        ).fetchone()

    assert row is not None
    assert row[0] > len(replay.promised)
    assert (0, 0, 0) == row[1:]


def test_the_ledger_of_the_replay_passes_verify(
    replay: Replay, service: TurnedService, tell: Tell
) -> None:
    """Every law, every projection and the stream agree."""
    tell(f"verify: {verified(service):,} events")
