"""Channels over HTTP: defined, read at both clocks, bound, and checked down to the auditor."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from projections.audit.verification import verify
from tests.support.http import Api, new, receive
from tests.support.servers import RunningService

RULES: dict[str, Any] = {
    "safety_stock": [{"units": 1}, {"units": 3, "sku": "MUG", "location": "ams-1"}],
    "buffers": [{"units": 2, "percent": "2.5"}, {"units": 0, "percent": 2, "class": "A"}],
    "caps": [{"units": 40, "class": "A"}],
    "rounding": [{"units": 6, "sku": "LAMP"}, {"pack": "case", "sku": "MUG"}],
    "staleness": [{"from_s": 60, "units": 1, "percent": 0}],
    "publish": {"rise_units": 3, "every_ms": 500},
    "backorder_limit": 4,
    "only_fenced": False,
    "binding": True,
}
"""As they are answered: every rule that shapes something, in the ledger's order."""


@pytest.fixture(scope="module", autouse=True)
def found_to_be_clean(running_service: RunningService) -> Iterator[None]:
    """Whatever these tests did, the auditor finds nothing."""
    yield
    report = verify(running_service.runtime()["database"])
    assert [] == report.breaches
    assert report.checked["channels"]


def put(api: Api, channel: str, body: Any, *, key: str | None = None) -> httpx.Response:
    """A definition."""
    headers = {"Idempotency-Key": key or new("key")}
    return api.http.put(f"/v1/channels/{channel}", json=body, headers=headers)


def _code(answer: httpx.Response) -> str:
    return str(answer.json()["type"].rpartition(":")[2])


def test_what_was_put_is_what_is_got(api: Api) -> None:
    """Every list and every rule comes back; a repeat has one effect and the same answer."""
    channel = new("web")
    definition = {
        "locations": ["ams-1", "nyc-2"],
        "kinds": ["store"],
        "tags": ["click-and-collect"],
        "by_location": True,
        "rules": RULES,
    }

    written = put(api, channel, definition, key="define-web")
    again = put(api, channel, definition, key="define-web")
    found = api.get(f"/v1/channels/{channel}", min_position=written.json()["position"])

    assert (200, 200, "true") == (
        written.status_code,
        again.status_code,
        again.headers["Idempotent-Replayed"],
    )
    assert written.json() == again.json()
    for answer in (written, found):
        body = answer.json()
        assert {name: body[name] for name in definition} == definition
        assert (channel, 1) == (body["channel"], body["version"])
        assert {"from_s": 0, "measured_s": 0} == body["staleness"]


def test_rules_that_were_got_may_be_put(api: Api) -> None:
    """The same rules again are the same definition: nothing is recorded."""
    channel = new("web")
    first = put(api, channel, {"kinds": ["store"], "rules": RULES}).json()

    second = put(api, channel, {"kinds": ["store"], "rules": first["rules"]}).json()

    assert (1, 1) == (first["version"], second["version"])


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "$.locations"),
        ({"kinds": ["Store"]}, "$.kinds[0]"),
        ({"locations": ["a\u0001"]}, "$.locations[0]"),
        ({"kinds": ["store"], "rules": {"buffers": [{}]}}, "$.rules.buffers[0]"),
        (
            {"kinds": ["store"], "rules": {"buffers": [{"percent": "100.01"}]}},
            "$.rules.buffers[0].percent",
        ),
        ({"kinds": ["store"], "rules": {"buffers": [{"percent": 2.5}]}}, None),
        ({"kinds": ["store"], "rules": {"caps": [{"units": 1, "location": "ams-1"}]}}, None),
        ({"kinds": ["store"], "rules": {"rounding": [{"sku": "MUG"}]}}, "$.rules.rounding[0]"),
        (
            {"kinds": ["store"], "rules": {"rounding": [{"units": 2, "pack": "case"}]}},
            "$.rules.rounding[0]",
        ),
        (
            {"kinds": ["store"], "rules": {"caps": [{"units": 1}, {"units": 2}]}},
            "$.rules.caps[1]",
        ),
        ({"kinds": ["store"], "rules": {"pinding": True}}, "$.rules"),
    ],
)
def test_a_definition_that_says_nothing_or_two_things_is_malformed(
    api: Api, body: Any, path: str | None
) -> None:
    """The path names the place."""
    answer = put(api, new("web"), body)

    assert (400, "malformed") == (answer.status_code, _code(answer))
    assert path is None or answer.json()["path"].startswith(path)


def test_a_channels_id_is_that_of_a_document(api: Api) -> None:
    """It stands in subjects, credentials and paths: letters, digits and little else."""
    answers = [put(api, name, {"kinds": ["store"]}) for name in ("a%20b", "x" * 65)]

    assert [400, 400] == [answer.status_code for answer in answers]


def test_staleness_is_a_version_only_where_the_band_changes(api: Api) -> None:
    """Every report is answered with what stands."""
    channel = new("web")
    put(api, channel, {"kinds": ["store"], "rules": RULES})

    def report(measured_s: int) -> tuple[int, dict[str, int]]:
        answer = api.post(f"/v1/channels/{channel}/staleness", {"measured_s": measured_s})
        return answer.json()["version"], answer.json()["staleness"]

    assert (1, {"from_s": 0, "measured_s": 0}) == report(59)
    assert (2, {"from_s": 60, "measured_s": 75}) == report(75)
    assert (2, {"from_s": 60, "measured_s": 75}) == report(90)
    assert (3, {"from_s": 0, "measured_s": 5}) == report(5)
    missing = api.post("/v1/channels/nobody/staleness", {"measured_s": 1})
    assert (404, "not-found") == (missing.status_code, _code(missing))


def test_channels_are_answered_as_they_were(api: Api) -> None:
    """At both clocks, one by one and in a list."""
    channel = new("web")
    first = put(api, channel, {"kinds": ["store"]}).json()
    second = put(api, channel, {"kinds": ["warehouse"]}).json()

    def known(position: int) -> list[Any]:
        clocks = {"known_at": str(position), "min_position": second["position"]}
        page = api.get("/v1/channels", limit=1_000, **clocks).json()["items"]
        one = api.get(f"/v1/channels/{channel}", **clocks)
        listed = [item["kinds"] for item in page if item["channel"] == channel]
        return [*listed, one.json().get("kinds", one.status_code)]

    assert [404] == known(first["position"] - 1)
    assert [["store"], ["store"]] == known(first["position"])
    assert [["warehouse"], ["warehouse"]] == known(second["position"])


def test_classes_and_tags_come_back(api: Api) -> None:
    """Tags are a set; a class may change with any definition."""
    sku, place = new("MUG"), new("ams")
    headers = {"Idempotency-Key": new("key")}
    defined = api.http.put(f"/v1/skus/{sku}", json={"class": "A"}, headers=headers)
    headers = {"Idempotency-Key": new("key")}
    located = api.http.put(
        f"/v1/locations/{place}", json={"tags": ["slow", "big", "slow"]}, headers=headers
    )
    position = located.json()["position"]

    assert ("A", ["big", "slow"]) == (defined.json()["class"], located.json()["tags"])
    assert "A" == api.get(f"/v1/skus/{sku}", min_position=position).json()["class"]
    found = api.get(f"/v1/locations/{place}", min_position=position).json()
    assert ["big", "slow"] == found["tags"]


def test_a_binding_rule_holds_promises_to_the_share(api: Api) -> None:
    """From the definition on, and not any more from the next one on; facts are never bound."""
    sku, channel = new("MUG"), new("web")
    body: dict[str, Any] = {"locations": ["ams-1"]}
    api.record(receive(sku, 10))

    put(api, channel, {**body, "rules": {"safety_stock": [{"units": 4}], "binding": True}})
    refused = api.place(sku, 7, channel=channel)
    kept = api.place(sku, 5, channel=channel)
    put(api, channel, {**body, "rules": {"safety_stock": [{"units": 4}]}})
    free = api.place(sku, 5, channel=channel)

    assert (409, 6) == (refused.status_code, refused.json()["shortfalls"][0]["available"])
    assert (201, 201) == (kept.status_code, free.status_code)
