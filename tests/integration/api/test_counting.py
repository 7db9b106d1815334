"""Counts, corrections and cancels over HTTP, as then known and as corrected."""

from typing import Any

import pytest

from tests.support.http import Api, new, receive, sale


def _day(number: int, hour: int = 12) -> str:
    return f"2026-02-{number:02}T{hour:02}:00:00Z"


def _count(sku: str, counted: int, day: int, **more: Any) -> dict[str, Any]:
    at = {"occurred_at": _day(day)}
    return {"type": "count", "sku": sku, "location": "ams-1", "counted": counted, **at, **more}


def _about(kind: str, sku: str, of: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "sku": sku, "location": "ams-1", "of": of, **more}


class Days:
    """The levels of a SKU at noon of some days, as known at some positions."""

    def __init__(self, api: Api, sku: str) -> None:
        self.api = api
        self.sku = sku

    def levels(self, position: int) -> list[int]:
        """Noon of days 1 to 5, by what was known at a position."""
        found = []
        for day in range(1, 6):
            question: dict[str, Any] = {"as_of": _day(day), "known_at": position}
            answer = self.api.get("/v1/stock", sku=self.sku, min_position=position, **question)
            assert answer.status_code == 200, answer.text
            found.append(sum(item["sellable"] for item in answer.json()["items"]))
        return found


def test_the_past_is_answered_as_then_known_and_as_corrected(api: Api) -> None:
    """Receipts, two counts entered late, and the second one cancelled: every position for ever."""
    sku = new("MUG")
    days = Days(api, sku)
    received = [receive(sku, n, occurred_at=_day(day)) for n, day in ((10, 2), (1, 3), (1, 5))]
    known = [
        (api.record(*told)["position"], levels)
        for told, levels in (
            (received, [0, 10, 11, 11, 12]),
            ([_count(sku, 6, 4)], [0, 10, 11, 6, 7]),
            ([_count(sku, 8, 1, movement_id=f"{sku}-c")], [8, 18, 19, 6, 7]),
            ([_about("cancel", sku, f"{sku}-c")], [0, 10, 11, 6, 7]),
        )
    ]

    assert [levels for _, levels in known] == [days.levels(position) for position, _ in known]


def test_the_history_shows_what_was_counted_and_what_was_absorbed(api: Api) -> None:
    """Every posting, under the movement that caused it; a count that found nothing new, too."""
    sku = new("MUG")
    api.record(receive(sku, 10, occurred_at=_day(1)))
    api.record(_count(sku, 10, 2, movement_id=f"{sku}-c"))
    api.record(sale(sku, 3, occurred_at=_day(1, 15), movement_id=f"{sku}-s"))
    position = api.record(_about("correct", sku, f"{sku}-s", quantity=4, movement_id=f"{sku}-k"))
    page = api.get(
        "/v1/movements",
        sku=sku,
        location="ams-1",
        order="occurred",
        min_position=position["position"],
    ).json()

    assert [
        ("stock.received.v1", 10),
        ("stock.sold.v1", 7),
        ("stock.corrected.v1", 6),
        ("stock.counted.v1", 6),
        ("stock.absorbed.v1", 9),
        ("stock.absorbed.v1", 10),
    ] == [(item["type"], item["balances"]["on_hand"]) for item in page["items"]]
    assert [None, None, f"{sku}-s", None] == [item["restates"] for item in page["items"][:4]]
    assert [10] == [item["counted"] for item in page["items"] if item["counted"] is not None]
    assert [f"{sku}-s", f"{sku}-k", f"{sku}-c", f"{sku}-s", f"{sku}-k"] == [
        item["movement_id"] for item in page["items"][1:]
    ]


def test_a_second_count_of_a_moment_names_the_first_or_is_refused(api: Api) -> None:
    """The refusal says which one stands, and what it counted."""
    sku = new("MUG")
    api.record(_count(sku, 5, 2, movement_id=f"{sku}-c"))
    refused = api.post("/v1/movements", {"movements": [_count(sku, 6, 2)]})
    api.record(_count(sku, 6, 2, replaces=f"{sku}-c"))

    problem = refused.json()
    assert (409, f"{sku}-c", 5) == (refused.status_code, problem["id"], problem["counted"])
    assert problem["type"].endswith("illegal-state")


@pytest.mark.parametrize(
    ("movement", "path"),
    [
        ({"type": "count", "counted": -1}, "counted"),
        ({"type": "count", "counted": 1, "bucket": "customer"}, "bucket"),
        ({"type": "count"}, ""),
        ({"type": "correct", "of": "m-1"}, ""),
        ({"type": "correct", "of": "m-1", "quantity": 1.5}, "quantity"),
        ({"type": "cancel", "of": "m 1"}, "of"),
        ({"type": "cancel", "of": "m-1", "quantity": 1}, ""),
    ],
)
def test_a_count_or_correction_out_of_form_is_malformed(
    api: Api, movement: dict[str, Any], path: str
) -> None:
    """The answer names the field."""
    body = {"movements": [{"sku": "MUG", "location": "ams-1", **movement}]}
    answer = api.post("/v1/movements", body)

    assert 400 == answer.status_code, answer.text
    assert path in answer.json()["path"]


def test_a_repeated_correction_is_replayed_not_repeated(api: Api) -> None:
    """One effect for one key; another key finds it done."""
    sku = new("MUG")
    api.record(receive(sku, 10, movement_id=f"{sku}-r"))
    correction = _about("correct", sku, f"{sku}-r", quantity=7)
    first = api.record(correction, key=f"{sku}-k")
    again = api.post("/v1/movements", {"movements": [correction]}, key=f"{sku}-k")
    other = api.record(correction)
    stock = api.get("/v1/stock", sku=sku, min_position=other["position"]).json()

    assert first == again.json()
    assert "true" == again.headers["Idempotent-Replayed"]
    assert 7 == stock["items"][0]["on_hand"]
