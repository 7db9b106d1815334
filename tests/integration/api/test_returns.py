"""Returns over HTTP: authorised, received, inspected, dispositioned, closed; orders beside them."""

import concurrent.futures
from typing import Any

import httpx
import pytest

from projections.audit.verification import verify
from tests.support.http import Api, new, receive, sale
from tests.support.servers import RunningService


class Returned:
    """One return of a test and the SKU it is about."""

    def __init__(self, api: Api, sku: str, order: str | None = None) -> None:
        self.api = api
        self.sku = sku
        self.return_id = new("rma")
        body = {"return_id": self.return_id, "lines": self.lines(3), "order": order}
        self.authorised = api.post("/v1/returns", body)

    def lines(self, quantity: int, **more: Any) -> list[dict[str, Any]]:
        """One line of this SKU."""
        return [{"sku": self.sku, "quantity": quantity, **more}]

    def step(self, verb: str, quantity: int | None = None, **more: Any) -> httpx.Response:
        """The next command; of the fields, those that lines have go into the line."""
        in_line = {k: more.pop(k) for k in ("grade", "disposition") if k in more}
        body = more if quantity is None else {"lines": self.lines(quantity, **in_line), **more}
        return self.api.post(f"/v1/returns/{self.return_id}/{verb}", body)

    def receive(self, quantity: int, location: str = "ams-1", **more: Any) -> httpx.Response:
        """Goods arrive."""
        return self.step("receive", quantity, location=location, **more)

    def disposition(self, quantity: int, what: str) -> httpx.Response:
        """It is decided what becomes of units."""
        return self.step("disposition", quantity, disposition=what)


def stock(api: Api, sku: str, answer: httpx.Response) -> dict[str, Any]:
    """The balance of a SKU at ams-1, not older than an answer."""
    asked = {"sku": sku, "location": "ams-1", "min_position": answer.json()["position"]}
    found: dict[str, Any] = api.get("/v1/stock", **asked).json()["items"][0]
    return found


def found(api: Api, returned: Returned, answer: httpx.Response) -> dict[str, Any]:
    """The return as the desk reads it, not older than an answer."""
    asked = {"min_position": answer.json()["position"]}
    body: dict[str, Any] = api.get(f"/v1/returns/{returned.return_id}", **asked).json()
    return body


def test_a_return_goes_from_the_authorisation_to_the_close(api: Api) -> None:
    """Every step answers with where it stands; nothing is sellable before a disposition."""
    sku = new("MUG")
    api.record(receive(sku, 10), sale(sku, 4, order="A-1"))
    returned = Returned(api, sku)

    assert (201, "authorised") == (returned.authorised.status_code, _status(returned.authorised))
    came = returned.receive(3)
    assert (200, "received") == (came.status_code, _status(came))
    before = stock(api, sku, came)
    assert (6, 3) == (before["sellable"], before["returned"])
    assert "inspected" == _status(returned.step("inspect", 3, grade="A"))
    assert "partially_dispositioned" == _status(returned.disposition(2, "restock"))
    done = returned.disposition(1, "refurbish")
    assert "dispositioned" == _status(done)
    after = stock(api, sku, done)
    assert (8, 1, 0) == (after["sellable"], after["quarantine"], after["returned"])
    closed = returned.step("close")

    assert (200, "closed") == (closed.status_code, _status(closed))
    document = found(api, returned, closed)
    assert document["lines"] == closed.json()["lines"] == came_to(sku)
    assert (document["status"], document["order"]) == ("closed", None)
    assert document["closed_at"] > document["authorised_at"]


def came_to(sku: str) -> list[dict[str, Any]]:
    """What the return above comes to."""
    return [
        {
            "sku": sku,
            "authorised": 3,
            "received": 3,
            "awaited": 0,
            "excess": 0,
            "waived": 0,
            "inspected": 3,
            "open": 0,
            "grades": {"A": 3},
            "dispositions": {"restock": 2, "refurbish": 1},
            "at": [],
        }
    ]


def test_the_history_of_a_stock_names_the_return(api: Api) -> None:
    """Who asks why a level rose finds the paper."""
    sku = new("LAMP")
    returned = Returned(api, sku)
    returned.receive(3)
    done = returned.disposition(3, "damaged")

    asked = {"sku": sku, "location": "ams-1", "min_position": done.json()["position"]}
    movements = api.get("/v1/movements", **asked).json()["items"]

    assert [
        ("stock.returned.v1", returned.return_id, {"returned": 3}),
        ("stock.dispositioned.v1", returned.return_id, {"returned": -3, "damaged": 3}),
    ] == [(one["type"], one["return_id"], one["changes"]) for one in movements]


def test_a_disposition_beyond_what_was_received_is_refused_with_the_numbers(api: Api) -> None:
    """A conflict of state, with how much was asked and how much is open."""
    returned = Returned(api, new("MUG"))
    returned.receive(2)

    refused = returned.disposition(3, "restock")

    assert 409 == refused.status_code
    problem = refused.json()
    assert problem["type"].endswith("illegal-state")
    assert ("received", 3, 2) == (problem["state"], problem["requested"], problem["open"]) or (
        "partially_received",
        3,
        2,
    ) == (problem["state"], problem["requested"], problem["open"])
    assert returned.sku == problem["sku"]


def test_more_came_back_than_was_sold_until_the_late_sale_is_reported(api: Api) -> None:
    """The conflict opens with the receipt and clears with the sale that explains it."""
    sku, order = new("MUG"), new("order")
    api.record(receive(sku, 10), sale(sku, 2, order=order))
    returned = Returned(api, sku, order)

    came = returned.receive(3)
    (note,) = came.json()["conflicts"]
    assert ("returned_beyond_sold", 1) == (note["kind"], note["short"])
    assert [note["conflict_id"]] == _open(api, sku, came.json()["position"])
    line = _order(api, order, came.json()["position"])
    assert (2, 3, 1) == (line["sold"], line["returned"], line["excess"])
    asked = {"order": order, "min_position": came.json()["position"]}
    assert [line] == api.get("/v1/orders", **asked, excess="true").json()["items"]
    conflict = api.get("/v1/conflicts", sku=sku, status="open").json()["items"][0]
    assert (order, "ams-1") == (conflict["order"], conflict["location"])

    late = api.record(sale(sku, 1, order=order, occurred_at="2026-01-01T00:00:00Z"))

    assert [] == _open(api, sku, late["position"])
    line = _order(api, order, late["position"])
    assert (3, 3, 0, None) == tuple(
        line[name] for name in ("sold", "returned", "excess", "conflict_id")
    )


def test_a_voided_sale_is_not_sold_on_its_order(api: Api) -> None:
    """A void reads the order of the sale it names and takes the units off."""
    sku, order, till = new("MUG"), new("order"), new("till")
    api.record(receive(sku, 10), sale(sku, 2, order=order, movement_id=till))
    answer = api.record({**sale(sku, 2), "type": "sale_void", "of": till})

    line = _order(api, order, answer["position"])
    assert (0, 0) == (line["sold"], line["returned"])


def test_the_same_authorisation_again_decides_nothing_and_another_is_refused(api: Api) -> None:
    """A repeated request under a new key finds what it asked for."""
    returned = Returned(api, new("MUG"))
    body = {"return_id": returned.return_id, "lines": returned.lines(3)}

    again = api.post("/v1/returns", body)
    other = api.post("/v1/returns", {**body, "lines": returned.lines(4)})

    assert (201, "authorised") == (again.status_code, _status(again))
    assert (409, True) == (other.status_code, other.json()["type"].endswith("id-taken"))


def test_a_step_repeated_under_its_key_has_one_effect(api: Api) -> None:
    """The recorded answer comes back, marked as such."""
    returned = Returned(api, new("MUG"))
    body = {"location": "ams-1", "lines": returned.lines(2)}
    path, key = f"/v1/returns/{returned.return_id}/receive", new("key")

    first, again = api.post(path, body, key=key), api.post(path, body, key=key)

    assert first.json() == again.json()
    assert "true" == again.headers["Idempotent-Replayed"]


def test_returns_are_listed_newest_first_by_status_order_and_sku(api: Api) -> None:
    """Pages, with the filters a desk needs."""
    sku, order = new("MUG"), new("order")
    first, second = Returned(api, sku, order), Returned(api, sku, order)
    second.receive(3)
    last = second.disposition(3, "scrap")
    asked = {"sku": sku, "order": order, "min_position": last.json()["position"]}

    everything = api.get("/v1/returns", **asked).json()["items"]
    authorised = api.get("/v1/returns", **asked, status="authorised").json()["items"]
    page = api.get("/v1/returns", **asked, limit=1).json()
    rest = api.get("/v1/returns", **asked, limit=1, cursor=page["next_cursor"]).json()

    assert [second.return_id, first.return_id] == [one["return_id"] for one in everything]
    assert [first.return_id] == [one["return_id"] for one in authorised]
    assert everything == page["items"] + rest["items"]
    assert rest["next_cursor"] is None


def test_commands_on_one_return_in_one_moment_all_find_it(api: Api) -> None:
    """Whoever sends the next step without waiting for the last gets an answer, never a mistake."""

    def one(_: int) -> list[int]:
        sku = new("MUG")
        returned = Returned.__new__(Returned)
        returned.api, returned.sku, returned.return_id = api, sku, new("rma")
        body = {"return_id": returned.return_id, "lines": returned.lines(3), "order": new("o")}
        sends = (
            lambda: api.post("/v1/returns", body),
            lambda: returned.receive(2),
            lambda: returned.disposition(1, "restock"),
        )
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            return [answer.status_code for answer in pool.map(lambda send: send(), sends)]

    for statuses in map(one, range(20)):
        assert 201 == statuses[0]
        assert {*statuses} <= {200, 201, 404, 409}


@pytest.mark.parametrize(
    ("path", "body", "at"),
    [
        ("", {"return_id": "r-1", "lines": []}, "$.lines"),
        ("", {"return_id": "r 1", "lines": [{"sku": "M", "quantity": 1}]}, "$.return_id"),
        ("/r-1/receive", {"lines": [{"sku": "M", "quantity": 1}]}, "$"),
        ("/r-1/inspect", {"lines": [{"sku": "M", "quantity": 0, "grade": "A"}]}, "$.lines[0]"),
        (
            "/r-1/disposition",
            {"lines": [{"sku": "M", "quantity": 1, "disposition": "burn"}]},
            "$.lines[0].disposition",
        ),
    ],
)
def test_a_malformed_request_names_the_place(
    api: Api, path: str, body: dict[str, Any], at: str
) -> None:
    """Strict at the door."""
    answer = api.post(f"/v1/returns{path}", body)

    assert 400 == answer.status_code
    assert answer.json()["path"].startswith(at)


def test_an_unknown_return_is_not_found(api: Api) -> None:
    """Asked for or acted upon."""
    close = api.post("/v1/returns/nobody/close")

    assert (404, 404) == (api.get("/v1/returns/nobody").status_code, close.status_code)


def test_the_auditor_finds_nothing_wrong_with_all_of_this(running_service: RunningService) -> None:
    """Whatever the tests above did to returns and orders: log, projections and laws agree."""
    assert [] == verify(running_service.runtime()["database"]).breaches


def _status(answer: httpx.Response) -> str:
    assert answer.status_code < 300, answer.text
    status: str = answer.json()["status"]
    return status


def _open(api: Api, sku: str, position: int) -> list[str]:
    page = api.get("/v1/conflicts", status="open", sku=sku, min_position=position).json()
    return [one["conflict_id"] for one in page["items"]]


def _order(api: Api, order: str, position: int) -> dict[str, Any]:
    (line,) = api.get("/v1/orders", order=order, min_position=position).json()["items"]
    found: dict[str, Any] = line
    return found
