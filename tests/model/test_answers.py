"""The comparison is a checker, too: whatever an answer gets wrong has to be seen."""

import copy
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.model.answers import differs, plain, shown, told
from tests.model.reference_documents import Model

STOCK: Final = {"location": "ams-1", "sku": "MUG"}
LINE: Final = {"sku": "MUG", "quantity": 4}
DAY: Final = 86_400_000_000

COMMANDS: Final[list[tuple[str, str, str, dict[str, Any]]]] = [
    ("record", "movements", "r", {"movements": [{"type": "receive", **STOCK, "quantity": 5}]}),
    ("place", "reservation", "", {"reservation_id": "o", "lines": [{**STOCK, "quantity": 4}]}),
    ("fulfil", "reservation", "o", {"lines": [{**STOCK, "quantity": 1}]}),
    ("request", "transfer", "", {"transfer_id": "t", "from": "ams-1", "to": "nyc-2", "lines": []}),
    ("dispatch", "transfer", "t", {"lines": [LINE]}),
    ("receive", "transfer", "t", {"lines": [{"sku": "MUG", "received": 6, "damaged": 1}]}),
    ("authorise", "return", "", {"return_id": "b", "lines": [LINE]}),
    ("receive", "return", "b", {"location": "ams-1", "lines": [LINE]}),
    ("inspect", "return", "b", {"lines": [{**LINE, "grade": "a", "quantity": 3}]}),
    ("disposition", "return", "b", {"lines": [{**LINE, "quantity": 1, "disposition": "scrap"}]}),
    ("open", "count", "", {"count_id": "n", "location": "ams-1", "blind": False, "skus": []}),
    ("enter", "count", "n", {"lines": [{"sku": "MUG", "counted": 2}]}),
]
ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "reservation": {
        "reservation_id": "o",
        "status": "partially_fulfilled",
        "channel": None,
        "kind": "hard",
        "expires_at": None,
        "lines": [
            {
                **STOCK,
                "requested": 4,
                "granted": 4,
                "rejected": 0,
                "open": 3,
                "fulfilled": 1,
                "released": 0,
                "expired": 0,
            }
        ],
    },
    "transfer": {
        "transfer_id": "t",
        "from": "ams-1",
        "to": "nyc-2",
        "status": "received",
        "lines": [
            {
                "sku": "MUG",
                "requested": 0,
                "dispatched": 4,
                "surplus": 3,
                "in_transit": 0,
                "received": 3,
                "damaged": 1,
                "lost": 0,
                "returned": 0,
            }
        ],
    },
    "return": {
        "return_id": "b",
        "status": "partially_dispositioned",
        "order": None,
        "lines": [
            {
                "sku": "MUG",
                "authorised": 4,
                "received": 4,
                "awaited": 0,
                "excess": 0,
                "waived": 0,
                "inspected": 3,
                "open": 3,
                "grades": {"a": 3},
                "dispositions": {"scrap": 1},
                "at": [{"location": "ams-1", "quantity": 3}],
            }
        ],
    },
    "count": {
        "count_id": "n",
        "location": "ams-1",
        "kind": None,
        "blind": False,
        "approval_above": None,
        "status": "entered",
        "missing": None,
        "lines": [
            {
                "sku": "MUG",
                "bucket": "sellable",
                "counted": 2,
                "expected": 0,
                "variance": 2,
                "approved": False,
            }
        ],
    },
}


def played(commands: int = len(COMMANDS)) -> Model:
    """A model that knows one document of each kind, or has heard only the first commands."""
    model = Model()
    for now, (verb, kind, name, body) in enumerate(COMMANDS[:commands], start=1):
        model.ask(verb, kind, name, body, now)
    return model


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Everywhere in an answer that says something."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in [*pairs]:
        if isinstance(value, dict | list):
            yield from places(value)
        else:
            yield node, key


def sees(expected: Any, body: Any) -> bool:
    """Whether an answer is found wrong: different, or at odds with itself."""
    try:
        return bool(differs(expected, plain(body)))
    except AssertionError:
        return True


@pytest.mark.parametrize("kind", ANSWERS)
def test_whatever_an_answer_gets_wrong_is_seen(kind: str) -> None:
    """A right answer is right, and not one of its numbers or words can be another."""
    model = played()
    (document,) = model.documents[kind].values()
    expected, unseen = shown(document, model), list[Any]()
    for number in range(len([*places(ANSWERS[kind])])):
        answer = copy.deepcopy(ANSWERS[kind])
        node, key = [*places(answer)][number]
        node[key] = node[key] + 1 if isinstance(node[key], int) else "something else"
        unseen += [] if key == "expires_at" or sees(expected, answer) else [(key, answer)]

    assert [] == differs(expected, plain(ANSWERS[kind]))
    assert [] == unseen


def test_a_conflict_that_is_not_told_is_seen() -> None:
    """A fact that breaks a promise says whose, by how much, and nobody else's."""
    model = played(2)
    sale = {"movements": [{"type": "sale", **STOCK, "quantity": 6}]}
    answer = told(model.ask("record", "movements", "k", sale, 99), model)
    note = {"kind": "promise_broken", "conflict_id": "c", "short": 4}
    broken = {**note, "reservations": [{"conflict_id": "c", "reservation_id": "o", "short": 4}]}
    low = {"kind": "negative_stock", "conflict_id": "d", "short": 1}
    result = {"status": "recorded"}

    assert not sees(answer, {"results": [{**result, "conflicts": [broken, low]}]})
    assert sees(answer, {"results": [{**result, "conflicts": [broken]}]})
    assert sees(answer, {"results": [{**result, "conflicts": [broken, {**low, "short": 2}]}]})
    assert sees(answer, {"results": [result]})


def test_the_model_reads_the_worked_example_as_the_rules_do() -> None:
    """Goods of days 1, 2 and 4, and two late counts: the past changes, never what was seen."""
    model = Model()

    def tell(**movement: Any) -> list[int]:
        at = movement.pop("day") * DAY
        body = {**STOCK, "occurred_at": at, **movement}
        model.ask("record", "movements", "", {"movements": [body]}, 9 * DAY + model.told)
        stock = STOCK["location"], STOCK["sku"]
        return [model.level(stock, "sellable", day * DAY) for day in (1, 3, 4)]

    for day, quantity in ((1, 10), (2, 1), (4, 1)):
        tell(type="receive", day=day, quantity=quantity, movement_id=f"m{day}")

    assert [10, 6, 7] == tell(type="count", day=3, counted=6, movement_id="m3")
    assert [18, 6, 7] == tell(type="count", day=0, counted=8, movement_id="m0")
    assert [10, 6, 7] == tell(type="cancel", day=9, of="m0", movement_id="m9")
