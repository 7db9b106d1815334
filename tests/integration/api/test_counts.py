"""Count documents over HTTP: opened, entered, approved, posted, cancelled."""

import concurrent.futures
from typing import Any

import httpx
import pytest

from projections.audit.verification import verify
from tests.support.http import Api, new, receive, sale
from tests.support.servers import RunningService


class Counting:
    """One count document of a test."""

    def __init__(self, api: Api, location: str = "ams-1", **asked: Any) -> None:
        self.api = api
        self.location = location
        self.count_id = new("count")
        body = {"count_id": self.count_id, "location": location, **asked}
        self.opened = api.post("/v1/counts", body)

    def enter(self, *lines: dict[str, Any]) -> httpx.Response:
        """Figures."""
        return self.step("enter", {"lines": list(lines)})

    def step(self, verb: str, body: object = None) -> httpx.Response:
        """The next command."""
        return self.api.post(f"/v1/counts/{self.count_id}/{verb}", body or {})

    def found(self, answer: httpx.Response) -> dict[str, Any]:
        """The document as the desk reads it, not older than an answer."""
        asked = {"min_position": answer.json()["position"]}
        body: dict[str, Any] = self.api.get(f"/v1/counts/{self.count_id}", **asked).json()
        return body


def figure(sku: str, counted: int, **more: Any) -> dict[str, Any]:
    """So many were seen."""
    return {"sku": sku, "counted": counted, **more}


def level(api: Api, sku: str, position: int, **asked: Any) -> int:
    """What is sellable of a SKU at ams-1, not older than a position."""
    asked |= {"sku": sku, "location": "ams-1", "min_position": position}
    sellable: int = api.get("/v1/stock", **asked).json()["items"][0]["sellable"]
    return sellable


def test_a_count_is_opened_entered_and_posted(api: Api) -> None:
    """Figures stand once they are posted, each at its time; what is missing is named."""
    mug, lamp = new("MUG"), new("LAMP")
    api.record(receive(mug, 10), receive(lamp, 5))
    counting = Counting(api, skus=[mug, lamp])

    assert (201, "open") == (counting.opened.status_code, counting.opened.json()["status"])
    entered = counting.enter(figure(mug, 8))
    assert (200, "entered") == (entered.status_code, entered.json()["status"])
    (line,) = entered.json()["lines"]
    assert (10, -2) == (line["expected"], line["variance"])
    assert 10 == level(api, mug, entered.json()["position"])
    posted = counting.step("post")

    assert (200, "posted", [lamp]) == (
        posted.status_code,
        posted.json()["status"],
        posted.json()["missing"],
    )
    assert 8 == level(api, mug, posted.json()["position"])
    document = counting.found(posted)
    assert posted.json()["lines"] == document["lines"]
    assert (["posted"], [lamp], False) == (
        [document["status"]],
        document["missing"],
        document["missing_more"],
    )


def test_a_figure_stands_at_its_own_time(api: Api) -> None:
    """What happened after it was seen is not counted away."""
    sku = new("MUG")
    api.record(receive(sku, 10, occurred_at="2026-01-01T00:00:00Z"))
    api.record(sale(sku, 3, occurred_at="2026-01-03T00:00:00Z"))
    counting = Counting(api)
    counting.enter(figure(sku, 9, counted_at="2026-01-02T00:00:00Z"))

    posted = counting.step("post")

    position = posted.json()["position"]
    assert (10, -1) == tuple(posted.json()["lines"][0][n] for n in ("expected", "variance"))
    assert 9 == level(api, sku, position, as_of="2026-01-02T00:00:00Z")
    assert 6 == level(api, sku, position)


def test_of_a_blind_count_nobody_is_told_what_was_expected_before_it_is_posted(api: Api) -> None:
    """Neither by the answer to a figure, nor by the document, nor by a refusal."""
    sku = new("MUG")
    api.record(receive(sku, 10))
    counting = Counting(api, blind=True, approval_above=1)

    entered = counting.enter(figure(sku, 7))
    refused = counting.step("post")
    hidden = counting.found(entered)["lines"][0]
    counting.step("approve")
    posted = counting.step("post")

    assert (None, None) == (hidden["expected"], hidden["variance"])
    assert hidden == entered.json()["lines"][0]
    assert [{"sku": sku, "bucket": "sellable", "counted": 7}] == refused.json()["lines"]
    assert (10, -3) == tuple(posted.json()["lines"][0][n] for n in ("expected", "variance"))


def test_a_variance_above_the_threshold_needs_an_approval(api: Api) -> None:
    """Refused with the lines until somebody stands for them; who it was stays in the document."""
    mug, lamp = new("MUG"), new("LAMP")
    api.record(receive(mug, 10), receive(lamp, 10))
    counting = Counting(api, approval_above=2)
    counting.enter(figure(mug, 8), figure(lamp, 13))

    refused = counting.step("post")
    approved = counting.step("approve")
    posted = counting.step("post")

    problem = refused.json()
    assert (409, 1, 2) == (refused.status_code, problem["unapproved"], problem["approval_above"])
    lines = [{"sku": lamp, "bucket": "sellable", "counted": 13, "variance": 3}]
    assert lines == problem["lines"]
    assert ("approved", "admin") == (approved.json()["status"], approved.json()["approved_by"])
    assert "posted" == posted.json()["status"]


def test_a_figure_entered_again_takes_the_place_of_the_earlier_one(api: Api) -> None:
    """The earlier one stays in the document, and the approval of it is gone."""
    sku = new("MUG")
    api.record(receive(sku, 10))
    counting = Counting(api, approval_above=0)
    first = counting.enter(figure(sku, 4)).json()["lines"][0]
    counting.step("approve")

    again = counting.enter(figure(sku, 9)).json()

    (line,) = again["lines"]
    assert (9, False, "entered") == (line["counted"], line["approved"], again["status"])
    assert [{"counted": 4, "counted_at": first["counted_at"]}] == line["earlier"]
    assert 409 == counting.step("post").status_code


def test_a_count_is_posted_once(api: Api) -> None:
    """Posting again is the same posting; entering afterwards is refused."""
    sku = new("MUG")
    api.record(receive(sku, 10))
    counting = Counting(api)
    counting.enter(figure(sku, 8))
    posted = counting.step("post")

    again, more = counting.step("post"), counting.enter(figure(sku, 7))

    assert (200, posted.json()["lines"]) == (again.status_code, again.json()["lines"])
    assert (409, "posted") == (more.status_code, more.json()["state"])
    assert 8 == level(api, sku, again.json()["position"])


def test_a_cancelled_count_leaves_no_figure_behind(api: Api) -> None:
    """Also where it had been posted: the level is what it was."""
    sku = new("MUG")
    api.record(receive(sku, 10))
    counting = Counting(api)
    counting.enter(figure(sku, 4))
    posted = counting.step("post")
    assert 4 == level(api, sku, posted.json()["position"])

    cancelled = counting.step("cancel")

    assert (200, "cancelled") == (cancelled.status_code, cancelled.json()["status"])
    assert 10 == level(api, sku, cancelled.json()["position"])
    assert 409 == counting.step("post").status_code


def test_a_full_count_lists_what_the_ledger_knows_there_and_nobody_entered(api: Api) -> None:
    """As known when it was posted; only what was entered is posted."""
    place, seen, unseen, later = new("full"), new("MUG"), new("LAMP"), new("ARMCHAIR")
    for sku in (seen, unseen):
        api.record(receive(sku, 5) | {"location": place})
    counting = Counting(api, place, kind="full")
    entered = counting.enter(figure(seen, 5))
    posted = counting.step("post")
    api.record(receive(later, 5) | {"location": place})

    assert None is posted.json()["missing"]
    assert [unseen] == counting.found(entered)["missing"]
    assert [unseen] == counting.found(posted)["missing"]


def test_all_figures_are_posted_or_none(api: Api) -> None:
    """A count that stands at the same instant already stops the whole document."""
    mug, lamp, at = new("MUG"), new("LAMP"), "2026-02-01T00:00:00Z"
    api.record(receive(mug, 10), receive(lamp, 10))
    first, second = Counting(api), Counting(api)
    first.enter(figure(lamp, 9, counted_at=at))
    first.step("post")
    second.enter(figure(mug, 1, counted_at=at), figure(lamp, 8, counted_at=at))

    refused = second.step("post")

    assert 409 == refused.status_code
    assert 10 == level(api, mug, api.record(receive(lamp))["position"])


def test_counts_are_listed_newest_first_by_location_status_and_sku(api: Api) -> None:
    """Pages, with the filters a desk needs."""
    place, sku = new("place"), new("MUG")
    first, second = Counting(api, place), Counting(api, place)
    second.enter(figure(sku, 3))
    last = second.step("post")
    asked = {"location": place, "min_position": last.json()["position"]}

    everything = api.get("/v1/counts", **asked).json()["items"]
    posted = api.get("/v1/counts", **asked, status="posted", sku=sku).json()["items"]
    page = api.get("/v1/counts", **asked, limit=1).json()
    rest = api.get("/v1/counts", **asked, limit=1, cursor=page["next_cursor"]).json()

    assert [second.count_id, first.count_id] == [one["count_id"] for one in everything]
    assert [second.count_id] == [one["count_id"] for one in posted]
    assert everything == page["items"] + rest["items"]


def test_commands_on_one_count_in_one_moment_all_find_it(api: Api) -> None:
    """Whoever does not wait for the last answer gets one all the same, never a mistake."""

    def one(_: int) -> list[int]:
        sku = new("MUG")
        counting = Counting.__new__(Counting)
        counting.api, counting.count_id = api, new("count")
        body = {"count_id": counting.count_id, "location": "ams-1"}
        old = figure(sku, 3, counted_at="2026-01-02T00:00:00Z")
        sends = (
            lambda: api.post("/v1/counts", body),
            lambda: counting.enter(old),
            lambda: counting.step("post"),
            lambda: api.post("/v1/movements", {"movements": [receive(sku, 9)]}),
        )
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            return [answer.status_code for answer in pool.map(lambda send: send(), sends)]

    for statuses in map(one, range(20)):
        assert 201 == statuses[0] == statuses[3]
        assert {*statuses} <= {200, 201, 404, 409}


@pytest.mark.parametrize(
    ("path", "body", "at"),
    [
        ("", {"count_id": "c-1"}, "$"),
        ("", {"count_id": "c-1", "location": "a", "kind": "whole"}, "$.kind"),
        ("/c-1/enter", {"lines": []}, "$.lines"),
        ("/c-1/enter", {"lines": [{"sku": "M", "counted": -1}]}, "$.lines[0].counted"),
        ("/c-1/enter", {"lines": [figure("M", 1), figure("M", 2)]}, "$.lines[1].sku"),
    ],
)
def test_a_malformed_request_names_the_place(
    api: Api, path: str, body: dict[str, Any], at: str
) -> None:
    """Strict at the door."""
    answer = api.post(f"/v1/counts{path}", body)

    assert (400, at) == (answer.status_code, answer.json()["path"])


def test_an_unknown_count_is_not_found(api: Api) -> None:
    """Asked for or acted upon."""
    post = api.post("/v1/counts/nobody/post")

    assert (404, 404) == (api.get("/v1/counts/nobody").status_code, post.status_code)


def test_the_auditor_finds_nothing_wrong_with_all_of_this(running_service: RunningService) -> None:
    """Whatever the tests above did to counts: log, projections and laws agree."""
    assert [] == verify(running_service.runtime()["database"]).breaches
