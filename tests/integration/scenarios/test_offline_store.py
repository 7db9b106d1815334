"""A store whose link was down for a day ends up where its twin is that never was offline.

`OFFLINE_SEED` replays a run.
"""

import os
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, Final

import pytest

from tests.integration.scenarios.auditing import verified
from tests.integration.scenarios.crowd import Request, send_all
from tests.integration.scenarios.days import DAY, MIDNIGHT, written
from tests.integration.scenarios.store_day import (
    ARRIVES,
    CALL_MAX,
    CLOSES,
    LEAVES,
    OPENS,
    PROMISES,
    SALES,
    Count,
    Sale,
    Store,
    StoreDay,
    overlapping,
    repeated,
)
from tests.support.figures import Tell
from tests.support.http import Api, new
from tests.support.turned import TurnedService

SEED: Final = int(os.environ.get("OFFLINE_SEED", "20131103"))
OFFLINE: Final = Store("ams-1")
ONLINE: Final = Store("ams-2")


class Told:
    """The day as it was recorded: what the offline store's tills got as answers."""

    def __init__(self, day: StoreDay, parts: list[list[Sale]]) -> None:
        self.day = day
        self.parts = parts
        self.results: list[dict[str, Any]] = []
        self.conflicts_seen = 0


@pytest.fixture(scope="module")
def told(service: TurnedService, api: Api) -> Told:
    """Both stores live through the same day; the tills of one report in the evening only."""
    chance = Random(SEED)
    day = StoreDay.drawn(chance, MIDNIGHT + 7 * DAY)
    told = Told(day, overlapping(chance, day.sales))
    _live(service, api, day)
    service.clock.turn_to(day.midnight + CLOSES)
    for part in told.parts:
        requests = [
            Request("/v1/movements", new("reported"), {"atomic": False, "movements": call})
            for call in _calls([OFFLINE.sale(sale, day) for sale in part])
        ]
        for answer in send_all(service, requests):
            assert 201 == answer.status, answer.body
            told.results += answer.body["results"]
    return told


def _live(service: TurnedService, api: Api, day: StoreDay) -> None:
    """Everything that is reported at once: all of one store, all but the sales of the other."""
    for store in (OFFLINE, ONLINE):
        service.clock.turn_to(day.midnight + OPENS)
        _record(api, store.openings(day))
    service.clock.turn_to(day.midnight + PROMISES)
    for store in (OFFLINE, ONLINE):
        _promise(api, store, day)
        _plan_delivery(api, store, day)
    events: list[tuple[int, Sale | Count | str]] = [
        *((sale.at, sale) for sale in day.sales),
        *((count.at, count) for count in day.counts),
        (LEAVES, "leaves"),
        (ARRIVES, "arrives"),
    ]
    waiting: list[Sale] = []
    for at, event in sorted(events, key=lambda pair: pair[0]):
        if isinstance(event, Sale):
            waiting.append(event)
            continue
        _sell(service, api, day, waiting)
        service.clock.turn_to(day.midnight + at)
        for store in (OFFLINE, ONLINE):
            if isinstance(event, Count):
                _record(api, [store.count(event, day)])
            else:
                _deliver(api, store, day, event)
    _sell(service, api, day, waiting)


def _sell(service: TurnedService, api: Api, day: StoreDay, waiting: list[Sale]) -> None:
    """The twin's tills report what they have sold since they last did."""
    if waiting:
        service.clock.turn_to(day.midnight + waiting[-1].at)
        _record(api, [ONLINE.sale(sale, day) for sale in waiting])
        waiting.clear()


def _record(api: Api, facts: Sequence[dict[str, Any]]) -> None:
    for call in _calls(facts):
        api.record(*call)


def _calls(facts: Sequence[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    return ([*facts[at : at + CALL_MAX]] for at in range(0, len(facts), CALL_MAX))


def _promise(api: Api, store: Store, day: StoreDay) -> None:
    for promise in day.promises:
        until = {} if promise.kind == "hard" else {"expires_at": written(day.midnight + 2 * DAY)}
        answer = api.place(
            promise.sku,
            promise.quantity,
            reservation_id=store.promise(promise.number),
            kind=promise.kind,
            lines=[{"sku": promise.sku, "location": store.name, "quantity": promise.quantity}],
            **until,
        )
        assert 201 == answer.status_code, answer.text


def _plan_delivery(api: Api, store: Store, day: StoreDay) -> None:
    lines = [{"sku": one.sku, "quantity": one.sent} for one in day.arrivals]
    body = {"transfer_id": store.transfer, "from": store.depot, "to": store.name, "lines": lines}
    answer = api.post("/v1/transfers", body)
    assert 201 == answer.status_code, answer.text


def _deliver(api: Api, store: Store, day: StoreDay, event: str) -> None:
    """What left arrives in part: some of it broken, some of it never."""
    if event == "leaves":
        answer = api.post(f"/v1/transfers/{store.transfer}/dispatch", {})
    else:
        lines = [
            {
                "sku": one.sku,
                "received": one.sent - one.damaged - one.lost,
                "damaged": one.damaged,
                "lost": one.lost,
            }
            for one in day.arrivals
        ]
        answer = api.post(f"/v1/transfers/{store.transfer}/receive", {"lines": lines})
    assert 200 == answer.status_code, answer.text


def _head(api: Api) -> int:
    position: int = api.get("/v1/events", limit=1).json()["position"]
    return position


def _levels(api: Api, location: str, **question: str) -> dict[str, dict[str, Any]]:
    """Every number of every stock of a place, by SKU."""
    page = api.get("/v1/stock", location=location, min_position=_head(api), **question).json()
    assert page["next_cursor"] is None
    return {
        item["sku"]: {name: n for name, n in item.items() if name not in {"sku", "location"}}
        for item in page["items"]
    }


def _open_conflicts(api: Api, store: Store) -> list[tuple[Any, ...]]:
    """What is open in a store: whose, and how much is short."""
    query = {"location": store.name, "status": "open"}
    page = api.get("/v1/conflicts", min_position=_head(api), limit=1000, **query).json()
    assert page["next_cursor"] is None
    return sorted(
        (
            one["kind"],
            one["sku"],
            one["bucket"] or "",
            (one["reservation_id"] or "").rpartition(":")[2],
            one["short"],
        )
        for one in page["items"]
    )


def test_what_is_sent_twice_is_recorded_once(told: Told, tell: Tell) -> None:
    """Three parts that overlap bring every sale, and each of them one time."""
    tell(f"OFFLINE_SEED={SEED}: {SALES:,} sales, {repeated(told.parts):,} of them sent again")

    assert {"recorded"} == {result["status"] for result in told.results}
    replayed = [result for result in told.results if result.get("replayed")]
    assert repeated(told.parts) == len(replayed) > 0
    assert SALES == len({result["movement_id"] for result in told.results})


def test_levels_are_now_those_of_the_store_that_was_never_offline(told: Told, api: Api) -> None:
    """Whatever the order in which its facts came in."""
    for ours, twin in ((OFFLINE.name, ONLINE.name), (OFFLINE.depot, ONLINE.depot)):
        assert _levels(api, twin) == _levels(api, ours)


def test_levels_of_every_hour_are_those_of_the_store_that_was_never_offline(
    told: Told, api: Api
) -> None:
    """The past is put right as well: before the counts, between them and after."""
    for hour in told.day.hours():
        for ours, twin in ((OFFLINE.name, ONLINE.name), (OFFLINE.depot, ONLINE.depot)):
            assert _levels(api, twin, as_of=hour) == _levels(api, ours, as_of=hour), hour


def test_what_was_counted_is_still_what_was_there(told: Told, api: Api) -> None:
    """Sales that come in after a count do not touch the level at the count: the shelf was seen."""
    for count in told.day.counts:
        at = written(told.day.midnight + count.at)
        assert count.counted == _levels(api, OFFLINE.name, as_of=at)[count.sku]["sellable"]


def test_open_conflicts_are_those_of_the_store_that_was_never_offline(
    told: Told, api: Api, tell: Tell
) -> None:
    """Who has to be called in the evening does not depend on when the link came back."""
    expected, found = _open_conflicts(api, ONLINE), _open_conflicts(api, OFFLINE)
    kinds = {kind for kind, *_ in expected}
    tell(f"{len(expected)} conflicts open in the end: {', '.join(sorted(kinds))}")

    assert {"negative_stock", "promise_broken"} == kinds
    assert expected == found


def test_the_ledger_of_both_stores_passes_verify(
    told: Told, service: TurnedService, tell: Tell
) -> None:
    """Every law, every projection and the stream agree."""
    tell(f"verify: {verified(service):,} events")
