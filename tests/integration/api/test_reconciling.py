"""Reconciliations over HTTP: compared, explained, recorded, followed, approved."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from api.schemas.fields import rfc3339
from ledger.clock import SystemClock
from projections.audit.verification import verify
from tests.support.http import Api, new, receive, sale
from tests.support.servers import RunningService

DAY = "2026-03-01T"


def balance(sku: str, quantity: int, location: str = "ams-1") -> dict[str, Any]:
    """What another system has of a SKU."""
    return {"sku": sku, "location": location, "quantity": quantity}


def compare(api: Api, *balances: dict[str, Any], key: str | None = None, **more: Any) -> Any:
    """A reconciliation as of the evening of the day, accepted."""
    body = {"source": "erp", "as_of": DAY + "20:00:00Z", "balances": list(balances), **more}
    answer = api.post("/v1/reconciliations", body, key=key)
    assert answer.status_code == 201, answer.text
    return answer.json()


def at(hour: str, **more: Any) -> dict[str, Any]:
    """When a movement of the day happened."""
    return {"occurred_at": f"{DAY}{hour}Z", **more}


def test_a_list_is_compared_key_by_key_and_what_differs_is_explained(api: Api) -> None:
    """One key of each kind in one list."""
    mug, lamp, chair, vase, ghost = (new(w) for w in ("MUG", "LAMP", "CHAIR", "VASE", "GHOST"))
    api.record(
        *(receive(sku, 100, **at("08:00:00")) for sku in (mug, lamp, chair, vase)),
        sale(lamp, 3, **at("19:50:00")),
        sale(chair, 4, **at("10:00:00", reference="till-7/1")),
        sale(chair, 4, **at("10:00:05", reference="till-7/1")),
        sale(chair, 1, **at("12:00:00")),
    )
    answer = compare(
        api,
        balance(mug, 100),
        balance(lamp, 100),
        balance(chair, 95),
        balance(vase, 71),
        balance(ghost, 5),
    )
    by_sku = {one["sku"]: one for one in answer["variances"]}

    assert {lamp: "in_flight", chair: "duplicate", vase: "unknown", ghost: "unknown"} == {
        sku: one["class"] for sku, one in by_sku.items()
    }
    assert [3, 4, -29, 5] == [one["variance"] for one in answer["variances"]]
    assert ["not_seen"] == [part["role"] for part in by_sku[lamp]["explanation"]]
    assert [-4, -4] == [m["quantity"] for m in by_sku[chair]["explanation"][0]["movements"]]
    assert [(None, 0), (None, 0), (-29, -29), (5, 5)] == [
        (one["proposal"], one["unexplained"]) for one in answer["variances"]
    ]
    assert (5, 1, 4, 1) == tuple(
        answer["totals"][name] for name in ("keys", "matched", "beyond", "unfamiliar")
    )
    assert answer["alert"]


def test_what_was_recorded_after_the_others_cut_is_late(api: Api) -> None:
    """The shop's list was right when it was drawn up; a till came back from its night since."""
    mug = new("MUG")
    position = api.record(receive(mug, 10, **at("08:00:00")))["position"]
    taken_at = now()
    api.record(receive(mug, 1, **at("22:00:00")))
    api.record(sale(mug, 2, **at("09:00:00")))

    (by_order,) = compare(api, balance(mug, 10))["variances"]
    (by_cut,) = compare(api, balance(mug, 10), taken_at=taken_at)["variances"]
    (ahead,) = compare(api, balance(mug, 8), known_at=position)["variances"]

    for found, role in ((by_order, "not_seen"), (by_cut, "not_seen"), (ahead, "seen_early")):
        (part,) = found["explanation"]
        assert ("late", role) == (found["class"], part["role"])
        assert [-2] == [movement["quantity"] for movement in part["movements"]]


def now() -> str:
    """This moment."""
    return rfc3339(SystemClock().now())


def test_units_on_their_way_explain_a_list_that_has_them_already(api: Api) -> None:
    """The ERP books a transfer when it leaves; here it has not arrived."""
    mug, transfer, far = new("MUG"), new("transfer"), new("far")
    api.record(receive(mug, 10, **at("08:00:00")))
    lines = {"lines": [{"sku": mug, "quantity": 4}]}
    body = {"transfer_id": transfer, "from": "ams-1", "to": far, **lines}
    assert api.post("/v1/transfers", body).status_code == 201
    sent = api.post(f"/v1/transfers/{transfer}/dispatch", {**lines, **at("09:00:00")})
    assert sent.status_code == 200, sent.text

    answer = compare(api, balance(mug, 10), balance(mug, 4, far))

    assert [("not_seen", "in_flight"), ("on_its_way", "in_flight")] == [
        (one["explanation"][0]["role"], one["class"]) for one in answer["variances"]
    ]
    assert transfer == answer["variances"][1]["explanation"][0]["movements"][0]["transfer_id"]
    came = {"lines": [{"sku": mug, "received": 4}], **at("10:00:00")}
    assert api.post(f"/v1/transfers/{transfer}/receive", came).status_code == 200
    (arrived,) = compare(api, balance(mug, 10), balance(mug, 4, far))["variances"]
    assert ("duplicate", "missed") == (arrived["class"], arrived["explanation"][0]["role"])


def test_keys_that_a_complete_list_lacks_count_as_none(api: Api) -> None:
    """A list that is not complete says nothing of them."""
    place, mug, lamp, empty = new("place"), new("MUG"), new("LAMP"), new("EMPTY")
    api.record(
        receive(mug, 10, location=place, **at("08:00:00")),
        receive(lamp, 7, location=place, **at("08:00:00")),
        receive(empty, 2, location=place, **at("08:00:00")),
        sale(empty, 2, location=place, **at("09:00:00")),
    )

    assert [] == compare(api, balance(mug, 10, place))["variances"]
    answer = compare(api, balance(mug, 10, place), complete=True)
    (missing,) = answer["variances"]
    assert (lamp, -7, "unknown", True) == (
        missing["sku"],
        missing["variance"],
        missing["class"],
        missing["missing"],
    )
    named = compare(api, complete=True, locations=[place])
    assert {mug, lamp} == {one["sku"] for one in named["variances"]}


@pytest.mark.parametrize(
    ("tolerance", "beyond"), [(0, 2), (5, 1), ({"per_mille": 30}, 1), ({"units": 60}, 0)]
)
def test_within_the_tolerance_nobody_is_alerted(api: Api, tolerance: Any, beyond: int) -> None:
    """In units, in thousandths of what ours has, whichever is more."""
    mug, lamp = new("MUG"), new("LAMP")
    api.record(receive(mug, 2_000, **at("08:00:00")), receive(lamp, 10, **at("08:00:00")))
    answer = compare(api, balance(mug, 1_940), balance(lamp, 15), tolerance=tolerance)

    assert (beyond, beyond > 0) == (answer["totals"]["beyond"], answer["alert"])
    assert 2 == answer["totals"]["within"] + answer["totals"]["beyond"]


def test_a_list_may_state_quantities_and_codes_as_the_catalog_knows_them(api: Api) -> None:
    """In cases and kilograms, and in lower case."""
    flour, sugar = new("FLOUR"), new("SUGAR")
    for sku in (flour, sugar):
        defined = {"base_unit": "kg", "scale": 3, "packs": {"sack": 25}, "case_policy": "upper"}
        headers = {"Idempotency-Key": new("key")}
        assert api.http.put(f"/v1/skus/{sku}", json=defined, headers=headers).is_success
    api.record(receive(flour, 50_000, **at("08:00:00")), receive(sugar, 1_500, **at("08:00:00")))
    written = {"quantity": "2", "uom": "sack"}
    answer = compare(
        api, balance(flour.lower(), 0) | written, balance(sugar, 0) | {"quantity": "1.25"}
    )

    assert [(sugar, 1_250, 1_500)] == [
        (one["sku"], one["theirs"], one["ours"]) for one in answer["variances"]
    ]
    twice = {"source": "erp", "balances": [balance(flour, 1), balance(flour.lower(), 1)]}
    inexact = {"source": "erp", "balances": [balance(flour, 1) | {"quantity": "0.0001"}]}
    unknown = {"source": "erp", "balances": [balance(new("SALT"), 1) | written]}
    codes = [code(api.post("/v1/reconciliations", body)) for body in (twice, inexact, unknown)]
    assert ["malformed", "inexact-unit", "inexact-unit"] == codes


@pytest.mark.parametrize(("measure", "ours"), [("on_hand", 10), ("sellable", 7), ("available", 5)])
def test_each_measure_is_compared_with_its_own_figure(api: Api, measure: str, ours: int) -> None:
    """A shop knows what it may sell, a warehouse what lies there."""
    mug = new("MUG")
    api.record(
        receive(mug, 10),
        {"type": "move", "sku": mug, "location": "ams-1", "quantity": 3}
        | {"from_bucket": "sellable", "to_bucket": "damaged"},
    )
    assert api.place(mug, 2).status_code == 201
    body = {"source": "shop", "measure": measure, "balances": [balance(mug, ours)]}
    answer = api.post("/v1/reconciliations", body).json()

    assert [] == answer["variances"], answer


def test_a_repeat_is_answered_as_before_whatever_has_happened_since(api: Api) -> None:
    """Also what it explained with: a comparison is pinned to what the ledger knew."""
    mug, key = new("MUG"), new("key")
    api.record(receive(mug, 10, **at("08:00:00")), sale(mug, 3, **at("19:59:00")))
    body = {"source": "erp", "as_of": DAY + "20:00:00Z", "balances": [balance(mug, 10)]}
    first = api.post("/v1/reconciliations", body, key=key)
    api.record(sale(mug, 1, **at("19:00:00")))
    again = api.post("/v1/reconciliations", body, key=key)

    assert (201, first.content) == (again.status_code, again.content)
    assert "true" == again.headers["Idempotent-Replayed"]
    other = api.post("/v1/reconciliations", body | {"balances": [balance(mug, 9)]}, key=key)
    assert (409, "idempotency-conflict") == (other.status_code, code(other))
    taken = api.post("/v1/reconciliations", body | {"reconciliation_id": key, "balances": []})
    assert (409, "id-taken") == (taken.status_code, code(taken))


def code(answer: httpx.Response) -> str:
    """What a refusal is called."""
    return str(answer.json()["type"]).rpartition(":")[2]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"balances": [balance("A", 1), balance("A", 2)]}, "$.balances"),
        ({"balances": [balance("A\u0007", 1)]}, "$.balances[0].sku"),
        ({"balances": [balance("A", 1) | {"quantity": "one"}]}, "$.balances[0].quantity"),
        ({"balances": [balance("A", 1) | {"quantity": 1.5}]}, "$.balances[0].quantity"),
        ({"source": "\u0007"}, "$.source"),
        ({"as_of": "yesterday"}, "$.as_of"),
        ({"known_at": "soon"}, "$.known_at"),
        ({"tolerance": {"per_mille": 1_001}}, "$.tolerance.per_mille"),
        ({"measure": "value"}, "$.measure"),
        ({"surprise": 1}, "$"),
    ],
)
def test_bad_lists_are_refused_by_the_field(api: Api, change: Any, path: str) -> None:
    """And leave nothing."""
    body = {"source": "erp", "balances": []} | change
    answer = api.post("/v1/reconciliations", body)

    assert (400, "malformed") == (answer.status_code, code(answer)), answer.text
    assert answer.json()["path"].startswith(path), answer.text


def lines(head: dict[str, Any], *balances: dict[str, Any]) -> bytes:
    """A list as a stream of lines."""
    return b"\n".join(json.dumps(one).encode() for one in (head, *balances))


def stream(api: Api, body: bytes, key: str | None = None) -> httpx.Response:
    """Sends it."""
    kind = {"Content-Type": "application/x-ndjson"}
    return api.post("/v1/reconciliations", body, key=key, **kind)


def test_a_stream_of_lines_is_answered_with_the_same_lines(api: Api) -> None:
    """A head, then a variance a line: what the object has, in another form."""
    mug, lamp, key = new("MUG"), new("LAMP"), new("key")
    api.record(receive(mug, 10, **at("08:00:00")), receive(lamp, 5, **at("08:00:00")))
    head = {"source": "erp", "as_of": DAY + "20:00:00Z", "complete": False}
    answer = stream(api, lines(head, balance(mug, 9), balance(lamp, 5)), key=key)
    first, *variances = map(json.loads, answer.text.splitlines())
    whole = api.post(
        "/v1/reconciliations", head | {"balances": [balance(mug, 9), balance(lamp, 5)]}, key=key
    )

    assert 201 == answer.status_code
    assert "application/x-ndjson" == answer.headers["content-type"]
    assert whole.json() == first | {"variances": variances, "variances_left_out": 0}
    assert "true" == whole.headers["Idempotent-Replayed"]


def test_a_stream_of_lines_may_be_sent_again_at_once(api: Api) -> None:
    """Whoever lost the answer does not have to wait until the first one can be looked up."""
    mug, head = new("MUG"), {"source": "erp", "as_of": DAY + "20:00:00Z", "complete": False}
    api.record(receive(mug, 10, **at("08:00:00")))
    for _ in range(5):
        body, key = lines(head, balance(mug, 9)), new("key")
        first, again = (stream(api, body, key=key) for _ in range(2))

        assert (201, first.content) == (again.status_code, again.content)
        assert "true" == again.headers["Idempotent-Replayed"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"", "line 1"),
        (b"{}", "line 1"),
        (lines({"source": "erp"}, balance("A", 1)) + b"\n{", "line 3"),
        (lines({"source": "erp"}, balance("A", 1), {"sku": "B"}), "line 3"),
        (lines({"source": "erp"}) + b"\n" + b"x" * 70_000, "$"),
        (lines({"source": "erp"}, balance("A", 1), balance("A", 1)), "$.balances"),
        (lines({"source": "erp"}) + b"\n" + b"\xff\xfe", "line 2"),
    ],
)
def test_a_bad_line_is_named(api: Api, body: bytes, path: str) -> None:
    """In a million of them nobody would find it."""
    answer = stream(api, body)

    assert (400, "malformed") == (answer.status_code, code(answer)), answer.text
    assert answer.json()["path"].startswith(path), answer.text


def test_a_stream_of_lines_has_a_limit_of_its_own(
    service_factory: Callable[..., RunningService],
) -> None:
    """Far above that of an object; what exceeds it is refused, announced or not."""
    service = service_factory(
        environ={"LEDGER_STREAM_BYTES_MAX": "4000", "LEDGER_BODY_BYTES_MAX": "300"}
    )
    api = Api.of(service)
    whole = [balance(f"SKU-{number}", 0) for number in range(100)]
    fits, exceeds = lines({"source": "erp"}, *whole[:20]), lines({"source": "erp"}, *whole)
    kind = {"Content-Type": "application/x-ndjson", "Idempotency-Key": "key-1"}
    unannounced = api.http.post("/v1/reconciliations", content=iter([exceeds]), headers=kind)
    answers = [stream(api, fits), stream(api, exceeds), unannounced]
    answers.append(api.post("/v1/reconciliations", {"source": "erp", "balances": whole[:20]}))
    answers.append(api.post("/v1/counts", fits, **{"Content-Type": "application/x-ndjson"}))
    api.close()

    assert [201, 413, 413, 413, 413] == [answer.status_code for answer in answers]


def test_the_trend_of_a_source_and_of_a_location(api: Api) -> None:
    """Newest first, page by page; a location's with what it came to there."""
    mug, source, here, there = new("MUG"), new("wms"), new("here"), new("there")
    api.record(receive(mug, 5, location=here), receive(mug, 7, location=there))
    found = [
        api.post(
            "/v1/reconciliations",
            {"source": source, "balances": [balance(mug, 5 - n, here), balance(mug, 7, there)]},
        ).json()
        for n in range(3)
    ]
    ids = [one["reconciliation_id"] for one in reversed(found)]
    asked = {"min_position": found[-1]["position"], "source": source}
    page = api.get("/v1/reconciliations", **asked, limit=2).json()
    rest = api.get("/v1/reconciliations", **asked, limit=2, cursor=page["next_cursor"]).json()
    placed = api.get("/v1/reconciliations", location=here, min_position=asked["min_position"])

    assert ids == [one["reconciliation_id"] for one in page["items"] + rest["items"]]
    assert [2, 1, 0] == [one["at_location"]["unknown_units"] for one in placed.json()["items"]]
    assert [True, True, False] == [one["alert"] for one in placed.json()["items"]]
    assert rest["next_cursor"] is None
    one = api.get(f"/v1/reconciliations/{ids[0]}").json()
    assert found[-1]["totals"] == one["totals"]
    assert sorted((here, there)) == [place["location"] for place in one["locations"]]
    assert [(mug, -2, None)] == [
        (c["sku"], c["delta"], c["approved_position"]) for c in one["corrections"]
    ]
    assert 404 == api.get("/v1/reconciliations/never").status_code


def test_corrections_are_made_on_approval_and_each_once(api: Api) -> None:
    """Nothing is posted before; a repeat and a second approval change nothing more."""
    mug, lamp = new("MUG"), new("LAMP")
    api.record(receive(mug, 10, **at("08:00:00")), receive(lamp, 5, **at("08:00:00")))
    found = compare(api, balance(mug, 8), balance(lamp, 50))
    path = f"/v1/reconciliations/{found['reconciliation_id']}"
    before = on_hand(api, mug, found["position"]), on_hand(api, lamp, found["position"])
    line, key = {"lines": [{"sku": mug, "location": "ams-1"}]}, new("key")
    first = api.post(f"{path}/approve", line, key=key)
    again = api.post(f"{path}/approve", line, key=key)
    once_more = api.post(f"{path}/approve", line)
    rest = api.post(f"{path}/approve")
    position = rest.json()["position"]

    assert (10, 5) == before
    assert (200, first.content) == (first.status_code, again.content), first.text
    assert [(mug, -2, f"{key}/0")] == [
        (c["sku"], c["delta"], c["movement_id"]) for c in first.json()["corrected"]
    ]
    assert (1, []) == (once_more.json()["open"], once_more.json()["corrected"])
    assert (0, [45]) == (rest.json()["open"], [c["delta"] for c in rest.json()["corrected"]])
    assert (8, 50) == (on_hand(api, mug, position), on_hand(api, lamp, position))
    after = api.get(path, min_position=position).json()
    assert (2, 2) == (after["approved"], len(after["corrections"]))
    assert all(c["approved_position"] for c in after["corrections"])
    (made,) = [m for m in movements(api, mug, position) if m["reason"] == "reconciliation"]
    assert (found["reconciliation_id"], f"{key}/0") == (made["reference"], made["movement_id"])


def test_a_correction_is_a_movement_that_can_be_taken_back(api: Api) -> None:
    """Whoever approved the wrong line cancels it by its id."""
    mug, key = new("MUG"), new("key")
    api.record(receive(mug, 10, **at("08:00:00")))
    found = compare(api, balance(mug, 8))
    api.post(f"/v1/reconciliations/{found['reconciliation_id']}/approve", key=key)
    cancel = {"type": "cancel", "sku": mug, "location": "ams-1", "of": f"{key}/0"}
    position = api.record(cancel)["position"]

    assert 10 == on_hand(api, mug, position)


def test_what_was_never_proposed_is_not_approved(api: Api) -> None:
    """All of an approval or nothing of it."""
    mug, lamp = new("MUG"), new("LAMP")
    api.record(receive(mug, 10, **at("08:00:00")))
    found = compare(api, balance(mug, 8))
    path = f"/v1/reconciliations/{found['reconciliation_id']}/approve"
    lines = [{"sku": sku, "location": "ams-1"} for sku in (mug, lamp)]

    assert (404, 404) == (
        api.post(path, {"lines": lines}).status_code,
        api.post("/v1/reconciliations/never/approve").status_code,
    )
    assert 10 == on_hand(api, mug, found["position"])


def test_the_last_reconciliation_of_a_source_is_a_metric(api: Api) -> None:
    """An alert for whoever watches."""
    mug, source = new("MUG"), new("pos")
    api.record(receive(mug, 10, **at("08:00:00")))
    found = compare(api, balance(mug, 3), source=source)
    api.get("/v1/reconciliations", min_position=found["position"])
    text = api.get("/metrics").text

    told = api.get("/v1/events", after=found["position"] - 2).json()["items"]
    assert [True] == [one["data"]["alert"] for one in told if one["type"].endswith("recorded.v1")]
    assert {f"reconciliation/{found['reconciliation_id']}"} == {one["subject"] for one in told}
    assert f'ledger_reconciliation_alert{{source="{source}"}} 1.0' in text
    units = f'ledger_reconciliation_variance_units{{class="unknown",source="{source}"}} 7.0'
    assert units in text


def test_the_ledger_verifies_with_reconciliations(
    api: Api, running_service: RunningService
) -> None:
    """The books of the auditor agree with every table and every approval."""
    head = api.get("/v1/reconciliations").json()["position"]
    report = verify(running_service.runtime()["database"], timeout_s=10.0)

    assert ([], True) == (report.breaches, head > 0)


def on_hand(api: Api, sku: str, position: int) -> int:
    """What there is of a SKU at ams-1."""
    items = api.get("/v1/stock", sku=sku, location="ams-1", min_position=position).json()["items"]
    return int(items[0]["on_hand"])


def movements(api: Api, sku: str, position: int) -> list[dict[str, Any]]:
    """What happened to a SKU at ams-1."""
    page = api.get("/v1/movements", sku=sku, location="ams-1", min_position=position).json()
    items: list[dict[str, Any]] = page["items"]
    return items
