"""Questions about a SKU whose code may be written in several ways, in one of the other ways."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx
import msgspec
import pytest
from msgspec import Struct

from api.app import openapi_document
from tests.support.http import Api, new, receive, sale
from tests.support.servers import RunningService

AMS: Final = "ams-1"
YEAR: Final = {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}
WINTER: Final = {"from": "2026-01-01T00:00:00Z", "to": "2026-03-01T00:00:00Z"}
THEN: Final = "2026-02-02T10:00:00Z"
LISTS: Final = (
    "/v1/stock",
    "/v1/movements",
    "/v1/reservations",
    "/v1/transfers",
    "/v1/returns",
    "/v1/orders",
    "/v1/counts",
    "/v1/conflicts",
    "/v1/fences",
    "/v1/backorder-limits",
    "/v1/statements/entries",
)
SINGLE: Final = (
    "/v1/availability",
    "/v1/channels/{id}/log",
    "/v1/periods/{id}/statement",
    "/v1/skus/{sku}",
    "/v1/statements",
    "/v1/stock/totals",
)
DATED: Final = frozenset(LISTS) - {"/v1/movements", "/v1/statements/entries"}


class Story(Struct, frozen=True):
    """A SKU as the ledger keeps it and as somebody writes it, and how far the ledger got."""

    api: Api
    kept: str
    written: str
    channel: str
    place: str  # Where one of it came in that winter, and nothing else ever.
    position: int

    def ask(self, path: str, sku: str | list[str], **more: Any) -> dict[str, Any]:
        """What is answered about a code."""
        query = {"sku": sku, "min_position": self.position, **more}
        if path == "/v1/movements":
            query["location"] = AMS
        return done(self.api.get(path, **query))


def done(answer: httpx.Response) -> dict[str, Any]:
    """The body of an answer that said yes."""
    assert answer.is_success, answer.text
    body: dict[str, Any] = answer.json()
    return body


def put(api: Api, path: str, **body: Any) -> int:
    """A definition; its position."""
    answer = api.http.put(path, json=body, headers={"Idempotency-Key": new("key")})
    return int(done(answer)["position"])


@pytest.fixture(scope="module", params=["upper", "fold"])
def story(request: pytest.FixtureRequest, running_service: RunningService) -> Iterator[Story]:
    """Everything that can happen to a SKU, never under the code that the ledger keeps."""
    api = Api.of(running_service)
    word, channel, place = new("Straße-Upx"), new("web"), new("rtm")
    kept = word.upper() if request.param == "upper" else word.casefold()
    put(api, f"/v1/skus/{word}", case_policy=request.param)
    put(api, f"/v1/channels/{channel}", locations=[AMS])
    here = {"sku": word, "location": AMS}
    lines = [{"sku": word, "quantity": 2}]
    sold = {"occurred_at": THEN, "channel": channel, "order": new("invoice")}
    elsewhere = receive(word, 1, location=place, occurred_at=THEN)
    api.record(receive(word, 20, occurred_at=THEN), elsewhere, sale(word, 25, **sold))
    api.record(receive(word, 20))
    done(api.place(word, 4, channel=channel))
    ends = {"from": AMS, "to": "rtm-1", "lines": lines}
    done(api.post("/v1/transfers", {"transfer_id": new("transfer"), **ends}))
    done(api.post("/v1/returns", {"return_id": new("rma"), "lines": lines}))
    count = new("count")
    done(api.post("/v1/counts", {"count_id": count, "location": AMS}))
    done(api.post(f"/v1/counts/{count}/enter", {"lines": [{"sku": word, "counted": 15}]}))
    done(api.post("/v1/fences", {**here, "channel": channel, "quantity": 3}))
    position = int(done(api.post("/v1/backorder-limits", {**here, "limit": 2}))["position"])
    yield Story(api, kept, word, channel, place, position)
    api.close()


def test_every_question_about_a_sku_is_asked_here() -> None:
    """A new one is not forgotten."""
    paths = msgspec.json.decode(openapi_document())["paths"]
    about = {
        path
        for path, item in paths.items()
        if "sku" in {one["name"] for one in item.get("get", {}).get("parameters", ())}
    }

    assert {*LISTS, *SINGLE} == about


@pytest.mark.parametrize("path", LISTS)
def test_a_list_has_the_same_items_however_its_sku_is_written(story: Story, path: str) -> None:
    """Found under the code that the ledger keeps, and there is something to find."""
    found = story.ask(path, story.written)["items"]

    assert found == story.ask(path, story.kept)["items"]
    assert found
    assert story.written not in str(found)


@pytest.mark.parametrize("path", sorted(DATED))
def test_so_has_a_list_of_the_past(story: Story, path: str) -> None:
    """By the position at which it was known: no other was waited for."""
    then = {"known_at": story.position, "min_position": 0}

    found = story.ask(path, story.written, **then)["items"]

    assert found == story.ask(path, story.kept, **then)["items"]
    assert found


def test_sums_and_statements_are_those_of_the_code_that_is_kept(story: Story) -> None:
    """Of the network, of a span of time, and of a closed period."""
    period = {"period_id": new("period"), "location": story.place, **WINTER}
    now = done(story.api.post("/v1/periods", period))["position"]
    asked: dict[str, dict[str, Any]] = {
        "/v1/stock/totals": {},
        "/v1/statements": YEAR,
        f"/v1/periods/{period['period_id']}/statement": {},
    }

    found = {}
    for path, more in asked.items():
        (found[path],) = story.ask(path, story.written, min_position=now, **more)["items"]
        assert [found[path]] == story.ask(path, story.kept, min_position=now, **more)["items"]
    assert 16 == found["/v1/stock/totals"]["on_hand"]
    assert story.kept == found["/v1/statements"]["sku"]


def test_a_channel_may_sell_what_is_asked_for_in_another_spelling(story: Story) -> None:
    """The answer is under the code that the ledger keeps, and once, however often it is asked."""
    both = [story.written, story.kept, "nobody-defined-me"]

    found = story.ask("/v1/availability", both, channel=story.channel)

    assert [story.kept, "nobody-defined-me"] == [item["sku"] for item in found["items"]]
    assert 0 < found["items"][0]["ats"]


def test_what_a_channel_was_told_is_found(story: Story) -> None:
    """In its log, once the teller has told it."""
    path = f"/v1/channels/{story.channel}/log"

    found = story.ask(path, story.written)["items"]

    assert found
    assert {story.kept} == {item["sku"] for item in found}


def test_a_replay_is_of_the_code_that_is_kept(story: Story) -> None:
    """So are the rules that it is replayed by."""
    caps = [{"sku": story.written, "units": 1}]
    body = {"sku": story.written, "min_position": story.position, "rules": {"caps": caps}}

    answer = story.api.post(f"/v1/channels/{story.channel}/what-if", {**YEAR, **body})
    found = done(answer)

    assert [story.kept] == [one["sku"] for one in found["skus"]]
    assert (25, 24) == (found["totals"]["units"], found["totals"]["what_if"]["sales_lost"])


def test_what_is_no_code_is_refused_as_ever(story: Story) -> None:
    """Nobody looks it up."""
    answer = story.api.get("/v1/stock", sku="a\x00B")

    assert (400, "sku") == (answer.status_code, answer.json()["path"])


def test_a_definition_counts_as_soon_as_it_is_waited_for(
    service_factory: Callable[..., RunningService],
) -> None:
    """Before the first one of its kind nobody looks: that it came is noticed all the same."""
    api = Api.of(service_factory())
    for number in range(5):
        code = f"Upx-{number}"
        other = api.record(receive(new("PLAIN")))["position"]
        for _ in range(10):
            assert [] == done(api.get("/v1/stock", sku=code, min_position=other))["items"]

        put(api, f"/v1/skus/{code}", case_policy="upper" if number == 4 else "exact")
        position = api.record(receive(code))["position"]
        (item,) = done(api.get("/v1/stock", sku=code, min_position=position))["items"]

        assert (code.upper() if number == 4 else code) == item["sku"]
    api.close()
