"""Every refusal: a permanent code, a sentence, its facts, and whether to try again."""

from typing import Any

import pytest

from ledger.domain import refusals as r

EVERY: list[tuple[r.Refusal, str, bool, str, dict[str, Any]]] = [
    (
        r.Malformed("$.lines[0].quantity", "must be positive"),
        "malformed",
        False,
        "$.lines[0].quantity: must be positive",
        {"path": "$.lines[0].quantity", "problem": "must be positive"},
    ),
    (
        r.NotFound("reservation", "order-1"),
        "not-found",
        False,
        "no reservation 'order-1'",
        {"what": "reservation", "id": "order-1"},
    ),
    (
        r.InsufficientStock((r.Shortfall("MUG", "ams-1", 7, 6),)),
        "insufficient-stock",
        True,
        "'MUG' at 'ams-1': 7 requested, 6 available",
        {"shortfalls": (r.Shortfall("MUG", "ams-1", 7, 6),)},
    ),
    (
        r.IllegalState("movement", "sale-1", "partly voided", "void", requested=4, left=3),
        "illegal-state",
        False,
        "cannot void movement 'sale-1': it is partly voided, requested 4, left 3",
        {
            "what": "movement",
            "id": "sale-1",
            "state": "partly voided",
            "asked": "void",
            "requested": 4,
            "left": 3,
        },
    ),
    (
        r.IdempotencyConflict("key-1"),
        "idempotency-conflict",
        False,
        "key 'key-1' was accepted before with another payload",
        {"key": "key-1"},
    ),
    (
        r.StaleQuantity("MUG", "ams-1", expected=9, actual=10),
        "stale-quantity",
        True,
        "'MUG' at 'ams-1': expected 9 on hand, found 10",
        {"sku": "MUG", "location": "ams-1", "expected": 9, "actual": 10},
    ),
    (
        r.InexactUnit("$.quantity", "FLOUR", "1.2345", "kg", "0.0005", "kg"),
        "inexact-unit",
        False,
        "$.quantity: 1.2345 kg of 'FLOUR' cannot be counted: 0.0005 kg would be lost",
        {
            "path": "$.quantity",
            "sku": "FLOUR",
            "quantity": "1.2345",
            "uom": "kg",
            "lost": "0.0005",
        },
    ),
    (
        r.InexactUnit("$.quantity", "MUG", "2", "crate", None, "each"),
        "inexact-unit",
        False,
        "$.quantity: 2 crate of 'MUG' cannot be counted: 'crate' is not a unit of it",
        {"path": "$.quantity", "sku": "MUG", "quantity": "2", "uom": "crate", "lost": None},
    ),
    (
        r.Forbidden("till-7", "count", "ams-1", ("wms-1", "erp")),
        "forbidden",
        False,
        "'till-7' may not assert 'count' at 'ams-1', only 'wms-1', 'erp' may",
        {"source": "till-7", "asked": "count", "location": "ams-1", "sources": ("wms-1", "erp")},
    ),
    (
        r.IdTaken("reservation", "order-1"),
        "id-taken",
        False,
        "reservation 'order-1' exists with other content",
        {"what": "reservation", "id": "order-1"},
    ),
]


@pytest.mark.parametrize(
    ("refusal", "code", "transient", "sentence", "facts"), EVERY, ids=[row[1] for row in EVERY]
)
def test_a_refusal_says_what_and_why(
    refusal: r.Refusal, code: str, transient: bool, sentence: str, facts: dict[str, Any]
) -> None:
    """The code never changes, the sentence names the numbers, the facts are for machines."""
    assert (code, transient) == (refusal.code, refusal.transient)
    assert sentence == str(refusal)
    assert facts == refusal.facts()
    assert refusal.title.endswith(".")


@pytest.mark.parametrize(
    ("refusal", "path", "sentence"),
    [
        (r.Malformed("$.of", "is none"), "$.movements[1].of", "$.movements[1].of: is none"),
        (r.Malformed("$.movements[1].of", "x"), "$.movements[1].of", "$.movements[1].of: x"),
        (r.NotFound("movement", "m-1"), "$.movements[1]", "no movement 'm-1'"),
    ],
)
def test_a_refusal_of_one_part_says_which(refusal: r.Refusal, path: str, sentence: str) -> None:
    """Whoever sent many learns which of them it was."""
    refusal.stands_at("$.movements[1]")

    assert (path, sentence) == (refusal.facts()["path"], str(refusal))


def test_every_refusal_has_its_row() -> None:
    """A new refusal comes with its code, its sentence and its facts."""
    assert {type(row[0]) for row in EVERY} == set(r.Refusal.__subclasses__())
