"""What a channel may sell and what it was told, over HTTP: now, then, explained, unchanged."""

from typing import Any

import httpx
import pytest

from tests.support.http import Api, new, receive, sale


def define(api: Api, name: str, **body: Any) -> None:
    """Define a channel that sells from ams-1, unless something else is said."""
    sells = body if {"locations", "kinds", "tags"} & set(body) else {"locations": ["ams-1"], **body}
    answer = api.http.put(
        f"/v1/channels/{name}", json=sells, headers={"Idempotency-Key": new("key")}
    )
    assert answer.status_code == 200, answer.text
    api.get(f"/v1/channels/{name}", min_position=answer.json()["position"])


@pytest.fixture
def mugs(api: Api) -> str:
    """Ten of a SKU of this test's own."""
    sku = new("MUG")
    api.record(receive(sku, 10))
    return sku


@pytest.fixture
def web(api: Api) -> str:
    """A channel of this test's own that keeps one in four of what is left after two."""
    name = new("web")
    rules = {"safety_stock": [{"units": 2}], "buffers": [{"percent": 25}]}
    define(api, name, rules=rules)
    return name


def _ask(api: Api, headers: dict[str, str] | None = None, **asked: Any) -> httpx.Response:
    return api.http.get("/v1/availability", params=asked, headers=headers)


def _available(api: Api, channel: str, *skus: str, **more: Any) -> dict[str, Any]:
    answer = _ask(api, channel=channel, sku=list(skus), **more)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_number_comes_with_its_whole_derivation(api: Api, mugs: str, web: str) -> None:
    """Ten, less two, less a quarter of eight."""
    position = api.record(sale(mugs, 1))["position"]
    found = _available(api, web, mugs, "UNHEARD-OF", explain=True, min_position=position)

    item, unknown = found["items"]
    assert (5, 0) == (item["ats"], unknown["ats"])
    share = item["explanation"]["shares"][0]
    assert (9, 9, 2, 2, 5) == tuple(
        share[name] for name in ("sellable", "free", "safety_stock", "buffer", "share")
    )
    assert (1, position, web) == (found["rule_version"], found["position"], found["channel"])
    assert [{"location": "ams-1", "ats": 5}] == item["by_location"]
    assert {web} == {one["channel"] for one in found["items"]}


def test_what_has_not_changed_need_not_be_sent_again(api: Api, mugs: str, web: str) -> None:
    """The tag is position, rule version and instant; any event may be the one that matters."""
    asked: dict[str, Any] = {"channel": web, "sku": [mugs]}
    first = _ask(api, **asked)
    tag = first.headers["etag"]
    same = _ask(api, {"If-None-Match": f'"other", {tag.removeprefix("W/")}'}, **asked)
    position = api.record(sale(mugs, 3))["position"]
    other = _ask(api, {"If-None-Match": tag}, min_position=position, **asked)

    assert (304, b"", tag) == (same.status_code, same.content, same.headers["etag"])
    assert (200, 3) == (other.status_code, other.json()["items"][0]["ats"])


def test_a_past_number_is_asked_for_like_any_past(api: Api, mugs: str, web: str) -> None:
    """By the stock and the rules of then, and the same whenever it is asked for."""
    before = _available(api, web, mugs)
    define(api, web, rules={}, by_location=True)
    position = api.record(sale(mugs, 4))["position"]
    now = _available(api, web, mugs, min_position=position)
    then = _available(api, web, mugs, known_at=before["position"], as_of=before["instant"])

    assert [{"location": "ams-1", "ats": 6}] == now["items"][0]["by_location"]
    assert (6, 2) == (now["items"][0]["ats"], now["rule_version"])
    assert (6, 1) == (before["items"][0]["ats"], before["rule_version"])
    assert (6, 1, before["position"]) == (
        then["items"][0]["ats"],
        then["rule_version"],
        then["known_at_position"],
    )


def test_everything_a_channel_was_told_can_be_read_again(api: Api, mugs: str, web: str) -> None:
    """Each value with what it was made from; and what was in force at an instant."""
    before = _available(api, web, mugs)["position"]
    api.get(f"/v1/channels/{web}/log", sku=mugs, min_position=before)
    position = api.record(sale(mugs, 1))["position"]
    log = api.get(f"/v1/channels/{web}/log", sku=mugs, explain=True, min_position=position).json()
    newest, first = log["items"]
    then = api.get(f"/v1/channels/{web}/log", sku=mugs, at=first["instant"]).json()["items"]
    everything = api.get(f"/v1/channels/{web}/log", limit=1).json()
    rest = api.get(f"/v1/channels/{web}/log", limit=100, cursor=everything["next_cursor"])

    assert [5, 6] == [newest["ats"], first["ats"]]
    assert newest["ats"] == newest["explanation"]["shares"][0]["share"]
    assert 9 == newest["inputs"]["shelves"][0]["sellable"]
    assert newest["stream_sequence"] > first["stream_sequence"] > 0
    assert [first["told"]] == [one["told"] for one in then]
    assert newest["told"] == everything["items"][0]["told"]
    assert first["told"] in [one["told"] for one in rest.json()["items"]]


def test_a_channel_that_nobody_defined_was_told_nothing(api: Api, web: str) -> None:
    """Which is not the same as one of whose SKU there is nothing to tell."""
    unknown = api.get(f"/v1/channels/{new('channel')}/log")
    quiet = api.get(f"/v1/channels/{web}/log", sku=new("LAMP"))

    assert (404, "channel") == (unknown.status_code, unknown.json()["what"])
    assert (200, []) == (quiet.status_code, quiet.json()["items"])


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ({"channel": "web"}, "sku"),
        ({"channel": "web", "sku": ["MUG"] * 1_001}, "sku"),
        ({"sku": ["MUG"]}, "channel"),
        ({"channel": "web", "sku": ["a\u0001b"]}, "sku"),
    ],
)
def test_a_question_without_its_parts_is_refused(
    api: Api, asked: dict[str, Any], path: str
) -> None:
    """Up to a thousand SKUs, one at least, of one channel."""
    answer = _ask(api, **asked)

    assert (400, path) == (answer.status_code, answer.json()["path"])


def test_nobody_has_heard_of_some_channels(api: Api) -> None:
    """Then there is no number, not even none."""
    answer = _ask(api, channel=new("channel"), sku=["MUG"])

    assert 404 == answer.status_code
