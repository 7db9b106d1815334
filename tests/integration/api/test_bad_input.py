"""Whatever comes in wrong has an answer that names what is wrong, and leaves no trace."""

from typing import Any

import httpx
import pytest

from tests.support.http import Api, new, receive

MOVEMENTS = "/v1/movements"

_TURNED = "from=2026-11-24T00:00:00Z&to=2026-11-23T00:00:00Z"


def _with_quantity(written: str) -> bytes:
    fact = '{"type":"receive","sku":"MUG","location":"ams-1","quantity":1}'
    bad = f'{{"type":"receive","sku":"MUG","location":"ams-1","quantity":{written}}}'
    return f'{{"movements":[{fact},{bad}]}}'.encode()


def _malformed(answer: httpx.Response, path: str) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json()
    assert (400, path) == (answer.status_code, problem.get("path")), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"].endswith("malformed")
    assert problem["correlation_id"] == answer.headers["x-correlation-id"]
    return problem


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("0", "0"),
        ("-1", "-1"),
        ("1.0", "1.0"),
        ("1e3", "1e3"),
        ("1e308", "1e308"),
        ("1e400", "1e400"),
        ("9223372036854775808", "9223372036854775808"),
        ("1000000000001", "1000000000001"),
        ("NaN", "NaN"),
        ("Infinity", "Infinity"),
        ("-Infinity", "-Infinity"),
        ("true", "true"),
        ('"1"', '"1"'),
    ],
)
def test_a_quantity_that_is_none_is_refused_with_its_path_and_number(
    api: Api, written: str, shown: str
) -> None:
    """Only whole numbers from 1 to the limit are quantities; nothing is rounded or converted."""
    problem = _malformed(api.post(MOVEMENTS, _with_quantity(written)), "$.movements[1].quantity")

    assert shown in problem["problem"]


def test_an_unknown_field_is_refused(api: Api) -> None:
    """A field nobody reads is a mistake of the sender, not something to ignore."""
    problem = _malformed(
        api.post(MOVEMENTS, {"movements": [receive("MUG", colour="red")]}), "$.movements[0]"
    )

    assert "colour" in problem["problem"]


def test_a_wrong_type_is_refused(api: Api) -> None:
    """The path leads to the value."""
    _malformed(
        api.post(MOVEMENTS, {"movements": [{**receive("MUG"), "sku": 7}]}), "$.movements[0].sku"
    )


def test_an_unknown_movement_type_is_refused(api: Api) -> None:
    """The types of the contract are all there are."""
    fact = {**receive("MUG"), "type": "teleport"}

    _malformed(api.post(MOVEMENTS, {"movements": [fact]}), "$.movements[0].type")


def test_an_empty_batch_is_refused(api: Api) -> None:
    """A call without movements is a mistake."""
    _malformed(api.post(MOVEMENTS, {"movements": []}), "$.movements")


@pytest.mark.parametrize("atomic", [True, False])
def test_more_than_a_thousand_movements_are_refused(api: Api, atomic: bool) -> None:
    """The limit of one call is named together with what was given."""
    facts = [receive("MUG")] * 1_001
    problem = _malformed(api.post(MOVEMENTS, {"atomic": atomic, "movements": facts}), "$.movements")

    assert "1000" in problem["problem"]
    assert "1001" in problem["problem"]


def test_a_body_of_ten_megabytes_is_too_large(api: Api) -> None:
    """413 with the limit, before the body has been read."""
    answer = api.post(MOVEMENTS, b" " * (10 * 1024 * 1024))

    assert answer.status_code == 413, answer.text
    assert answer.json()["type"].endswith("payload-too-large")
    assert answer.json()["limit_bytes"] == 8 * 1024 * 1024


def test_a_body_without_a_length_is_cut_off_at_the_limit(api: Api) -> None:
    """A sender that does not say how much is coming is stopped as soon as it is too much."""
    pieces = (b" " * 1024 * 1024 for _ in range(10))
    answer = api.http.post(MOVEMENTS, content=pieces, headers={"Idempotency-Key": new("key")})

    assert answer.status_code == 413, answer.text


@pytest.mark.parametrize("atomic", [b"true", b"false"])
def test_invalid_utf8_is_refused(api: Api, atomic: bytes) -> None:
    """A body that is not UTF-8 is not JSON, wherever the bad byte is."""
    body = b'{"atomic":%s,"movements":[{"type":"receive","sku":"M\xff","location":"a",' % atomic
    _malformed(api.post(MOVEMENTS, body + b'"quantity":1}]}'), "$")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"nonsense", b'{"movements":[{}]}x'])
def test_what_is_not_json_is_refused(api: Api, body: bytes) -> None:
    """A body that cannot be read is refused as a whole."""
    _malformed(api.post(MOVEMENTS, body), "$")


def test_a_null_character_is_refused_at_the_door(api: Api) -> None:
    """U+0000 would make PostgreSQL refuse the batch of innocent neighbours."""
    fact = receive("MUG", reference="a\0b")
    problem = _malformed(api.post(MOVEMENTS, {"movements": [fact]}), "$.movements[0].reference")

    assert "U+0000" in problem["problem"]


@pytest.mark.parametrize("sku", ["", "x" * 65, "e\u0301", "a\tb", "a\u2028b", "a\u200bb"])
def test_a_sku_that_can_be_none_is_refused(api: Api, sku: str) -> None:
    """1 to 64 printable characters in normal form C, nothing else."""
    _malformed(api.post(MOVEMENTS, {"movements": [receive(sku)]}), "$.movements[0].sku")


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-23T09:00:00",
        "yesterday",
        "2026-02-30T00:00:00Z",
        "9999-12-31T23:59:59.5Z",
        "0001-01-01T00:00:00+14:00",
        1_795_000_000,
    ],
)
def test_a_time_without_offset_or_out_of_range_is_refused(api: Api, time: object) -> None:
    """Times are RFC 3339 with an offset, within the years 1 to 9999 in UTC."""
    fact = receive("MUG", occurred_at=time)

    _malformed(api.post(MOVEMENTS, {"movements": [fact]}), "$.movements[0].occurred_at")


def test_a_far_future_fact_is_accepted_with_a_conflict(api: Api) -> None:
    """A clock that is years ahead is recorded as now, and people are told."""
    fact = receive(new("MUG"), occurred_at="9999-12-31T23:59:59Z")
    answer = api.record(fact)

    assert ["clock_skew"] == [one["kind"] for one in answer["results"][0]["conflicts"]]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"unit_cost": 2.5, "currency": "EUR"}, "unit_cost"),
        ({"unit_cost": "2.1234567", "currency": "EUR"}, "unit_cost"),
        ({"unit_cost": "-1", "currency": "EUR"}, "unit_cost"),
        ({"unit_cost": "2.50"}, "currency"),
        ({"currency": "EUR"}, "unit_cost"),
        ({"unit_cost": "2.50", "currency": "eur"}, "currency"),
    ],
)
def test_money_is_exact_or_refused(api: Api, changes: dict[str, Any], path: str) -> None:
    """Amounts are decimal strings to a millionth, together with their currency."""
    fact = receive("MUG", **changes)

    _malformed(api.post(MOVEMENTS, {"movements": [fact]}), f"$.movements[0].{path}")


@pytest.mark.parametrize(
    ("fact", "path"),
    [
        ({"type": "adjust", "delta": 0, "reason": "shrinkage"}, "delta"),
        ({"type": "adjust", "delta": 1}, ""),
        (
            {"type": "move", "quantity": 1, "from_bucket": "damaged", "to_bucket": "damaged"},
            "to_bucket",
        ),
        ({"type": "scrap", "quantity": 1, "bucket": "transit"}, "bucket"),
        ({"type": "sale_void", "quantity": 1, "of": "no such/id!"}, "of"),
    ],
)
def test_a_fact_that_says_nothing_is_refused(api: Api, fact: dict[str, Any], path: str) -> None:
    """Changes of zero, moves to the same place and buckets that are not physical are none."""
    whole = {"sku": "MUG", "location": "ams-1", **fact}
    expected = f"$.movements[0].{path}".rstrip(".")

    _malformed(api.post(MOVEMENTS, {"movements": [whole]}), expected)


def test_one_movement_id_twice_in_an_atomic_call_is_refused(api: Api) -> None:
    """Two facts cannot be one."""
    one = new("till")
    facts = [receive("MUG", movement_id=one), receive("MUG", movement_id=one)]

    _malformed(api.post(MOVEMENTS, {"movements": facts}), "$.movements[1].movement_id")


def test_a_missing_idempotency_key_is_refused(api: Api) -> None:
    """Without a key a retry could count twice."""
    answer = api.http.post(MOVEMENTS, json={"movements": [receive("MUG")]})

    _malformed(answer, "Idempotency-Key")


@pytest.mark.parametrize("key", ["a b", "a/b", "x" * 129, ""])
def test_an_idempotency_key_that_can_be_none_is_refused(api: Api, key: str) -> None:
    """Keys have the characters of document ids."""
    answer = api.http.post(
        MOVEMENTS, json={"movements": [receive("MUG")]}, headers={"Idempotency-Key": key}
    )

    _malformed(answer, "Idempotency-Key")


def test_nesting_without_end_is_refused(api: Api) -> None:
    """A body made to exhaust the reader is one more malformed body."""
    deep = b'{"movements":[' + b"[" * 200_000 + b"]" * 200_000 + b"]}"
    answer = api.post(MOVEMENTS, deep)

    assert 400 == answer.status_code, answer.text


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("/v1/reservations", {"reservation_id": "a b", "lines": []}, "$.reservation_id"),
        ("/v1/reservations", {"reservation_id": "a", "lines": []}, "$.lines"),
        (
            "/v1/reservations",
            {
                "reservation_id": "a",
                "lines": [{"sku": "MUG", "location": "ams-1", "quantity": 1}],
            },
            "$.expires_at",
        ),
        ("/v1/reservations/a/extend", {"expires_at": "soon"}, "$.expires_at"),
        ("/v1/reservations/a/release", {"reason": "a\0"}, "$.reason"),
        (
            "/v1/reservations/a/amend",
            {"lines": [{"sku": "MUG", "location": "ams-1", "quantity": 1}] * 2},
            "$.lines[1]",
        ),
        ("/v1/reservations/a%20b/confirm", {}, "id"),
        ("/v1/conflicts/a/resolve", {"resolution": ""}, "$.resolution"),
    ],
)
def test_malformed_documents_are_refused(api: Api, path: str, body: object, where: str) -> None:
    """Every document's request is as strict as a movement's."""
    _malformed(api.post(path, body), where)


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/v1/stock?sku=", "sku"),
        ("/v1/stock?colour=red", "colour"),
        ("/v1/stock?limit=0", "limit"),
        ("/v1/stock?limit=1001", "limit"),
        ("/v1/stock?limit=1&limit=2", "limit"),
        ("/v1/stock?sku=%FF", "query"),
        ("/v1/stock?sku=a%00", "sku"),
        ("/v1/stock?as_of=2026-11-23", "as_of"),
        ("/v1/stock?known_at=then", "known_at"),
        ("/v1/stock?known_at=99999999999999999999", "known_at"),
        ("/v1/stock?cursor=nonsense", "cursor"),
        ("/v1/stock?min_position=-1", "min_position"),
        ("/v1/movements?sku=MUG", "location"),
        (f"/v1/movements?sku=MUG&location=ams-1&{_TURNED}", "to"),
        (f"/v1/statements/entries?{_TURNED}", "to"),
        ("/v1/movements?sku=MUG&location=ams-1&order=random", "order"),
        ("/v1/reservations?status=lost", "status"),
        ("/v1/reservations?cursor=AAAA", "cursor"),
        ("/v1/reservations/a%20b", "id"),
        ("/v1/conflicts?status=lost", "status"),
        ("/v1/conflicts?cursor=AAAA", "cursor"),
        ("/v1/events?after=-1", "after"),
    ],
)
def test_malformed_questions_are_refused(api: Api, path: str, where: str) -> None:
    """A question with a wrong parameter is refused by the parameter's name."""
    _malformed(api.http.get(path), where)


def test_a_bad_item_does_not_stop_its_neighbours(api: Api) -> None:
    """With `atomic: false` each movement has its own result, in order."""
    sku = new("MUG")
    facts: list[Any] = [receive(sku, 5), receive(sku, 0), 7, {"type": "gift"}, receive(sku, 6)]
    answer = api.post(MOVEMENTS, {"atomic": False, "movements": facts})

    assert answer.status_code == 201
    results = answer.json()["results"]
    assert ["recorded", "refused", "refused", "refused", "recorded"] == [
        one["status"] for one in results
    ]
    assert "$.movements[1].quantity" == results[1]["path"]
    assert ["malformed"] * 3 == [one["code"] for one in results[1:4]]
    assert 2 == results[4]["version"]


@pytest.mark.parametrize(
    ("changes", "code", "below"),
    [
        ({"type": "correct", "quantity": 0}, "malformed", ".quantity"),
        ({"type": "correct", "quantity": 0, "of": "none-such"}, "not-found", ""),
        ({"type": "sale_void", "quantity": 1}, "illegal-state", ""),
        (
            {"type": "adjust", "delta": 1, "reason": "found", "expected_on_hand": 7},
            "stale-quantity",
            "",
        ),
    ],
)
@pytest.mark.parametrize("atomic", [True, False])
def test_what_the_ledger_refuses_of_many_is_named_by_its_place(
    api: Api, atomic: bool, changes: dict[str, Any], code: str, below: str
) -> None:
    """However a call is taken, and whatever stands in the way of one of its movements."""
    sku, first = new("MUG"), new("m")
    api.record(receive(sku, movement_id=first))
    fact = {"sku": sku, "location": "ams-1", **changes}
    if fact["type"] != "adjust":
        fact.setdefault("of", first)
    body = {"atomic": atomic, "movements": [receive(sku), receive(sku), fact]}
    answer = api.post(MOVEMENTS, body).json()
    refused = answer if atomic else answer["results"][2]

    assert code == refused["type" if atomic else "code"].rpartition(":")[2]
    assert f"$.movements[2]{below}" == refused["path"]


def test_a_bad_item_stops_an_atomic_call(api: Api) -> None:
    """With `atomic: true` all are recorded, or none."""
    sku = new("MUG")
    api.post(MOVEMENTS, {"movements": [receive(sku, 5), receive(sku, 0)]})
    head = api.record(receive(new("LAMP")))["position"]

    items = api.get("/v1/stock", sku=sku, min_position=head).json()["items"]
    assert [] == items
