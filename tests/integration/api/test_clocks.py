"""Both clocks over HTTP: whatever is asked, asked again of the same past, is answered the same."""

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import pytest

from tests.support.http import Api, new, receive, sale

AMS: Final = "ams-1"
LISTS: Final = (
    "/v1/stock",
    "/v1/stock?sort=sku",
    "/v1/stock?sort=-location",
    "/v1/stock?sort=-available",
    "/v1/stock/totals?group_by=sku",
    "/v1/stock/totals?group_by=location",
    "/v1/reservations",
    "/v1/transfers",
    "/v1/returns",
    "/v1/orders",
    "/v1/counts",
    "/v1/conflicts",
    "/v1/conflicts?status=open",
    "/v1/fences",
    "/v1/backorder-limits",
    "/v1/skus",
    "/v1/locations",
)
ONES: Final = (
    "/v1/stock/totals",
    "/v1/reservations/{order}",
    "/v1/transfers/{transfer}",
    "/v1/returns/{rma}",
    "/v1/counts/{count}",
    "/v1/conflicts/{conflict}",
    "/v1/skus/{sku}",
    "/v1/locations/{place}",
    "/v1/movements?sku={sku}&location=ams-1",
)
STANDS_FOR: Final = ("as_of", "known_at", "known_at_position", "settled", "position")


class Story(NamedTuple):
    """A ledger that went on: what was answered before it did, at the position it had."""

    known: int
    names: dict[str, str]
    before: dict[str, Any]
    first_pages: dict[str, Any]


def done(answer: Any) -> Any:
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def begun(api: Api) -> list[dict[str, str]]:
    """Two documents of every kind, by their names."""
    found = []
    for _ in range(2):
        kinds = ("sku", "place", "order", "transfer", "rma", "count", "channel", "invoice")
        names = {kind: new(kind) for kind in kinds}
        sku, here = names["sku"], {"sku": names["sku"], "location": AMS}
        for path in (f"/v1/skus/{sku}", f"/v1/locations/{names['place']}"):
            body = {"base_unit": "each"} if "/skus/" in path else {}
            done(api.http.put(path, json=body, headers={"Idempotency-Key": new("key")}))
        elsewhere = {**receive(sku, 1), "location": names["place"]}
        api.record(receive(sku, 20), elsewhere, sale(sku, 5, order=names["invoice"]))
        negative = api.record(sale(new("GONE"), 3, movement_id=new("sale")))
        names["conflict"] = negative["results"][0]["conflicts"][0]["conflict_id"]
        soft = {"kind": "soft", "expires_at": "2990-01-01T00:00:00Z"}
        done(api.place(sku, 4, reservation_id=names["order"], **soft))
        lines = [{"sku": sku, "quantity": 2}]
        ends = {"from": AMS, "to": names["place"]}
        done(api.post("/v1/transfers", {"transfer_id": names["transfer"], **ends, "lines": lines}))
        rma = {"return_id": names["rma"], "order": names["invoice"], "lines": lines}
        done(api.post("/v1/returns", rma))
        done(api.post("/v1/counts", {"count_id": names["count"], "location": AMS, "skus": [sku]}))
        fence = {**here, "channel": names["channel"], "quantity": 3}
        done(api.post("/v1/fences", fence))
        done(api.post("/v1/backorder-limits", {**here, "limit": 2}))
        found.append(names)
    return found


def gone_on(api: Api, names: dict[str, str]) -> int:
    """Something happens to each of them."""
    sku, here = names["sku"], {"sku": names["sku"], "location": AMS}
    lines = [{"sku": sku, "quantity": 2}]
    define = {"Idempotency-Key": new("key")}
    done(api.http.put(f"/v1/skus/{sku}", json={"packs": {"case": 12}}, headers=define))
    define = {"Idempotency-Key": new("key")}
    done(api.http.put(f"/v1/locations/{names['place']}", json={"kind": "shop"}, headers=define))
    api.record(receive(sku, 7, occurred_at="2020-01-01T00:00:00Z"))
    api.record(sale(sku, 1, order=names["invoice"]))
    one = [{**here, "quantity": 1}]
    done(api.post(f"/v1/reservations/{names['order']}/fulfil", {"lines": one}))
    done(api.post(f"/v1/transfers/{names['transfer']}/dispatch", {"lines": lines}))
    done(api.post(f"/v1/returns/{names['rma']}/receive", {"location": AMS, "lines": lines}))
    counted = {"lines": [{"sku": sku, "counted": 3}]}
    done(api.post(f"/v1/counts/{names['count']}/enter", counted))
    note = {"resolution": "accepted", "note": "seen"}
    done(api.post(f"/v1/conflicts/{names['conflict']}/resolve", note))
    done(api.post("/v1/fences/return", {**here, "channel": names["channel"], "quantity": 1}))
    return int(done(api.post("/v1/backorder-limits", {**here, "limit": 5}))["position"])


@pytest.fixture(scope="module")
def story(api: Api) -> Story:
    """Everything is asked for at a position, and then the ledger goes on."""
    first, second = begun(api)
    limit = {"sku": new("X"), "location": AMS, "limit": 1}
    known = int(done(api.post("/v1/backorder-limits", limit))["position"])
    before = {path: asked(api, path, second, known_at=known) for path in (*ONES, *LISTS)}
    pages = {path: asked(api, path, second, limit=1, min_position=known) for path in LISTS}
    for names in (first, second):
        now = gone_on(api, names)
        done(api.get("/v1/reservations", min_position=now))
    return Story(known, second, before, pages)


def asked(api: Api, path: str, names: dict[str, str], **query: str | int) -> Any:
    address, _, given = path.format(**names).partition("?")
    named = dict(part.split("=") for part in given.split("&")) if given else {}
    return done(api.get(address, **named, **query))


@pytest.mark.parametrize("path", [*ONES, *LISTS])
def test_the_past_is_answered_the_same_when_the_ledger_has_gone_on(
    api: Api, story: Story, path: str
) -> None:
    """By the same two clocks; and the present is another answer."""
    then = asked(api, path, story.names, known_at=story.known)
    # Of movements a window is asked for, which has an end.
    as_of = "to" if path.startswith("/v1/movements") else "as_of"
    again = asked(api, path, story.names, **{as_of: then["as_of"], "known_at": story.known})
    now = asked(api, path, story.names)
    first = story.before[path]

    told = {name: value for name, value in first.items() if name != "position"}
    assert told == {name: then[name] for name in told}
    assert told == {name: again[name] for name in told}
    assert (story.known, True) == (then["known_at_position"], then["settled"])
    assert (now["position"], False) == (now["known_at_position"], now["settled"])
    assert {n: now[n] for n in told if n not in STANDS_FOR} != {
        n: told[n] for n in told if n not in STANDS_FOR
    }


@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_keeps_both_clocks_of_its_first_page(api: Api, story: Story, path: str) -> None:
    """Pages of a question about the present go on with the present it was asked in."""
    page = story.first_pages[path]
    found = [*page["items"]]
    while page["next_cursor"] is not None:
        page = asked(api, path, story.names, limit=1, cursor=page["next_cursor"])
        found += page["items"]

        assert story.first_pages[path]["as_of"] == page["as_of"]
        assert story.known == page["known_at_position"]
    assert len(found) > 1
    assert story.before[path]["items"] == found


def test_a_late_fulfilment_is_in_the_past_of_its_promise(api: Api) -> None:
    """From when it happened on, but not in what was known before it was told."""
    sku, order = new("MUG"), new("order")
    api.record(receive(sku))
    placed = api.place(sku, 4, reservation_id=order).json()["position"]
    begin = done(api.get(f"/v1/reservations/{order}", min_position=placed))["placed_at"]
    told = done(api.post(f"/v1/reservations/{order}/fulfil", {"occurred_at": begin}))["position"]

    def status(**query: str | int) -> Any:
        return done(api.get(f"/v1/reservations/{order}", **query))["status"]

    assert "fulfilled" == status(as_of=begin, known_at=told)
    assert "placed" == status(as_of=begin, known_at=placed)
    assert "placed" == status(known_at=placed)
    before = datetime.fromisoformat(begin) - timedelta(microseconds=1)
    assert 404 == api.get(f"/v1/reservations/{order}", as_of=before.isoformat()).status_code


def test_a_promise_of_the_past_runs_out_at_its_instant(api: Api) -> None:
    """Whether or not that has come, let alone been written down; filters mean the same."""
    sku, order = new("MUG"), new("order")
    api.record(receive(sku))
    soft = {"kind": "soft", "expires_at": "2990-01-01T00:00:00Z"}
    known = api.place(sku, 4, reservation_id=order, **soft).json()["position"]

    def found(as_of: str, status: str) -> list[str]:
        page = api.get("/v1/reservations", sku=sku, status=status, as_of=as_of, known_at=known)
        return [item["reservation_id"] for item in done(page)["items"]]

    assert [order] == found("2989-12-31T23:59:59.999999Z", "placed")
    assert [] == found("2990-01-01T00:00:00Z", "placed")
    assert [order] == found("2990-01-01T00:00:00Z", "expired")
    at_the_end = done(api.get(f"/v1/reservations/{order}", as_of="2990-01-01T00:00:00Z"))
    assert (0, 4) == (at_the_end["lines"][0]["open"], at_the_end["lines"][0]["expired"])


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"as_of": "yesterday"}, "as_of"),
        ({"known_at": "9" * 19 + "9"}, "known_at"),
        ({"known_at": "-1"}, "known_at"),
        ({"cursor": "AAAA"}, "cursor"),
    ],
)
@pytest.mark.parametrize("address", ["/v1/transfers", "/v1/skus", "/v1/stock/totals"])
def test_a_clock_that_cannot_be_read_is_refused(
    api: Api, address: str, query: dict[str, str], path: str
) -> None:
    """The refusal names the parameter."""
    answer = api.get(address, **query)

    assert (400, path) == (answer.status_code, answer.json()["path"])


def test_a_cursor_of_another_question_is_refused(api: Api, story: Story) -> None:
    """It would go on in the middle of something else."""
    cursor = story.first_pages["/v1/transfers"]["next_cursor"]
    answer = api.get("/v1/returns", cursor=cursor)

    assert (400, "cursor") == (answer.status_code, answer.json()["path"])
