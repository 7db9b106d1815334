"""Definitions over HTTP, and what they do to facts and promises, down to the auditor."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from api.runtime.processes import wait_until
from projections.audit.verification import verify
from tests.support.http import Api, new, receive, sale
from tests.support.servers import RunningService

STRICT = {"LEDGER_CATALOG": "strict"}
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def strict(service_factory: Callable[..., RunningService]) -> Iterator[Api]:
    """The administrator's client of a service whose catalog is strict."""
    service = service_factory(environ=STRICT)
    client = Api.of(service)
    yield client
    report = verify(service.runtime()["database"])
    assert [] == report.breaches
    client.close()


def put(api: Api, path: str, body: Any = None, *, key: str | None = None) -> httpx.Response:
    """A definition."""
    headers = {"Idempotency-Key": key or new("key")}
    return api.http.put(path, json=body or {}, headers=headers)


def sku_path(code: str) -> str:
    """The address of a SKU, with everything escaped that could be taken for something else."""
    return f"/v1/skus/{escaped(code)}"


def escaped(code: str) -> str:
    """A code as the rest of a path; dots, too, which a client may take for steps up."""
    return quote(code, safe="").replace(".", "%2E")


def on_hand(api: Api, sku: str, position: int, location: str = "ams-1") -> int | None:
    """Units on hand, once a position is projected; none where there is no such stock."""
    answer = api.get("/v1/stock", sku=sku, location=location, min_position=position).json()
    return answer["items"][0]["on_hand"] if answer["items"] else None


def test_what_was_put_is_what_is_got(api: Api) -> None:
    """Every field of a SKU and of a location comes back, and a repeat changes nothing."""
    sku, place = new("LAMP"), new("ams")
    definition = {
        "base_unit": "kg",
        "scale": 3,
        "packs": {"sack": 25, "pallet": {"of": "sack", "factor": 40}},
        "service": False,
        "case_policy": "upper",
        "class": "A",
    }
    where = {
        "kind": "warehouse",
        "time_zone": "Europe/Amsterdam",
        "sells": False,
        "parent": None,
        "authority": {"count": ["wms-1"], "*": ["wms-1", "erp"]},
        "tags": ["click-and-collect"],
    }

    written = put(api, sku_path(sku), definition, key="define-1")
    again = put(api, sku_path(sku), definition, key="define-1")
    located = put(api, f"/v1/locations/{place}", where)
    position = located.json()["position"]
    found = api.get(sku_path(sku.lower()), min_position=position)
    there = api.get(f"/v1/locations/{place}", min_position=position)

    assert (200, 200, "true") == (
        written.status_code,
        again.status_code,
        again.headers["Idempotent-Replayed"],
    )
    assert {"sku": sku, **definition, "version": 1} == _without(found.json())
    assert {"location": place, **where, "version": 1} == _without(there.json())


def _without(body: dict[str, Any]) -> dict[str, Any]:
    clocks = ("as_of", "known_at", "known_at_position", "settled", "position", "defined_at")
    return {name: value for name, value in body.items() if name not in clocks}


@pytest.mark.parametrize(
    "code",
    [
        "shoes/red/42",
        "a%2Fb",
        "100%",
        "a b",
        "//",
        "trailing/",
        "?what#now",
        "50 % off/äöü",
        "🧦/🧦",
        "..",
        "a.b.>*",
        "-",
    ],
)
def test_a_code_of_anything_printable_is_matched_to_the_end_of_the_path(
    api: Api, code: str
) -> None:
    """Slashes, percent signs, emoji: what was put under a code is found under it."""
    written = put(api, sku_path(code), {"packs": {"case": 12}})
    found = api.get(sku_path(code), min_position=written.json()["position"])
    located = put(api, f"/v1/locations/{escaped(code)}")

    assert (200, code) == (written.status_code, written.json()["sku"])
    assert (200, code) == (found.status_code, found.json()["sku"])
    assert (200, code) == (located.status_code, located.json()["location"])


def test_a_slash_in_a_code_needs_no_escape(api: Api) -> None:
    """The code is the rest of the path, however it came."""
    code = new("shoes") + "/red/42"

    written = put(api, f"/v1/skus/{code}")

    assert code == written.json()["sku"]
    position = written.json()["position"]
    assert 200 == api.get(sku_path(code), min_position=position).status_code


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/skus/", 400, "malformed"),
        ("/v1/skus/%FF", 400, "malformed"),
        ("/v1/skus/a%00b", 400, "malformed"),
        ("/v1/skus/" + "x" * 65, 400, "malformed"),
        ("/v1/skus/nobody-defined-me", 404, "not-found"),
        ("/v1/locations/nobody-defined-me", 404, "not-found"),
    ],
)
def test_what_cannot_be_found_is_said_clearly(api: Api, path: str, status: int, code: str) -> None:
    """A path that ends in no code is malformed; a code without a definition is not found."""
    answer = api.get(path)

    assert (status, code) == (answer.status_code, answer.json()["type"].rpartition(":")[2])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/skus/BAD", {"scale": 7}),
        ("/v1/skus/BAD", {"packs": {"case": 0}}),
        ("/v1/skus/BAD", {"packs": {"case": 1.5}}),
        ("/v1/skus/BAD", {"packs": {"case": {"of": "crate", "factor": 2}}}),
        ("/v1/skus/BAD", {"packs": {"each": 2}}),
        ("/v1/skus/BAD", {"colour": "red"}),
        ("/v1/locations/bad", {"time_zone": "Europe/Atlantis"}),
        ("/v1/locations/bad", {"time_zone": "../../etc/passwd"}),
        ("/v1/locations/bad", {"parent": "bad"}),
        ("/v1/locations/bad", {"authority": {"Count!": ["wms"]}}),
    ],
)
def test_a_definition_that_makes_no_sense_is_malformed(
    api: Api, path: str, body: dict[str, Any]
) -> None:
    """It leaves nothing."""
    answer = put(api, path, body)

    assert (400, "malformed") == (answer.status_code, answer.json()["type"].rpartition(":")[2])
    assert 404 == api.get(path).status_code


def test_lists_come_by_code_and_page_by_page(api: Api) -> None:
    """Every SKU once, in order, with what it is."""
    names = sorted(new("PAGED") for _ in range(5))
    position = 0
    for name in names:
        position = put(api, sku_path(name), {"service": name == names[0]}).json()["position"]

    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get("/v1/skus", limit=2, min_position=position, **cursor).json()
        found += [item["sku"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert sorted(found) == found
    assert set(names) <= set(found)
    services = api.get("/v1/skus", service="true", limit=1_000).json()["items"]
    assert names[0] in [item["sku"] for item in services]


def test_decimals_and_packs_are_recorded_exactly(api: Api) -> None:
    """2.5 kg and 1.3 kg are 3.8 kg, that is 3,800 g; two sacks are 50 kg."""
    sku = new("FLOUR")
    put(api, sku_path(sku), {"base_unit": "kg", "scale": 3, "packs": {"sack": 25}})

    api.record(receive(sku, "2.5", uom="kg"), receive(sku, "1.3"))
    position = api.record(receive(sku, 2, uom="sack"), sale(sku, "0.800"))["position"]

    assert 53_000 == on_hand(api, sku, position)


def test_a_conversion_that_loses_something_is_refused_with_the_loss(api: Api) -> None:
    """422 with path, quantity, unit and what would be lost; nothing is recorded."""
    sku = new("FLOUR")
    put(api, sku_path(sku), {"base_unit": "kg", "scale": 1})

    movement = receive(sku, "1.25", uom="kg")
    answer = api.post("/v1/movements", {"movements": [receive(sku), movement]})

    problem = answer.json()
    assert (422, "inexact-unit") == (answer.status_code, problem["type"].rpartition(":")[2])
    assert ("$.movements[1].quantity", "1.25", "kg", "0.05") == tuple(
        problem[name] for name in ("path", "quantity", "uom", "lost")
    )
    assert on_hand(api, sku, 0) is None


def test_a_refused_item_says_where_it_stands(api: Api) -> None:
    """Each for itself: the path is that of the caller's list."""
    sku = new("FLOUR")
    put(api, sku_path(sku), {"base_unit": "kg"})
    items = [receive(sku), receive(sku, "0.5")]

    answer = api.post("/v1/movements", {"atomic": False, "movements": items}).json()

    recorded, refused = answer["results"]
    assert ("recorded", "refused") == (recorded["status"], refused["status"])
    assert ("inexact-unit", "$.movements[1].quantity") == (refused["code"], refused["path"])
    assert refused["detail"].startswith("$.movements[1].quantity: ")


def test_promises_are_made_in_packs(api: Api) -> None:
    """Two cases of twelve are twenty-four mugs held."""
    sku = new("MUG")
    put(api, sku_path(sku), {"packs": {"case": 12}})
    api.record(receive(sku, 30))
    line = {"sku": sku, "location": "ams-1", "quantity": 2, "uom": "case"}

    placed = api.post(
        "/v1/reservations", {"reservation_id": new("order"), "kind": "hard", "lines": [line]}
    )
    short = api.post(
        "/v1/reservations", {"reservation_id": new("order"), "kind": "hard", "lines": [line]}
    )

    assert (201, 24) == (placed.status_code, placed.json()["lines"][0]["granted"])
    assert (409, 6) == (short.status_code, short.json()["shortfalls"][0]["available"])


def test_a_service_is_answered_and_never_stocked(api: Api) -> None:
    """A shipment with assembly in it is reserved and fulfilled; assembly stays out of both."""
    sku, assembly, order = new("SHELF"), new("serv"), new("order")
    put(api, sku_path(assembly), {"service": True})
    lines = [{"sku": one, "location": "ams-1", "quantity": 1} for one in (sku, assembly)]

    recorded = api.record(receive(sku, 5), sale(assembly))
    placed = api.post(
        "/v1/reservations", {"reservation_id": order, "kind": "hard", "lines": lines}
    ).json()
    fulfilled = api.post(f"/v1/reservations/{order}/fulfil", {"lines": lines}).json()

    assert ["recorded", "not_stocked"] == [one["status"] for one in recorded["results"]]
    assert [assembly] == [one["sku"] for one in placed["not_stocked"]]
    assert "fulfilled" == fulfilled["status"]
    assert on_hand(api, assembly, fulfilled["position"]) is None
    assert 4 == on_hand(api, sku, fulfilled["position"])


def test_who_may_say_what_where_is_enforced_and_counted(api: Api) -> None:
    """403 with the names; the metrics count it, the ledger knows nothing of it."""
    place = new("dc")
    authority = {"adjust": ["wms-1"]}
    put(api, f"/v1/locations/{place}", {"kind": "warehouse", "authority": authority})
    movement = {
        "type": "adjust",
        "sku": "MUG",
        "location": place,
        "delta": 3,
        "reason": "found",
        "source": "till-7",
    }

    refused = api.post("/v1/movements", {"movements": [movement]})
    allowed = api.record({**movement, "source": "wms-1"})

    problem = refused.json()
    assert (403, "forbidden") == (refused.status_code, problem["type"].rpartition(":")[2])
    assert ("till-7", "adjust", ["wms-1"]) == tuple(
        problem[name] for name in ("source", "asked", "sources")
    )
    assert 'ledger_refusals_total{code="forbidden"}' in api.get("/metrics").text
    assert 3 == on_hand(api, "MUG", allowed["position"], place)


def test_a_place_that_does_not_sell_gives_no_promises(api: Api) -> None:
    """409: the location is not selling; goods still come in."""
    place, sku = new("back"), new("MUG")
    put(api, f"/v1/locations/{place}", {"sells": False})
    api.record(receive(sku, location=place))
    line = {"sku": sku, "location": place, "quantity": 1}

    answer = api.post(
        "/v1/reservations", {"reservation_id": new("order"), "kind": "hard", "lines": [line]}
    )

    problem = answer.json()
    assert (409, "illegal-state") == (answer.status_code, problem["type"].rpartition(":")[2])
    assert "location" == problem["what"]


def test_a_strict_catalog_refuses_promises_about_what_it_does_not_know(strict: Api) -> None:
    """404, naming the SKU."""
    answer = strict.place(new("NOBODY"), 1)

    assert (404, "sku") == (answer.status_code, answer.json()["what"])


def test_a_fact_waits_for_its_definition_and_is_recorded_by_itself(strict: Api) -> None:
    """Parked with a conflict; once SKU and location are known it stands at its own time."""
    sku, place = new("LATE"), new("pop-up")
    at = "2026-11-20T10:00:00.000000Z"
    fact = receive(sku, 2, location=place, uom="case", occurred_at=at, movement_id=new("po"))

    answer = strict.record(fact)
    waiting = _conflict(strict, sku)
    put(strict, sku_path(sku), {"packs": {"case": 12}})
    put(strict, f"/v1/locations/{place}")

    result = answer["results"][0]
    assert ("parked", "unknown_item") == (result["status"], result["conflicts"][0]["kind"])
    assert ("open", "unknown_item") == (waiting["status"], waiting["kind"])
    assert {**fact, "quantity": "2", "source": "http"} == waiting["movement"]
    assert wait_until(lambda: on_hand(strict, sku, 0, place) == 24, timeout_s=PATIENCE_S)
    ended = _conflict(strict, sku)
    assert ("resolved", "release") == (ended["status"], ended["resolution"])
    (posted,) = strict.get("/v1/movements", sku=sku, location=place).json()["items"]
    assert (at, fact["movement_id"]) == (posted["occurred_at"], posted["movement_id"])
    again = strict.record(fact, key=new("key"))
    assert ("parked", True) == (again["results"][0]["status"], again["results"][0]["replayed"])


def _conflict(api: Api, sku: str) -> dict[str, Any]:
    def found() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = api.get("/v1/conflicts", sku=sku).json()["items"]
        return items

    assert wait_until(lambda: bool(found()), timeout_s=PATIENCE_S)
    return found()[0]


def test_many_facts_that_waited_are_released_in_the_order_they_came(strict: Api) -> None:
    """More than a sweep takes: sales after receipts, voids after sales, nothing twice."""
    sku, place = new("BULK"), new("dc")
    facts: list[dict[str, Any]] = []
    for number in range(250):
        ticket = f"{sku}-{number}"
        common = {"sku": sku, "location": place}
        facts += [
            {"type": "receive", "quantity": 3, **common},
            {"type": "sale", "quantity": 2, "movement_id": ticket, **common},
            {"type": "sale_void", "of": ticket, "quantity": 1, **common},
        ]
    position = strict.record(*facts)["position"]
    put(strict, f"/v1/locations/{place}")
    put(strict, sku_path(sku))

    assert wait_until(lambda: not _waiting(strict, sku, position), timeout_s=PATIENCE_S)
    assert wait_until(lambda: on_hand(strict, sku, 0, place) == 500, timeout_s=PATIENCE_S)
    refused = strict.get("/v1/conflicts", sku=sku, status="resolved", limit=1_000).json()["items"]
    assert {"release"} == {one["resolution"] for one in refused}


def _waiting(api: Api, sku: str, position: int) -> list[Any]:
    page = api.get("/v1/conflicts", sku=sku, status="open", min_position=position).json()
    items: list[Any] = page["items"]
    return items


def test_documents_speak_in_packs_too(api: Api) -> None:
    """A case on its way, a case back, a case and a half counted, a case set aside."""
    sku, place = new("MUG"), new("ams")
    put(api, sku_path(sku), {"packs": {"case": 12}})
    api.record(receive(sku, 10, uom="case", location=place))
    case = {"sku": sku, "quantity": 1, "uom": "case"}
    transfer, back, count = new("transfer"), new("return"), new("count")

    _done(api, "transfers", {"transfer_id": transfer, "from": place, "to": "x", "lines": [case]})
    sent = _done(api, f"transfers/{transfer}/dispatch", {"lines": [case]})
    arrived = {"sku": sku, "received": "0.5", "damaged": "0.25", "uom": "case"}
    there = _done(api, f"transfers/{transfer}/receive", {"lines": [arrived]})
    _done(api, "returns", {"return_id": back, "lines": [case]})
    returned = _done(api, f"returns/{back}/receive", {"location": place, "lines": [case]})
    _done(api, "counts", {"count_id": count, "location": place})
    figure = {"sku": sku, "counted": "1.5", "uom": "case"}
    counted = _done(api, f"counts/{count}/enter", {"lines": [figure]})

    assert 12 == sent["lines"][0]["dispatched"]
    assert (6, 3) == tuple(there["lines"][0][name] for name in ("received", "damaged"))
    assert 12 == returned["lines"][0]["received"]
    assert 18 == counted["lines"][0]["counted"]


def _done(api: Api, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = api.post(f"/v1/{path}", body)
    assert answer.is_success, answer.text
    done: dict[str, Any] = answer.json()
    return done


def test_a_count_document_is_the_word_of_those_who_may_count(api: Api) -> None:
    """Whoever may not assert counts there opens none; returns and fulfilments go the same way."""
    place = new("dc")
    put(api, f"/v1/locations/{place}", {"authority": {"count": ["wms-1"]}})

    answer = api.post("/v1/counts", {"count_id": new("count"), "location": place})

    assert (403, "count") == (answer.status_code, answer.json()["asked"])
