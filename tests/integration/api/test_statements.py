"""Statements over HTTP: the equation, the way down to the movements, and the files."""

import csv
import io
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pyarrow.parquet as pa_parquet
import pytest

from tests.support.http import Api, new, receive, sale

MARCH = {"from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}


def told(api: Api, position: int, **question: Any) -> dict[str, Any]:
    """The answer to a question, no older than a position."""
    answer = api.get("/v1/statements", min_position=position, **MARCH | question)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def history(api: Api) -> tuple[str, int]:
    """A SKU at ams-1: ten in February; in March ten more, three sold, two damaged, one too few."""
    sku = new("MUG")
    about = {"sku": sku, "location": "ams-1"}
    answer = api.record(
        receive(sku, 10, occurred_at="2026-02-10T12:00:00Z"),
        receive(sku, 10, occurred_at="2026-03-01T00:00:00Z", reason="receipt_po"),
        sale(sku, 3, occurred_at="2026-03-10T12:00:00Z"),
        {
            **about,
            "type": "move",
            "from_bucket": "sellable",
            "to_bucket": "damaged",
            "quantity": 2,
            "occurred_at": "2026-03-11T12:00:00Z",
        },
        {**about, "type": "count", "counted": 14, "occurred_at": "2026-03-12T12:00:00Z"},
        sale(sku, 5, occurred_at="2026-04-01T00:00:00Z"),
    )
    return sku, int(answer["position"])


def test_a_statement_says_where_every_unit_came_from_and_went_to(api: Api) -> None:
    """Closing = opening + the counters; a change of condition stands beside them and adds nothing.

    What happened at `from` is in, what happened at `to` is not.
    """
    sku, position = history(api)
    answer = told(api, position, sku=sku, location="ams-1")
    (item,) = answer["items"]

    counters = {one["counter"]: one["quantity"] for one in item["counters"]}
    assert {"supplier": 10, "customer": -3, "variance": -1} == counters
    assert item["opening"]["on_hand"] + sum(counters.values()) == item["closing"]["on_hand"]
    assert (10, 14, 2) == (
        item["opening"]["sellable"],
        item["closing"]["sellable"],
        item["closing"]["damaged"],
    )
    ((source, target, quantity),) = [
        (one["from_bucket"], one["to_bucket"], one["quantity"]) for one in item["moves"]
    ]
    assert ("sellable", "damaged", 2) == (source, target, quantity)
    (supplier,) = [one for one in item["counters"] if one["counter"] == "supplier"]
    assert ["receipt_po"] == [line["reason"] for line in supplier["lines"]]
    assert answer["position"] >= answer["known_at_position"] >= position


def test_every_line_leads_to_its_movements(api: Api) -> None:
    """As many entries as it says, which add up to what it says."""
    sku, position = history(api)
    (item,) = told(api, position, sku=sku)["items"]
    lines = [*item["moves"], *(line for one in item["counters"] for line in one["lines"])]
    for line in lines:
        link = urlsplit(line["entries_link"])
        page = api.get(link.path, **dict(parse_qsl(link.query))).json()

        assert line["entries"] == len(page["items"])
        assert abs(line["quantity"]) == abs(sum(one["quantity"] for one in page["items"]))
        assert {sku} == {one["sku"] for one in page["items"]}
        assert all(one["movement_id"] for one in page["items"])


def test_a_late_fact_changes_what_is_known_and_not_what_was(api: Api) -> None:
    """The same question, as known before it and after it."""
    sku, before = history(api)
    after = api.record(sale(sku, 4, occurred_at="2026-03-05T00:00:00Z"))["position"]

    def sold(**known: int) -> int:
        (item,) = told(api, after, sku=sku, **known)["items"]
        return sum(one["quantity"] for one in item["counters"] if one["counter"] == "customer")

    assert (-7, -3, -7) == (sold(), sold(known_at=before), sold(known_at=after))
    answer = told(api, after, sku=sku, known_at=before)
    assert (before, True) == (answer["known_at_position"], answer["settled"])


@pytest.mark.parametrize("group_by", ["sku", "location"])
def test_groups_come_in_pages(api: Api, group_by: str) -> None:
    """A cursor leads through all of them once, as known when the first page was read."""
    shared = new("shared")
    names = [new("part") for _ in range(5)]
    other = {"sku": "location", "location": "sku"}[group_by]
    about = {other: shared, "occurred_at": "2026-03-05T00:00:00Z"}
    facts = [{**receive("-", 1), **about, group_by: name} for name in names]
    position = api.record(*facts)["position"]
    question: dict[str, Any] = {other: shared, "group_by": group_by, "limit": 2}
    found: list[str] = []
    while True:
        page = told(api, position, **question)
        found += [item[group_by] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        question["cursor"] = page["next_cursor"]

    assert sorted(names) == found


def test_the_same_numbers_come_as_json_csv_and_parquet(api: Api) -> None:
    """A table says in its headers, or in its own metadata, what it was made from."""
    sku, position = history(api)
    question: dict[str, str | int] = {"sku": sku, "known_at": position, **MARCH}
    plain = told(api, position, sku=sku, known_at=position)
    lines = api.http.get("/v1/statements", params=question, headers={"Accept": "text/csv"})
    file = api.http.get(
        "/v1/statements",
        params=question,
        headers={"Accept": "application/vnd.apache.parquet"},
    )
    of_csv = list(csv.DictReader(io.StringIO(lines.text)))
    table = pa_parquet.read_table(io.BytesIO(file.content))
    of_file = [
        {k: "" if v is None else str(v) for k, v in row.items()} for row in table.to_pylist()
    ]
    change = sum(int(row["quantity"]) for row in of_csv if row["section"] == "counter")

    assert of_csv == of_file
    assert change == sum(one["quantity"] for one in plain["items"][0]["counters"])
    assert str(position) == lines.headers["ledger-known-at-position"]
    assert str(position).encode() == table.schema.metadata[b"known_at_position"]
    assert ("text/csv", "application/vnd.apache.parquet") == (
        lines.headers["content-type"].partition(";")[0],
        file.headers["content-type"],
    )


@pytest.mark.parametrize(
    ("question", "path"),
    [
        ({"from": "2026-04-01T00:00:00Z"}, "to"),
        ({"from": "yesterday"}, "from"),
        ({"known_at": "long ago"}, "known_at"),
        ({"group_by": "week"}, "group_by"),
        ({"cursor": "AAAA"}, "cursor"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_by_name(
    api: Api, question: dict[str, str], path: str
) -> None:
    """The parameter is named."""
    answer = api.get("/v1/statements", **MARCH | question)

    assert (400, path) == (answer.status_code, answer.json()["path"])


def test_a_cursor_belongs_to_its_question(api: Api) -> None:
    """Half of one statement and half of another would add up to nothing."""
    location = new("place")
    facts = [{**receive(new("MUG"), 1), "location": location} for _ in range(3)]
    position = api.record(*facts)["position"]
    cursor = told(api, position, location=location, group_by="sku", limit=1)["next_cursor"]
    answer = api.get("/v1/statements", group_by="sku", cursor=cursor, **MARCH)

    assert (400, "cursor") == (answer.status_code, answer.json()["path"])


# --- periods ------------------------------------------------------------------------------------


def close(api: Api, location: str, month: int) -> dict[str, Any]:
    """Closes a month of 2026 at a location."""
    period = {
        "period_id": f"{location}-{month}",
        "from": f"2026-{month:02}-01T00:00:00Z",
        "to": f"2026-{month + 1:02}-01T00:00:00Z",
        "location": location,
    }
    answer = api.post("/v1/periods", period)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def statement(api: Api, period: dict[str, Any], **question: Any) -> dict[str, Any]:
    """What a period was closed with."""
    path = f"/v1/periods/{period['period_id']}/statement"
    answer = api.get(path, min_position=period["position"], **question)
    assert answer.status_code == 200, answer.text
    (item,) = answer.json()["items"]
    assert period["known_at_position"] == answer.json()["known_at_position"]
    found: dict[str, Any] = item
    return found


def test_what_is_learned_of_a_closed_period_stands_in_the_next_one(api: Api) -> None:
    """The closed one stays as it was, and the fact is recorded all the same."""
    sku, location = new("MUG"), new("place")
    about = {"sku": sku, "location": location}
    api.record({**receive(sku, 10), **about, "occurred_at": "2026-01-10T12:00:00Z"})
    january = close(api, location, 1)
    before = statement(api, january)
    api.record({**sale(sku, 4), **about, "occurred_at": "2026-01-20T12:00:00Z"})
    api.record({**sale(sku, 1), **about, "occurred_at": "2026-02-20T12:00:00Z"})
    february = close(api, location, 2)
    after = statement(api, february)

    assert before == statement(api, january)
    assert (None, january["period_id"]) == (january["follows"], february["follows"])
    assert (10, 10, -4, 5) == (
        before["closing"]["on_hand"],
        after["opening"]["on_hand"],
        after["prior_period"]["quantity"],
        after["closing"]["on_hand"],
    )
    assert [("customer", -1)] == [(one["counter"], one["quantity"]) for one in after["counters"]]
    ((late,),) = [one["lines"] for one in after["prior_period"]["counters"]]
    link = urlsplit(late["entries_link"])
    (entry,) = api.get(link.path, **dict(parse_qsl(link.query))).json()["items"]
    assert ("2026-01-20T12:00:00.000000Z", 4) == (entry["occurred_at"], entry["quantity"])


def test_a_period_is_closed_once_and_read_back(api: Api) -> None:
    """The same again answers alike; a gap is refused with both ends."""
    location = new("place")
    january = close(api, location, 1)
    again = close(api, location, 1)
    answer = api.post(
        "/v1/periods",
        {
            "period_id": new("period"),
            "from": "2026-03-01T00:00:00Z",
            "to": "2026-04-01T00:00:00Z",
            "location": location,
        },
    )
    found = api.get(f"/v1/periods/{january['period_id']}", min_position=january["position"]).json()
    listed = api.get("/v1/periods", location=location).json()["items"]
    own = {name: value for name, value in january.items() if name != "position"}

    assert own == {name: value for name, value in again.items() if name != "position"}
    assert own == {name: value for name, value in found.items() if name != "position"}
    assert [own] == listed
    assert (409, "2026-02-01T00:00:00.000000Z", "2026-03-01T00:00:00.000000Z") == (
        answer.status_code,
        answer.json()["due_from"],
        answer.json()["asked_from"],
    )


def test_a_statement_of_a_period_nobody_closed_is_not_found(api: Api) -> None:
    """Nor of a place that is no part of it."""
    january = close(api, new("place"), 1)
    path = f"/v1/periods/{january['period_id']}/statement"

    assert 404 == api.get("/v1/periods/nobody-s/statement").status_code
    assert 404 == api.get("/v1/periods/nobody-s").status_code
    answer = api.get(path, location="elsewhere", min_position=january["position"])
    assert (400, "location") == (answer.status_code, answer.json()["path"])
