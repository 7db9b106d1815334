"""Facts and promises over HTTP: answers, replays, and every refusal the domain knows."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.support.http import Api, new, receive, sale

SOON = "2999-11-23T10:15:00Z"


@pytest.fixture
def mugs(api: Api) -> str:
    """Ten of a SKU of this test's own."""
    sku = new("MUG")
    api.record(receive(sku, 10))
    return sku


def _refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json()
    assert (status, code) == (answer.status_code, problem["type"].rsplit(":", 1)[1]), answer.text
    assert "application/problem+json" == answer.headers["content-type"]
    assert {"title", "detail", "correlation_id", "transient"} <= set(problem)
    return problem


def _change(api: Api, reservation_id: str, verb: str, body: object = None) -> httpx.Response:
    return api.post(f"/v1/reservations/{reservation_id}/{verb}", body or {})


def test_recorded_facts_are_answered_in_order(api: Api) -> None:
    """Each movement has its id, its position and its version."""
    sku, key = new("MUG"), new("key")
    answer = api.record(receive(sku, 10), sale(sku, 2), key=key)

    assert [f"{key}/0", f"{key}/1"] == [one["movement_id"] for one in answer["results"]]
    assert [1, 2] == [one["version"] for one in answer["results"]]
    assert answer["position"] == answer["results"][1]["position"]


@pytest.mark.parametrize("atomic", [True, False])
def test_a_repeat_gets_the_same_answer(api: Api, atomic: bool) -> None:
    """Same key, same payload: same status and body, marked as replayed, one effect."""
    sku, key = new("MUG"), new("key")
    body = {"atomic": atomic, "movements": [receive(sku, 10), sale(sku, 2)]}
    first, again = (api.post("/v1/movements", body, key=key) for _ in range(2))
    levels = api.get("/v1/stock", sku=sku, min_position=first.json()["position"]).json()

    assert (201, 201) == (first.status_code, again.status_code)
    assert (None, "true") == (
        first.headers.get("idempotent-replayed"),
        again.headers.get("idempotent-replayed"),
    )
    positions = [[one["position"] for one in each.json()["results"]] for each in (first, again)]
    assert positions[0] == positions[1]
    assert first.json()["position"] == again.json()["position"]
    assert [8] == [item["on_hand"] for item in levels["items"]]


def test_a_replayed_promise_is_the_same_to_the_byte(api: Api, mugs: str) -> None:
    """A repeat cannot be told from the first answer but for its header."""
    key = new("key")
    body = {
        "reservation_id": new("order"),
        "expires_at": SOON,
        "lines": [{"sku": mugs, "location": "ams-1", "quantity": 4}],
    }
    first, again = (api.post("/v1/reservations", body, key=key) for _ in range(2))

    assert 201 == again.status_code
    assert first.content == again.content
    assert "true" == again.headers["idempotent-replayed"]


def test_a_key_used_for_something_else_is_refused(api: Api) -> None:
    """A same key with another payload hides a mistake of the client."""
    key = new("key")
    api.record(receive(new("MUG")), key=key)
    answer = api.post("/v1/movements", {"movements": [receive(new("LAMP"))]}, key=key)

    assert key == _refused(answer, 409, "idempotency-conflict")["key"]


def test_a_refused_command_may_be_tried_again_under_its_key(api: Api) -> None:
    """A refusal leaves nothing behind."""
    sku, key = new("MUG"), new("key")
    line = {"sku": sku, "location": "ams-1", "quantity": 1}
    body = {"reservation_id": new("order"), "kind": "hard", "lines": [line]}
    _refused(api.post("/v1/reservations", body, key=key), 409, "insufficient-stock")
    api.record(receive(sku))
    answer = api.post("/v1/reservations", body, key=key)

    assert 201 == answer.status_code
    assert "idempotent-replayed" not in answer.headers


def test_a_repeated_item_answers_as_recorded(api: Api) -> None:
    """A movement's own id makes it one, in whatever call it comes again."""
    fact = receive(new("MUG"), movement_id=new("till"))
    body = {"atomic": False, "movements": [fact, fact]}
    first, again = api.post("/v1/movements", body).json()["results"]

    assert first["position"] == again["position"]
    assert ("replayed" in first, again["replayed"]) == (False, True)


def test_too_little_stock_is_refused_with_both_numbers(api: Api, mugs: str) -> None:
    """Every stock that falls short is listed."""
    problem = _refused(api.place(mugs, 11), 409, "insufficient-stock")

    shortfall = {"sku": mugs, "location": "ams-1", "requested": 11, "available": 10}
    assert [shortfall] == problem["shortfalls"]
    assert problem["transient"] is True


def test_two_lines_of_one_sku_are_added_up(api: Api, mugs: str) -> None:
    """Six and six are twelve, not two times less than ten."""
    line = {"sku": mugs, "location": "ams-1", "quantity": 6}
    answer = api.place(mugs, 6, lines=[line, line])

    assert 12 == _refused(answer, 409, "insufficient-stock")["shortfalls"][0]["requested"]


def test_a_promise_lives_its_life(api: Api, mugs: str) -> None:
    """Placed, extended, amended, confirmed, fulfilled in part, released: each unit once."""
    order = new("order")
    placed = api.place(mugs, 4, reservation_id=order, kind="soft", expires_at=SOON)
    later = "2999-12-24T00:00:00.5+01:00"
    extended = _change(api, order, "extend", {"expires_at": later})
    lines = [{"sku": mugs, "location": "ams-1", "quantity": 6}]
    amended = _change(api, order, "amend", {"lines": lines})
    confirmed = api.http.post(
        f"/v1/reservations/{order}/confirm", headers={"Idempotency-Key": new("key")}
    )
    lines[0]["quantity"] = 2
    fulfilled = _change(api, order, "fulfil", {"lines": lines})
    released = _change(api, order, "release", {"reason": "customer_gone"})
    position = released.json()["position"]
    found = api.get(f"/v1/reservations/{order}", min_position=position).json()

    answers = [extended, amended, confirmed, fulfilled, released]
    assert [201, 200, 200, 200, 200, 200] == [one.status_code for one in [placed, *answers]]
    assert "2999-12-23T23:00:00.500000Z" == extended.json()["expires_at"]
    assert ("confirmed", None) == (confirmed.json()["status"], confirmed.json()["expires_at"])
    line = released.json()["lines"][0]
    assert (6, 0, 2, 4) == (line["granted"], line["open"], line["fulfilled"], line["released"])
    assert found["status"] == released.json()["status"]
    assert found["lines"] == released.json()["lines"]


def test_a_promise_that_is_over_cannot_be_confirmed(api: Api, mugs: str) -> None:
    """Terminal states never reopen, and the refusal names the state."""
    order = new("order")
    api.place(mugs, 1, reservation_id=order, kind="soft", expires_at=SOON)
    _change(api, order, "release")
    problem = _refused(_change(api, order, "confirm"), 409, "illegal-state")

    assert "released" == problem["state"]


@pytest.mark.parametrize("verb", ["confirm", "extend", "amend", "fulfil", "release"])
def test_an_unknown_promise_cannot_be_changed(api: Api, mugs: str, verb: str) -> None:
    """404 names what was looked for."""
    line = {"sku": mugs, "location": "ams-1", "quantity": 1}
    body = {"extend": {"expires_at": SOON}, "amend": {"lines": [line]}}.get(verb)
    problem = _refused(_change(api, "none-such", verb, body), 404, "not-found")

    assert "none-such" == problem["id"]


def test_a_document_id_exists_once(api: Api, mugs: str) -> None:
    """The same id with other content is taken."""
    order = new("order")
    api.place(mugs, 1, reservation_id=order)

    _refused(api.place(mugs, 2, reservation_id=order), 409, "id-taken")


def test_compare_and_set_fails_with_both_numbers(api: Api, mugs: str) -> None:
    """Somebody else was faster: expected and actual say so."""
    fact = {
        "type": "adjust",
        "sku": mugs,
        "location": "ams-1",
        "delta": -1,
        "reason": "shrinkage",
        "expected_on_hand": 9,
    }
    problem = _refused(api.post("/v1/movements", {"movements": [fact]}), 409, "stale-quantity")

    assert (9, 10) == (problem["expected"], problem["actual"])


def test_a_void_of_an_unnamed_sale_uses_its_public_id(api: Api, mugs: str) -> None:
    """`<key>/<index>` names every movement that came without an id, in both kinds of calls."""
    for atomic in (True, False):
        key = new("key")
        sales = [sale(mugs), sale(mugs)]
        api.post("/v1/movements", {"atomic": atomic, "movements": sales}, key=key)
        for index in (0, 1):
            fact = {**sale(mugs), "type": "sale_void", "of": f"{key}/{index}"}
            api.record(fact)

    head = api.record(receive(new("LAMP")))["position"]
    levels = api.get("/v1/stock", sku=mugs, min_position=head).json()
    assert [10] == [item["on_hand"] for item in levels["items"]]


def test_a_fact_that_breaks_a_promise_is_recorded_with_a_conflict(api: Api, mugs: str) -> None:
    """Facts are never refused; what they break is listed, and people can resolve it."""
    order = new("order")
    api.place(mugs, 10, reservation_id=order)
    conflict = api.record(sale(mugs, 3))["results"][0]["conflicts"][0]
    head = api.record(receive(new("LAMP")))["position"]
    broken = api.get("/v1/conflicts", status="open", sku=mugs, min_position=head).json()["items"]
    conflict_id = broken[0]["conflict_id"]
    body = {"resolution": "called_customer", "note": "ships on Friday"}
    resolved = api.post(f"/v1/conflicts/{conflict_id}/resolve", body)

    assert ("promise_broken", 3) == (conflict["kind"], conflict["short"])
    assert [order] == [one["reservation_id"] for one in conflict["reservations"]]
    assert (order, 3) == (broken[0]["reservation_id"], broken[0]["short"])
    assert (200, "resolved") == (resolved.status_code, resolved.json()["status"])
    other = {"resolution": "something_else"}
    again = api.post(f"/v1/conflicts/{conflict_id}/resolve", other)
    assert "resolved" == _refused(again, 409, "illegal-state")["state"]
    _refused(api.post("/v1/conflicts/none-such/resolve", body), 404, "not-found")


@pytest.mark.parametrize("sku", ["a.b", "a b", "a/b", "a*b", "a>b", "🫖", "%2F", "naïve"])
def test_a_sku_may_be_any_printable_text(api: Api, sku: str) -> None:
    """Dots, spaces, slashes, wildcards and emoji go in, are kept apart, and come back."""
    answer = api.record(receive(sku, 3))
    position = answer["position"]
    levels = api.get("/v1/stock", sku=sku, location="ams-1", min_position=position).json()
    history = api.get("/v1/movements", sku=sku, location="ams-1", min_position=position).json()

    assert [(sku, 3)] == [(item["sku"], item["on_hand"]) for item in levels["items"]]
    assert [{"sellable": 3}] == [item["changes"] for item in history["items"]]


def test_crowded_requests_never_oversell(api: Api) -> None:
    """Fifty at once for ten mugs: ten get one, the others learn why not."""
    sku = new("MUG")
    api.record(receive(sku, 10))
    with ThreadPoolExecutor(16) as crowd:
        answers = list(crowd.map(lambda _: api.place(sku, 1), range(50)))

    codes = [answer.status_code for answer in answers]
    assert (10, 40) == (codes.count(201), codes.count(409))
