"""Questions over HTTP: the present, the past, the history, the feed."""

import msgspec
import pytest

from api.schemas.fields import rfc3339
from ledger.clock import SystemClock
from ledger.domain.values import MICROSECONDS_PER_SECOND
from tests.support.http import Api, new, receive, sale


def test_the_past_is_asked_for_by_business_time_and_by_what_was_known(api: Api) -> None:
    """A late fact changes the past, but not what was known of it."""
    sku = new("MUG")
    first = api.record(receive(sku, 10, occurred_at="2026-01-01T09:00:00Z"))
    late = api.record(sale(sku, 4, occurred_at="2026-01-01T10:00:00+01:00"))

    def level(**question: str | int) -> int:
        answer = api.get("/v1/stock", sku=sku, min_position=late["position"], **question)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["items"][0]["on_hand"])

    assert 6 == level()
    assert 6 == level(as_of="2026-01-01T09:00:00Z")
    assert 10 == level(as_of="2026-01-01T09:00:00Z", known_at=first["position"])
    assert 10 == level(known_at=first["position"])


def test_an_answer_says_what_it_reflects(api: Api) -> None:
    """Position, times in UTC with microseconds, and whether it can still change."""
    sku = new("MUG")
    position = api.record(receive(sku))["position"]
    answer = api.get("/v1/stock", sku=sku, known_at=position, min_position=position).json()

    assert position == answer["known_at_position"]
    assert answer["position"] >= position
    assert answer["settled"] is True
    assert answer["as_of"].endswith("Z")
    assert len("2026-11-23T09:00:00.000000Z") == len(answer["as_of"])


def test_pages_continue_where_they_ended(api: Api) -> None:
    """A cursor leads through everything once."""
    location = new("ams")
    skus = [f"MUG-{number}" for number in range(5)]
    facts = [{**receive(sku), "location": location} for sku in skus]
    position = api.record(*facts)["position"]
    query: dict[str, str | int] = {"location": location, "limit": 2, "min_position": position}
    found: list[str] = []
    while True:
        page = api.get("/v1/stock", **query).json()
        found += [item["sku"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]

    assert skus == found


@pytest.mark.parametrize("order", ["occurred", "recorded"])
def test_the_history_shows_balances_after_every_change(api: Api, order: str) -> None:
    """In the order asked for, with both times and who reported it."""
    sku = new("MUG")
    api.record(receive(sku, 10, occurred_at="2026-01-02T00:00:00Z"))
    position = api.record(receive(sku, 5, occurred_at="2026-01-01T00:00:00Z"))["position"]
    page = api.get(
        "/v1/movements", sku=sku, location="ams-1", order=order, min_position=position
    ).json()

    expected = {"occurred": [5, 15], "recorded": [10, 15]}[order]
    assert expected == [item["balances"]["on_hand"] for item in page["items"]]
    assert {"admin"} == {item["actor"] for item in page["items"]}


def test_the_history_says_what_a_fact_did_to_promises_and_what_its_clock_had_claimed(
    api: Api,
) -> None:
    """Whom it concerns is part of what happened; a time from the future is quoted."""
    sku, order = new("MUG"), new("order")
    ahead = rfc3339(SystemClock().now() + 120 * MICROSECONDS_PER_SECOND)
    api.record(receive(sku, 10))
    api.place(sku, 6, reservation_id=order)
    position = api.record(sale(sku, 7, occurred_at=ahead))["position"]
    items = api.get("/v1/movements", sku=sku, location="ams-1", min_position=position).json()[
        "items"
    ]
    told = [[(c["kind"], c["holder"], c["short"]) for c in item["conflicts"]] for item in items]

    assert [[], [], [("promise_broken", order, 3)]] == told
    assert [None, None, ahead] == [item["claimed_at"] for item in items]


def test_a_history_cursor_that_was_made_up_is_refused(api: Api) -> None:
    """Cursors are opaque and checked."""
    sku = new("MUG")
    position = api.record(receive(sku))["position"]
    answer = api.get(
        "/v1/movements", sku=sku, location="ams-1", cursor="AAAA", min_position=position
    )

    assert (400, "cursor") == (answer.status_code, answer.json()["path"])


def test_an_unknown_reservation_is_not_found(api: Api) -> None:
    """404 names it."""
    answer = api.get("/v1/reservations/none-such")

    assert (404, "none-such") == (answer.status_code, answer.json()["id"])


def test_reservations_are_listed_by_what_is_asked(api: Api) -> None:
    """Filters narrow; the newest comes first."""
    sku = new("MUG")
    api.record(receive(sku))
    orders = [new("order"), new("order")]
    answers = [api.place(sku, 1, reservation_id=order, channel="web") for order in orders]
    position = answers[-1].json()["position"]
    page = api.get("/v1/reservations", sku=sku, channel="web", min_position=position).json()

    assert orders[::-1] == [item["reservation_id"] for item in page["items"]]


def test_the_feed_has_every_event_in_order(api: Api) -> None:
    """A page says where the next one begins, and where the head is."""
    sku = new("MUG")
    position = api.record(*[receive(sku)] * 5)["position"]
    start = position - 5
    page = api.get("/v1/events", after=start, limit=3, min_position=position).json()
    rest = api.get("/v1/events", after=page["next_after"]).json()

    assert [start + 1, start + 2, start + 3] == [item["position"] for item in page["items"]]
    assert start + 4 == rest["items"][0]["position"]
    assert "inventory.stock.received.v1" == page["items"][0]["type"]


def test_the_feed_streams_lines_to_the_head(api: Api) -> None:
    """NDJSON by Accept: one event a line, to the head that was found."""
    sku = new("MUG")
    position = api.record(*[receive(sku)] * 700)["position"]
    answer = api.http.get(
        f"/v1/events?after={position - 700}", headers={"Accept": "application/x-ndjson"}
    )
    lines = [msgspec.json.decode(line) for line in answer.text.splitlines()]

    assert "application/x-ndjson" == answer.headers["content-type"]
    assert [*range(position - 699, position + 1)] == [line["position"] for line in lines]
