"""What-if over HTTP: whose sales, which promises, what stands in the way."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from tests.support.http import Api, new, receive, sale
from tests.support.servers import RunningService

YEAR = {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}
DAY = "2026-03-02"


def at(minute: int) -> str:
    """A minute of the day of these tests."""
    return f"{DAY}T{8 + minute // 60:02}:{minute % 60:02}:00Z"


class Story:
    """One SKU of its own, and what a channel would have made of it."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.sku = new("WHAT-IF")
        self.channel = new("channel")
        self.position = self.define({})

    def define(self, rules: dict[str, Any], **fed: Any) -> int:
        """Defines the channel."""
        body = {"rules": rules, **(fed or {"locations": ["ams-1"]})}
        headers = {"Idempotency-Key": new("define")}
        path = f"/v1/channels/{self.channel}"
        answer = self.api.http.put(path, json=body, headers=headers)
        assert 200 == answer.status_code, answer.text
        return int(answer.json()["position"])

    def record(self, *movements: dict[str, Any]) -> None:
        """Records what happened to the SKU."""
        self.position = self.api.record(*({**one, "sku": self.sku} for one in movements))[
            "position"
        ]

    def ask(self, **body: Any) -> dict[str, Any]:
        """The totals of a replay, checked against its only SKU and its only day."""
        asked = YEAR | {"sku": self.sku, "min_position": self.position, **body}
        answer = self.api.post(f"/v1/channels/{self.channel}/what-if", asked)
        assert 200 == answer.status_code, answer.text
        found: dict[str, Any] = answer.json()
        for part, name in ((found["skus"], "sku"), (found["days"], "day")):
            assert [found["totals"]] * len(part) == [
                {field: value for field, value in one.items() if field != name} for one in part
            ]
        totals: dict[str, Any] = found["totals"]
        return totals

    def lost(self, **body: Any) -> int:
        """Units that the other rules would have lost."""
        return int(self.ask(**body)["what_if"]["sales_lost"])

    def reserve(self, quantity: int, **more: Any) -> str:
        """A promise on the channel."""
        reservation_id = new("order")
        placed = self.api.place(
            self.sku, quantity, reservation_id=reservation_id, channel=self.channel, **more
        )
        assert 201 == placed.status_code, placed.text
        self.position = placed.json()["position"]
        return reservation_id

    def tell(self, reservation_id: str, verb: str, body: dict[str, Any] | None = None) -> None:
        """What becomes of a promise."""
        done = self.api.post(f"/v1/reservations/{reservation_id}/{verb}", body or {})
        assert 200 == done.status_code, done.text
        self.position = done.json()["position"]


@pytest.fixture
def story(running_service: RunningService) -> Iterator[Story]:
    """A SKU and a channel that no other test knows."""
    api = Api.of(running_service)
    yield Story(api)
    api.close()


def of(story: Story, quantity: int, minute: int, **more: Any) -> dict[str, Any]:
    """A sale of the channel."""
    return sale(story.sku, quantity, occurred_at=at(minute), channel=story.channel, **more)


def test_only_sales_of_the_channel_count_unless_all_are_asked_for(story: Story) -> None:
    """Others', and those of nobody, are a part of what happened to the stock."""
    till = sale(story.sku, 4, occurred_at=at(70), channel="till")
    nobody = sale(story.sku, 3, occurred_at=at(80))
    story.record(receive(story.sku, 10, occurred_at=at(0)), of(story, 2, 40), till, nobody)
    story.record(of(story, 5, 90))

    found = {whose: story.ask(sales=whose, staleness_s=1_800) for whose in ("channel", "all")}
    assert (2, 7) == (found["channel"]["sales"], found["channel"]["units"])
    assert (4, 14) == (found["all"]["sales"], found["all"]["units"])
    assert 0 == found["channel"]["what_if"]["sales_lost"]
    assert 4 == story.lost(staleness_s=300)
    assert 4 == story.ask(staleness_s=300)["actual"]["sales_lost"]


def test_an_oversell_is_split_by_what_the_rules_would_have_done(story: Story) -> None:
    """A negative level that a smaller number would have prevented, or not."""
    story.record(receive(story.sku, 5, occurred_at=at(0)), of(story, 4, 40), of(story, 3, 50))

    stale = story.ask(staleness_s=1_800)
    assert 1 == stale["oversells"]
    assert (0, 1) == tuple(
        stale["what_if"][name] for name in ("oversells_prevented", "oversells_left")
    )
    careful = story.ask(staleness_s=1_800, rules={"safety_stock": [{"units": 4}]})
    assert (1, 0) == tuple(
        careful["what_if"][name] for name in ("oversells_prevented", "oversells_left")
    )
    assert stale["actual"] == careful["actual"]
    assert 2 == story.lost(staleness_s=1_800, own_sales="known")


def test_a_broken_promise_is_the_oversell_of_the_sale_that_broke_it(story: Story) -> None:
    """Whoever sold what another had been promised."""
    story.record(receive(story.sku, 5))
    story.reserve(4)
    story.record(sale(story.sku, 3, channel=story.channel))

    found = story.ask(staleness_s=0)
    assert (1, 1) == (found["oversells"], found["what_if"]["oversells_prevented"])
    assert 2 == found["what_if"]["sales_lost"]


def test_a_promise_is_a_sale_once_it_is_fulfilled(story: Story) -> None:
    """By what the channel saw when it promised; what leaves beyond it is an oversell."""
    story.record(receive(story.sku, 5))
    promise = story.reserve(5)
    assert 0 == story.ask()["sales"]
    story.tell(promise, "fulfil")
    beyond = {"lines": [{"sku": story.sku, "location": "ams-1", "quantity": 1}]}
    story.tell(promise, "fulfil", beyond)

    found = story.ask()
    assert (2, 6, 1) == (found["sales"], found["units"], found["oversells"])
    assert {"sales_lost": 1, "sales_cut": 1, "oversells_prevented": 1, "oversells_left": 0} == (
        found["what_if"]
    )
    assert 4 + 1 == story.lost(rules={"caps": [{"units": 1}]})


def test_what_was_voided_was_not_sold(story: Story) -> None:
    """A void, and a correction, is of its sale and of its instant."""
    story.record(
        receive(story.sku, 5, occurred_at=at(0)),
        of(story, 9, 40, movement_id=f"{story.sku}-1"),
        of(story, 2, 50, movement_id=f"{story.sku}-2"),
    )
    where = {"location": "ams-1", "sku": story.sku}
    story.record(
        {"type": "sale_void", "of": f"{story.sku}-1", "quantity": 6, **where},
        {"type": "cancel", "of": f"{story.sku}-2", **where},
    )

    assert (1, 3, 0) == (
        story.ask()["sales"],
        story.ask()["units"],
        story.lost(),
    )
    assert 1 == story.lost(rules={"buffers": [{"percent": "50"}]})


def test_fences_of_others_are_not_for_sale(story: Story) -> None:
    """Units that were set aside count for the one they were set aside for."""
    story.record(receive(story.sku, 10))
    fence = {"sku": story.sku, "location": "ams-1", "channel": "other", "quantity": 6}
    granted = story.api.post("/v1/fences", fence)
    assert granted.status_code in (200, 201), granted.text
    story.record(sale(story.sku, 5, channel=story.channel))

    assert 1 == story.lost()
    assert 5 == story.lost(rules={"only_fenced": True})


def test_the_same_question_at_the_same_position_has_the_same_answer(story: Story) -> None:
    """Whatever has been recorded since, late facts and other rules included."""
    story.record(receive(story.sku, 5, occurred_at=at(0)), of(story, 4, 40))
    asked = {"known_at": str(story.position), "staleness_s": 60, "rules": {"caps": [{"units": 3}]}}
    first = story.ask(**asked)
    story.record(sale(story.sku, 3, occurred_at=at(20)), of(story, 1, 50))
    story.position = story.define({"caps": [{"units": 1}]})

    assert first == story.ask(**asked)
    assert first != story.ask(**asked | {"known_at": str(story.position)})


def test_lines_tell_every_sku_and_how_far_they_are(story: Story) -> None:
    """A head, SKUs and progress, and the sums at the end: whoever lacks these lacks something."""
    story.record(receive(story.sku, 5, occurred_at=at(0)), of(story, 9, 40))
    asked = YEAR | {"sku": story.sku, "min_position": story.position}
    path = f"/v1/channels/{story.channel}/what-if"
    answer = story.api.post(path, asked, Accept="application/x-ndjson")
    lines = [msgspec.json.decode(line) for line in answer.content.splitlines()]

    assert "application/x-ndjson" == answer.headers["content-type"]
    assert [story.channel, story.sku] == [lines[0]["channel"], lines[1]["sku"]]
    assert {"changes_done": 2, "changes": 2} == lines[2]
    assert story.ask() == lines[-1]["totals"]
    assert 1 == lines[-1]["skus_total"]


def test_a_question_needs_no_key(story: Story) -> None:
    """Nothing is recorded under it; one that cannot be a key is refused all the same."""
    path = f"/v1/channels/{story.channel}/what-if"
    asked = YEAR | {"min_position": story.position}

    assert 200 == story.api.http.post(path, json=asked).status_code
    refused = story.api.http.post(path, json=asked, headers={"Idempotency-Key": "not a key"})
    assert (400, "Idempotency-Key") == (refused.status_code, refused.json()["path"])


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"from": "2027-01-01T00:00:00Z"}, "$.to"),
        ({"to": "2036-01-01T00:00:00Z"}, "$.to"),
        ({"staleness_s": 86_401}, "$.staleness_s"),
        ({"staleness_s": -1}, "$.staleness_s"),
        ({"actual_staleness_s": 1.5}, "$.actual_staleness_s"),
        ({"rules": {"buffers": [{"percent": 101}]}}, "$.rules.buffers[0].percent"),
        ({"rules": {"caps": [{"units": 1}, {"units": 2}]}}, "$.rules.caps[1]"),
        ({"locations": []}, "$.locations"),
        ({"locations": ["a\u0000"]}, "$.locations[0]"),
        ({"sku": ""}, "$.sku"),
        ({"sales": "mine"}, "$.sales"),
        ({"own_sales": True}, "$.own_sales"),
        ({"limit": 0}, "$.limit"),
        ({"limit": 1_001}, "$.limit"),
        ({"known_at": "yesterday"}, "known_at"),
        ({"what": 1}, "$"),
    ],
)
def test_what_cannot_be_asked_is_named(story: Story, change: dict[str, Any], path: str) -> None:
    """Where in the body it stands."""
    refused = story.api.post(f"/v1/channels/{story.channel}/what-if", YEAR | change)

    assert (400, path) == (refused.status_code, refused.json()["path"])


def test_more_than_one_question_may_go_through_is_refused(
    service_factory: Callable[..., RunningService],
) -> None:
    """Before anything of it is read, and with what to do about it."""
    service = service_factory(environ={"LEDGER_WHAT_IF_CHANGES_MAX": "2"})
    story = Story(Api.of(service))
    story.record(receive(story.sku), sale(story.sku))
    assert 1 == story.ask(sales="all")["sales"]
    story.record(sale(story.sku))
    refused = story.api.post(
        f"/v1/channels/{story.channel}/what-if", YEAR | {"min_position": story.position}
    )

    assert (400, "$.to") == (refused.status_code, refused.json()["path"])
    assert "at least 3 changes of stocks" in refused.json()["problem"]
    story.api.close()


def test_what_is_not_there_is_not_there(story: Story) -> None:
    """A channel that nobody had defined by then, and a position that nobody has reached."""
    unknown = story.api.post("/v1/channels/nobody/what-if", YEAR)
    before = story.api.post(
        f"/v1/channels/{story.channel}/what-if", YEAR | {"known_at": str(story.position - 1)}
    )
    late = story.api.post(f"/v1/channels/{story.channel}/what-if", YEAR | {"min_position": 1 << 40})

    assert (404, 404) == (unknown.status_code, before.status_code)
    assert 503 == late.status_code
    assert late.json()["type"].endswith("projection-behind")
