"""Transfers over HTTP: from the request to the last unit, now and as of any moment."""

from typing import Any

import httpx
import pytest

from tests.support.http import Api, new, receive

END = "nyc-2"


def _ask(api: Api, sku: str, **more: Any) -> str:
    """A transfer of a SKU from ams-1 to nyc-2; its id."""
    transfer_id = new("transfer")
    lines = [{"sku": sku, "quantity": 5}]
    body = {"transfer_id": transfer_id, "from": "ams-1", "to": END, "lines": lines, **more}
    answer = api.post("/v1/transfers", body)
    assert answer.status_code == 201, answer.text
    return transfer_id


def _do(api: Api, transfer_id: str, verb: str, body: object = None) -> dict[str, Any]:
    answer = api.post(f"/v1/transfers/{transfer_id}/{verb}", body)
    assert answer.status_code == 200, answer.text
    done: dict[str, Any] = answer.json()
    return done


def _refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json()
    assert (status, code) == (answer.status_code, problem["type"].rsplit(":", 1)[1]), answer.text
    return problem


def _in_transit(api: Api, sku: str, location: str = END, **question: str | int) -> list[int]:
    answer = api.get("/v1/stock", sku=sku, location=location, **question)
    assert answer.status_code == 200, answer.text
    return [item["in_transit"] for item in answer.json()["items"]]


def test_goods_go_from_one_shelf_to_another(api: Api) -> None:
    """Every step answers with the whole document, and reading it gives the same."""
    sku = new("MUG")
    api.record(receive(sku, 10))
    transfer_id = _ask(api, sku)
    left = _do(api, transfer_id, "dispatch")
    lines = [{"sku": sku, "received": 3, "damaged": 1, "lost": 1}]
    arrived = _do(api, transfer_id, "receive", {"lines": lines})
    closed = _do(api, transfer_id, "close")
    read = api.get(f"/v1/transfers/{transfer_id}", min_position=closed["position"]).json()
    stock = api.get("/v1/stock", sku=sku, min_position=closed["position"]).json()["items"]

    assert ["dispatched", "received", "closed"] == [
        one["status"] for one in (left, arrived, closed)
    ]
    line = {
        "sku": sku,
        "requested": 5,
        "dispatched": 5,
        "received": 3,
        "damaged": 1,
        "lost": 1,
        "returned": 0,
        "surplus": 0,
        "in_transit": 0,
    }
    assert [line] == closed["lines"] == read["lines"]
    assert ("closed", "ams-1", END) == (read["status"], read["from"], read["to"])
    assert [("ams-1", 5, 0), (END, 3, 1)] == [
        (item["location"], item["sellable"], item["damaged"]) for item in stock
    ]


def test_what_is_on_its_way_is_seen_where_it_goes(api: Api) -> None:
    """Also by a stock that has never had a unit, and in the list of its location."""
    sku, location = new("MUG"), new("lon")
    api.record(receive(sku, 10))
    transfer_id = _ask(api, sku, to=location)
    position = _do(api, transfer_id, "dispatch")["position"]
    (there,) = api.get("/v1/stock", location=location, min_position=position).json()["items"]

    assert (sku, 0, 0, 5) == (
        there["sku"],
        there["on_hand"],
        there["available"],
        there["in_transit"],
    )
    position = _do(api, transfer_id, "receive")["position"]
    (there,) = api.get("/v1/stock", location=location, min_position=position).json()["items"]
    assert (5, 0) == (there["on_hand"], there["in_transit"])


def test_what_was_on_its_way_can_be_asked_for_any_moment(api: Api) -> None:
    """By when it left and arrived, and by what was known of that."""
    sku, location = new("MUG"), new("lon")
    known = api.record(receive(sku, 10, occurred_at="2026-01-01T00:00:00Z"))["position"]
    transfer_id = _ask(api, sku, to=location)
    left = _do(api, transfer_id, "dispatch", {"occurred_at": "2026-01-02T00:00:00Z"})
    lines = [{"sku": sku, "received": 2}]
    body = {"lines": lines, "occurred_at": "2026-01-04T00:00:00Z"}
    last = _do(api, transfer_id, "receive", body)["position"]
    late = {"lines": [{"sku": sku, "lost": 1}], "occurred_at": "2026-01-03T00:00:00Z"}
    last = _do(api, transfer_id, "receive", late)["position"]

    def at(day: int, known_at: int) -> list[int]:
        as_of = f"2026-01-0{day}T12:00:00Z"
        return _in_transit(api, sku, location, as_of=as_of, known_at=known_at)

    assert [[0], [5], [4], [2]] == [at(day, last) for day in (1, 2, 3, 4)]
    assert [[0], [5], [5], [5]] == [at(day, left["position"]) for day in (1, 2, 3, 4)]
    assert [] == at(4, known)
    assert [2] == _in_transit(api, sku, location, min_position=last)


def test_a_dispatch_reported_after_the_arrival_gives_the_same_past(api: Api) -> None:
    """What was a surplus until then has been on its way all along."""
    sku, location = new("MUG"), new("lon")
    transfer_id = _ask(api, sku, to=location)
    lines = [{"sku": sku, "received": 5}]
    body = {"lines": lines, "occurred_at": "2026-01-04T00:00:00Z"}
    first = _do(api, transfer_id, "receive", body)
    second = _do(api, transfer_id, "dispatch", {"occurred_at": "2026-01-02T00:00:00Z"})
    last = second["position"]

    assert (5, 0) == (first["lines"][0]["surplus"], first["lines"][0]["received"])
    assert (0, 5) == (second["lines"][0]["surplus"], second["lines"][0]["received"])
    assert [[5], [0]] == [
        _in_transit(api, sku, location, as_of=f"2026-01-0{day}T12:00:00Z", min_position=last)
        for day in (3, 4)
    ]


def test_transfers_are_listed_by_where_and_what_and_how_far(api: Api) -> None:
    """Newest first, page by page."""
    sku, other, start, end = new("MUG"), new("LAMP"), new("ams"), new("lon")
    ids = [_ask(api, sku, **{"from": start, "to": end}) for _ in range(3)]
    away = _ask(api, other, **{"from": end, "to": start})
    position = _do(api, ids[1], "dispatch")["position"]

    def found(**query: str | int) -> list[str]:
        page = api.get("/v1/transfers", min_position=position, **query).json()
        return [item["transfer_id"] for item in page["items"]]

    assert ids[::-1] == found(**{"from": start})
    assert [away] == found(to=start)
    assert [away] == found(sku=other)
    assert [ids[1]] == found(to=end, status="dispatched")
    assert [ids[2], ids[0]] == found(sku=sku, status="requested")
    first = api.get("/v1/transfers", sku=sku, limit=2, min_position=position).json()
    rest = api.get("/v1/transfers", sku=sku, limit=2, cursor=first["next_cursor"]).json()
    pages = [item["transfer_id"] for page in (first, rest) for item in page["items"]]
    assert (ids[::-1], None) == (pages, rest["next_cursor"])


def test_a_transfer_nobody_asked_for_is_not_found(api: Api) -> None:
    """Nothing is read, and nothing is done to it."""
    _refused(api.get("/v1/transfers/never"), 404, "not-found")
    for verb in ("dispatch", "cancel", "close"):
        _refused(api.post(f"/v1/transfers/never/{verb}"), 404, "not-found")


def test_refusals_name_the_state_and_the_numbers(api: Api) -> None:
    """What is under way is neither cancelled nor closed; an id names one transfer."""
    sku = new("MUG")
    transfer_id = _ask(api, sku)
    _do(api, transfer_id, "dispatch")
    problem = _refused(api.post(f"/v1/transfers/{transfer_id}/close"), 409, "illegal-state")
    assert ("dispatched", "close", 5) == (
        problem["state"],
        problem["asked"],
        problem["in_transit"],
    )
    _refused(api.post(f"/v1/transfers/{transfer_id}/cancel"), 409, "illegal-state")
    body = {"transfer_id": transfer_id, "from": "ams-1", "to": END}
    taken = api.post("/v1/transfers", {**body, "lines": [{"sku": sku, "quantity": 6}]})
    _refused(taken, 409, "id-taken")
    again = api.post("/v1/transfers", {**body, "lines": [{"sku": sku, "quantity": 5}]})
    assert (201, "dispatched") == (again.status_code, again.json()["status"])


@pytest.mark.parametrize(
    ("verb", "body", "path"),
    [
        ("", {"transfer_id": "t", "from": "a", "to": "a", "lines": [{"sku": "M", "quantity": 1}]},
         "$.to"),
        ("", {"transfer_id": "t", "from": "a", "to": "b", "lines": []}, "$.lines"),
        ("", {"transfer_id": "t", "from": "a\u0000", "to": "b",
              "lines": [{"sku": "M", "quantity": 1}]}, "$.from"),
        ("/t/dispatch", {"lines": [{"sku": "M", "quantity": 0}]}, "$.lines[0].quantity"),
        ("/t/receive", {"lines": [{"sku": "M"}]}, "$.lines[0]"),
        ("/t/receive", {"lines": [{"sku": "M", "received": -1}]}, "$.lines[0].received"),
        ("/t/receive", {"lines": [{"sku": "M", "quantity": 1}]}, "$.lines[0]"),
        ("/t/close", {"why": "because"}, "$"),
    ],
)  # fmt: skip
def test_bad_input_names_its_path(api: Api, verb: str, body: dict[str, Any], path: str) -> None:
    """Before anything is looked at."""
    problem = _refused(api.post(f"/v1/transfers{verb}", body), 400, "malformed")

    assert path == problem["path"]


def test_a_repeated_dispatch_has_one_effect(api: Api) -> None:
    """The same key gets the recorded answer; another key is another lorry."""
    sku, key = new("MUG"), new("key")
    transfer_id = _ask(api, sku)
    path, body = f"/v1/transfers/{transfer_id}/dispatch", {"lines": [{"sku": sku, "quantity": 2}]}
    first, again = (api.post(path, body, key=key) for _ in range(2))

    assert "true" == again.headers["idempotent-replayed"]
    assert first.json() == again.json()
    assert 4 == api.post(path, body).json()["lines"][0]["dispatched"]


def test_quantities_come_in_any_unit_of_the_sku(api: Api) -> None:
    """Cases leave, single ones arrive; what is no whole number of units is refused."""
    sku = new("MUG")
    case = api.http.put(
        f"/v1/skus/{sku}",
        json={"base_unit": "each", "packs": {"case": 12}},
        headers={"Idempotency-Key": new("key")},
    )
    assert case.status_code == 200, case.text
    transfer_id = _ask(api, sku, lines=[{"sku": sku, "quantity": 2, "uom": "case"}])
    left = _do(
        api, transfer_id, "dispatch", {"lines": [{"sku": sku, "quantity": "1.5", "uom": "case"}]}
    )
    arrived = _do(
        api,
        transfer_id,
        "receive",
        {"lines": [{"sku": sku, "received": "1.0", "damaged": "0", "uom": "case"}]},
    )
    half = {"lines": [{"sku": sku, "lost": "0.05", "uom": "case"}]}

    assert (24, 18) == (left["lines"][0]["requested"], left["lines"][0]["dispatched"])
    assert (12, 6) == (arrived["lines"][0]["received"], arrived["lines"][0]["in_transit"])
    path = f"/v1/transfers/{transfer_id}/receive"
    problem = _refused(api.post(path, half), 422, "inexact-unit")
    assert "$.lines[0].lost" == problem["path"]
    _refused(api.post(path, {"lines": [{"sku": sku, "lost": "0.0"}]}), 400, "malformed")
