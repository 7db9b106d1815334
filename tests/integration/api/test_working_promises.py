"""Promises that move, choose and are worked off, and fences: over HTTP on the real stack."""

from typing import Any

import httpx
import pytest

from tests.support.http import Api, new, receive, sale

SOON = "2999-11-23T10:15:00Z"
AMS, NYC, BER = "ams-1", "nyc-2", "ber-3"


@pytest.fixture
def mugs(api: Api) -> str:
    """Of a SKU of this test's own: three in Amsterdam, five in New York, five in Berlin."""
    sku = new("MUG")
    api.record(receive(sku, 3), receive(sku, 5, location=NYC), receive(sku, 5, location=BER))
    return sku


def _ok(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    assert status == answer.status_code, answer.text
    body: dict[str, Any] = answer.json()
    return body


def _refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json()
    assert (status, code) == (answer.status_code, problem["type"].rsplit(":", 1)[1]), answer.text
    return problem


def _held(api: Api, sku: str, position: int) -> dict[str, int]:
    page = api.get("/v1/stock", sku=sku, min_position=position).json()
    return {item["location"]: item["reserved"] for item in page["items"]}


def _choose(api: Api, sku: str, quantity: int, **line: Any) -> httpx.Response:
    lines = [{"sku": sku, "quantity": quantity, **line}]
    return api.place(sku, 0, lines=lines)


# --- relocating ---------------------------------------------------------------------------------


def test_a_promise_is_relocated(api: Api, mugs: str) -> None:
    """The answer, the reservation, the stocks and the feed tell the same."""
    order = _ok(api.place(mugs, 3, kind="soft", expires_at=SOON), 201)["reservation_id"]
    moves = {"moves": [{"sku": mugs, "from": AMS, "to": NYC, "quantity": 2}]}
    moved = _ok(api.post(f"/v1/reservations/{order}/relocate", moves))
    position = moved["position"]
    found = _ok(api.get(f"/v1/reservations/{order}", min_position=position))

    lines = {x["location"]: (x["requested"], x["granted"], x["open"]) for x in moved["lines"]}
    assert {AMS: (1, 1, 1), NYC: (2, 2, 2)} == lines
    assert moved["lines"] == found["lines"]
    assert {AMS: 1, NYC: 2, BER: 0} == _held(api, mugs, position)
    events = api.get("/v1/events", after=position - 3).json()["items"]
    assert [
        "inventory.stock.hold_relocated.v1",
        "inventory.stock.reserved.v1",
        "inventory.reservation.relocated.v1",
    ] == [event["type"] for event in events[:3]]


def test_the_history_of_a_relocated_hold_explains_itself(api: Api, mugs: str) -> None:
    """Both stocks' movements name the reservation, the reason and the same correlation id."""
    order = _ok(api.place(mugs, 3), 201)["reservation_id"]
    moves = {"moves": [{"sku": mugs, "from": AMS, "to": NYC, "quantity": 2}]}
    position = _ok(api.post(f"/v1/reservations/{order}/relocate", moves))["position"]
    told = {
        place: api.get("/v1/movements", sku=mugs, location=place, min_position=position).json()[
            "items"
        ][-1]
        for place in (AMS, NYC)
    }

    assert [{"reserved": -2}, {"reserved": 2}] == [told[place]["changes"] for place in (AMS, NYC)]
    for name, expected in (("reservation_id", order), ("reason", "reservation_relocated")):
        assert {expected} == {one[name] for one in told.values()}
    assert 1 == len({one["correlation_id"] for one in told.values()})


@pytest.mark.parametrize(
    ("move", "status", "code"),
    [
        ({"from": AMS, "to": NYC, "quantity": 9}, 409, "illegal-state"),
        ({"from": AMS, "to": "lon-9", "quantity": 1}, 409, "insufficient-stock"),
        ({"from": AMS, "to": AMS, "quantity": 1}, 400, "malformed"),
        ({"from": AMS, "to": NYC, "quantity": 0}, 400, "malformed"),
        ({"from": AMS, "quantity": 1}, 400, "malformed"),
        ({"from": AMS, "to": NYC, "quantity": 1, "why": "x"}, 400, "malformed"),
    ],
)
def test_a_move_that_cannot_be_is_refused(
    api: Api, mugs: str, move: dict[str, Any], status: int, code: str
) -> None:
    """Form, what is held, what there is: and nothing has moved."""
    order = _ok(api.place(mugs, 3), 201)["reservation_id"]
    answer = api.post(f"/v1/reservations/{order}/relocate", {"moves": [{"sku": mugs, **move}]})

    _refused(answer, status, code)


# --- candidates ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantity", "line", "granted"),
    [
        (4, {}, {NYC: 4}),
        (2, {"sourcing": "most_available"}, {NYC: 2}),
        (9, {"split": True}, {AMS: 3, NYC: 5, BER: 1}),
        (9, {"split": True, "sourcing": "most_available"}, {NYC: 5, BER: 4}),
    ],
)
def test_a_line_may_leave_its_location_open(
    api: Api, mugs: str, quantity: int, line: dict[str, Any], granted: dict[str, int]
) -> None:
    """The answer's lines name where the units are; asked again, it is the same promise."""
    lines = [{"sku": mugs, "quantity": quantity, "locations": [AMS, NYC, BER], **line}]
    body = {"reservation_id": new("order"), "kind": "hard", "lines": lines}
    first = _ok(api.post("/v1/reservations", body), 201)
    again = _ok(api.post("/v1/reservations", body), 201)

    assert granted == {x["location"]: x["granted"] for x in first["lines"]}
    assert first["lines"] == again["lines"]
    body["lines"] = [{**lines[0], "locations": [NYC, AMS, BER]}]
    _refused(api.post("/v1/reservations", body), 409, "id-taken")


def test_candidates_without_enough_are_named(api: Api, mugs: str) -> None:
    """Each with what it has; partial takes what there is, and rejects the rest."""
    candidates = [AMS, NYC, BER]
    problem = _refused(_choose(api, mugs, 6, locations=candidates), 409, "insufficient-stock")
    partial = _ok(
        api.place(
            mugs,
            0,
            policy="partial",
            lines=[{"sku": mugs, "quantity": 20, "locations": candidates, "split": True}],
        ),
        201,
    )

    assert [(AMS, 3), (NYC, 5), (BER, 5)] == [
        (one["location"], one["available"]) for one in problem["shortfalls"]
    ]
    assert (20, 13, 7) == tuple(
        sum(x[name] for x in partial["lines"]) for name in ("requested", "granted", "rejected")
    )


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ({}, "$.lines[0].location"),
        ({"location": AMS, "locations": [NYC]}, "$.lines[0].location"),
        ({"locations": []}, "$.lines[0].locations"),
        ({"locations": [AMS, NYC, AMS]}, "$.lines[0].locations[2]"),
        ({"locations": [AMS], "sourcing": "nearest"}, "$.lines[0].sourcing"),
        ({"location": AMS, "split": True}, "$.lines[0]"),
    ],
)
def test_a_line_names_its_place_or_its_candidates(
    api: Api, mugs: str, line: dict[str, Any], path: str
) -> None:
    """One or the other, and how to choose only where there is a choice."""
    assert path == _refused(_choose(api, mugs, 1, **line), 400, "malformed")["path"]


def test_an_amendment_over_candidates(api: Api, mugs: str) -> None:
    """The total over some locations: more is picked, less is given back."""
    line = {"sku": mugs, "locations": [AMS, NYC, BER], "split": True}
    order = _ok(_choose(api, mugs, 4, locations=[AMS, NYC, BER], split=True), 201)
    path = f"/v1/reservations/{order['reservation_id']}/amend"
    more = _ok(api.post(path, {"lines": [{**line, "quantity": 9}]}))
    less = _ok(api.post(path, {"lines": [{**line, "quantity": 2}]}))

    assert {AMS: 3, NYC: 5, BER: 1} == {x["location"]: x["open"] for x in more["lines"]}
    assert {AMS: 2, NYC: 0, BER: 0} == {x["location"]: x["open"] for x in less["lines"]}
    both = [{**line, "quantity": 2}, {"sku": mugs, "location": NYC, "quantity": 1}]
    _refused(api.post(path, {"lines": both}), 400, "malformed")


# --- conflicts ----------------------------------------------------------------------------------


def _broken(api: Api, sku: str) -> tuple[str, str]:
    """A promise of three of which two are gone, and its conflict."""
    order = _ok(api.place(sku, 3, kind="soft", expires_at=SOON), 201)["reservation_id"]
    (conflict,) = api.record(sale(sku, 2))["results"][0]["conflicts"]
    assert ("promise_broken", 2) == (conflict["kind"], conflict["short"])
    return order, conflict["conflict_id"]


@pytest.mark.parametrize(
    ("body", "held", "totals"),
    [
        ({"resolution": "re_source", "locations": [NYC]}, {AMS: 1, NYC: 2, BER: 0}, (3, 3, 0)),
        (
            {"resolution": "re_source", "locations": ["lon-9", BER]},
            {AMS: 1, NYC: 0, BER: 2},
            (3, 3, 0),
        ),
        ({"resolution": "shorten"}, {AMS: 1, NYC: 0, BER: 0}, (1, 1, 0)),
        ({"resolution": "release"}, {AMS: 0, NYC: 0, BER: 0}, (3, 0, 3)),
        ({"resolution": "dismiss"}, {AMS: 3, NYC: 0, BER: 0}, (3, 3, 0)),
        ({"resolution": "customer waits"}, {AMS: 3, NYC: 0, BER: 0}, (3, 3, 0)),
    ],
)
def test_a_broken_promise_is_worked_off(
    api: Api,
    mugs: str,
    body: dict[str, Any],
    held: dict[str, int],
    totals: tuple[int, int, int],
) -> None:
    """The word closes the conflict, and what it says is done in the same commit."""
    order, conflict_id = _broken(api, mugs)
    answer = _ok(api.post(f"/v1/conflicts/{conflict_id}/resolve", {**body, "note": "called"}))
    position = answer["position"]
    found = _ok(api.get(f"/v1/reservations/{order}", min_position=position))
    page = api.get("/v1/conflicts", sku=mugs, min_position=position).json()
    (conflict,) = page["items"]

    assert ("resolved", body["resolution"]) == (answer["status"], answer["resolution"])
    assert held == _held(api, mugs, position)
    assert totals == tuple(
        sum(line[name] for line in found["lines"]) for name in ("granted", "open", "released")
    )
    done = body["resolution"] in ("re_source", "shorten", "release")
    assert ("resolved", body["resolution"], 0 if done else 2) == (
        conflict["status"],
        conflict["resolution"],
        conflict["short"],
    )


def test_re_sourcing_what_nobody_has_leaves_the_conflict_open(api: Api, mugs: str) -> None:
    """The word cannot be kept, so it is not said."""
    _, conflict_id = _broken(api, mugs)
    path = f"/v1/conflicts/{conflict_id}/resolve"
    problem = _refused(
        api.post(path, {"resolution": "re_source", "locations": ["lon-9"]}),
        409,
        "insufficient-stock",
    )

    assert [(2, 0)] == [(x["requested"], x["available"]) for x in problem["shortfalls"]]
    _refused(api.post(path, {"resolution": "wait", "locations": [NYC]}), 400, "malformed")
    assert "resolved" == _ok(api.post(path, {"resolution": "re-source"}))["status"]


def test_a_broken_promise_is_not_relocated_by_hand(api: Api, mugs: str) -> None:
    """Its conflict is what people work off."""
    order, _ = _broken(api, mugs)
    moves = {"moves": [{"sku": mugs, "from": AMS, "to": NYC, "quantity": 1}]}
    problem = _refused(
        api.post(f"/v1/reservations/{order}/relocate", moves), 409, "insufficient-stock"
    )

    assert [(AMS, 1, 1)] == [
        (x["location"], x["requested"], x["available"]) for x in problem["shortfalls"]
    ]


# --- fences -------------------------------------------------------------------------------------


def _fence(api: Api, sku: str, quantity: int, channel: str = "web", **more: Any) -> httpx.Response:
    body = {"sku": sku, "location": NYC, "channel": channel, "quantity": quantity, **more}
    return api.post("/v1/fences", body)


def _at_nyc(api: Api, sku: str, quantity: int, channel: str, **more: Any) -> httpx.Response:
    lines = [{"sku": sku, "location": NYC, "quantity": quantity}]
    return api.place(sku, 0, lines=lines, channel=channel, **more)


def _fences(api: Api, sku: str, position: int) -> dict[str, tuple[int, int]]:
    page = _ok(api.get("/v1/fences", sku=sku, min_position=position))
    return {one["channel"]: (one["free"], one["held"]) for one in page["items"]}


def test_units_are_set_aside_for_a_channel(api: Api, mugs: str) -> None:
    """Granted, taken by its promises, given back by them, sold, returned."""
    granted = _ok(_fence(api, mugs, 4), 201)
    assert (4, 0) == (granted["free"], granted["held"])
    _refused(_fence(api, mugs, 2, "shop"), 409, "insufficient-stock")
    _refused(_at_nyc(api, mugs, 2, "shop"), 409, "insufficient-stock")
    order = _ok(_at_nyc(api, mugs, 3, "web"), 201)
    assert {"web": (1, 3)} == _fences(api, mugs, order["position"])
    released = _ok(api.post(f"/v1/reservations/{order['reservation_id']}/release"))
    assert {"web": (4, 0)} == _fences(api, mugs, released["position"])
    sold = api.record(sale(mugs, 1, location=NYC, channel="web"))
    assert {"web": (3, 0)} == _fences(api, mugs, sold["position"])
    back = {"sku": mugs, "location": NYC, "channel": "web"}
    _refused(api.post("/v1/fences/return", {**back, "quantity": 9}), 409, "illegal-state")
    returned = _ok(api.post("/v1/fences/return", back))
    assert (0, 0) == (returned["free"], returned["held"])
    _ok(_at_nyc(api, mugs, 4, "shop"), 201)


def test_a_fence_is_granted_once_under_one_key(api: Api, mugs: str) -> None:
    """A repeat gets the first answer and sets nothing more aside."""
    key = new("fence")
    body = {"sku": mugs, "location": NYC, "channel": "web", "quantity": 2}
    first, again = (api.post("/v1/fences", body, key=key) for _ in range(2))

    assert first.json() == again.json()
    assert "true" == again.headers["idempotent-replayed"]
    assert {"web": (2, 0)} == _fences(api, mugs, first.json()["position"])


def test_fences_come_page_by_page(api: Api, mugs: str) -> None:
    """By location, SKU and channel; the cursor goes on where the page ended."""
    granted = [_ok(_fence(api, mugs, 1, channel), 201) for channel in ("web", "shop", "market")]
    last = granted[-1]["position"]
    first = _ok(api.get("/v1/fences", sku=mugs, limit=2, min_position=last))
    second = _ok(api.get("/v1/fences", sku=mugs, limit=2, cursor=first["next_cursor"]))

    assert ["market", "shop"] == [one["channel"] for one in first["items"]]
    assert ["web"] == [one["channel"] for one in second["items"]]
    assert second["next_cursor"] is None


def test_promises_may_go_beyond_what_is_there(api: Api, mugs: str) -> None:
    """Up to the limit of the stock, which can be read back."""
    limit = {"sku": mugs, "location": NYC, "limit": 2}
    set_at = _ok(api.post("/v1/backorder-limits", limit))["position"]
    page = _ok(api.get("/v1/backorder-limits", sku=mugs, min_position=set_at))
    assert [limit] == page["items"]
    problem = _refused(_at_nyc(api, mugs, 8, "web"), 409, "insufficient-stock")
    assert 7 == problem["shortfalls"][0]["available"]
    order = _ok(_at_nyc(api, mugs, 7, "web", kind="soft", expires_at=SOON), 201)
    _ok(api.post(f"/v1/reservations/{order['reservation_id']}/confirm"))
    lower = api.post("/v1/backorder-limits", {**limit, "limit": 0})
    page = api.get("/v1/conflicts", sku=mugs, min_position=_ok(lower)["position"]).json()
    assert [("promise_broken", 2)] == [(one["kind"], one["short"]) for one in page["items"]]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/fences", {"channel": "web", "quantity": 0}),
        ("/v1/fences", {"channel": "", "quantity": 1}),
        ("/v1/fences", {"quantity": 1}),
        ("/v1/fences/return", {"channel": "web", "quantity": -1}),
        ("/v1/backorder-limits", {"limit": -1}),
        ("/v1/backorder-limits", {"limit": 2**63}),
    ],
)
def test_a_rule_without_form_is_refused(api: Api, mugs: str, path: str, body: Any) -> None:
    """Like every request, with the path of what is wrong."""
    _refused(api.post(path, {"sku": mugs, "location": NYC, **body}), 400, "malformed")
