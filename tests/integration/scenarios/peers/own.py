"""Scenarios of our own in the same words, for those that no scenario of others happens to use."""

from decimal import Decimal
from typing import Any, Final

OWN: Final[list[dict[str, Any]]] = [
    {
        "id": "OWN-01",
        "topic": "transfer",
        "given": [{"op": "receive", "qty": 5}],
        "when": [{"op": "transfer", "qty": 3, "from": "A", "to": "B"}],
        "expected": {"A.on_hand": 2, "B.on_hand": 3, "in_transit": 0},
    },
    {
        "id": "OWN-02",
        "topic": "transfer_called_off",
        "given": [
            {"op": "receive", "qty": 5},
            {"op": "plan_transfer", "qty": 3, "from": "A", "to": "B", "ref": "t1"},
        ],
        "when": [{"op": "cancel", "of": "t1"}],
        "expected": {"A.available": 5, "on_hand": 5, "in_transit": 0, "movements_written": 0},
    },
    {
        "id": "OWN-03",
        "topic": "return_to_supplier",
        "given": [{"op": "receive", "qty": 5, "ref": "r1"}],
        "when": [{"op": "return_to_supplier", "of": "r1", "qty": 2}],
        "expected": {"on_hand": 3},
    },
    {
        "id": "OWN-04",
        "topic": "correct",
        "given": [
            {"op": "receive", "qty": 10, "day": -2, "ref": "r1"},
            {"op": "ship", "qty": 4, "day": -1, "ref": "s1"},
        ],
        "when": [{"op": "correct", "of": "r1", "qty": 8}],
        "expected": {"r1.balance": 8, "s1.balance": 4, "on_hand": 4},
    },
    {
        "id": "OWN-05",
        "topic": "cancel",
        "given": [
            {"op": "receive", "qty": 10, "day": -2, "ref": "r1"},
            {"op": "ship", "qty": 4, "day": -1, "ref": "s1"},
        ],
        "when": [{"op": "cancel", "of": "s1"}],
        "expected": {"r1.balance": 10, "on_hand": 10},
    },
    {
        "id": "OWN-06",
        "topic": "late_sale_before_a_count",
        "given": [
            {"op": "receive", "qty": 10, "day": -3, "ref": "r1"},
            {"op": "count", "qty": 6, "day": -1, "ref": "c1"},
        ],
        "when": [{"op": "ship", "qty": 2, "day": -2, "backdated": True, "ref": "s1"}],
        "expected": {"r1.balance": 10, "s1.balance": 8, "c1.balance": 6, "on_hand": 6},
    },
    {
        "id": "OWN-07",
        "topic": "hold_runs_out",
        "given": [
            {"op": "receive", "qty": 3},
            {"op": "hold", "qty": 3, "ttl_minutes": 5, "ref": "h1"},
        ],
        "when": [
            {"op": "reserve", "qty": 1, "at": 4},
            {"op": "reserve", "qty": 1, "at": 6},
        ],
        "expected": {
            "steps": [
                {"error": "insufficient_stock", "held": 3, "reserved": 0},
                {"held": 0, "reserved": 1, "available": 2},
            ]
        },
    },
    {
        "id": "OWN-08",
        "topic": "state_with_promises",
        "given": [
            {
                "op": "state",
                "cells": [
                    {"loc": "A", "on_hand": 4, "reserved": 3},
                    {"loc": "B", "on_hand": 2, "held": 1},
                ],
            }
        ],
        "when": [{"op": "reserve", "qty": 2, "loc": "A"}],
        "expected": {"error": "insufficient_stock", "A.reserved": 3, "B.held": 1, "available": 2},
    },
    {
        "id": "OWN-09",
        "topic": "negative",
        "policy": {"allow_negative": False},
        "given": [{"op": "receive", "qty": 1}],
        "when": [{"op": "ship", "qty": 3}],
        "expected": {"error": "insufficient_stock", "on_hand": 1, "would_be": -2},
    },
    {
        "id": "OWN-10",
        "topic": "sold_from_under_a_promise",
        "given": [{"op": "receive", "qty": 10}, {"op": "reserve", "qty": 8, "ref": "v1"}],
        "when": [{"op": "ship", "qty": 5}],
        "expected": {"error": "insufficient_stock", "would_be": 5},
    },
    {
        "id": "OWN-11",
        "topic": "more_back_than_was_sold",
        "given": [{"op": "receive", "qty": 5}, {"op": "ship", "qty": 2, "ref": "s1"}],
        "when": [{"op": "return", "of": "s1", "qty": 3}],
        "expected": {"error": "over_return", "would_be": 6},
    },
    {
        "id": "OWN-12",
        "topic": "receipt_cancelled_after_it_was_sold",
        "given": [
            {"op": "receive", "qty": 5, "ref": "r1"},
            {"op": "ship", "qty": 4},
        ],
        "when": [{"op": "cancel", "of": "r1"}],
        "expected": {"error": "negative_stock", "would_be": -4},
    },
    {
        "id": "OWN-13",
        "topic": "change_reservation",
        "given": [{"op": "receive", "qty": 5}, {"op": "reserve", "qty": 3, "ref": "v1"}],
        "when": [
            {"op": "change_reservation", "ref": "v1", "qty": 6},
            {"op": "change_reservation", "ref": "v1", "qty": 2},
            {"op": "cancel", "of": "v1"},
            {"op": "release", "ref": "v1"},
            {"op": "change_reservation", "ref": "v1", "qty": 1},
            {"op": "release", "ref": "v2"},
        ],
        "expected": {
            "steps": [
                {"error": "insufficient_stock", "reserved": 3},
                {"reserved": 2, "available": 3},
                {"reserved": 0},
                {"ok": True, "reserved": 0},
                {"error": "illegal_state", "reserved": 0},
                {"error": "not_found"},
            ],
        },
    },
    {
        "id": "OWN-14",
        "topic": "late_transfer_between_two_counts",
        "given": [
            {"op": "receive", "qty": 10, "day": -5, "loc": "A", "ref": "r1"},
            {"op": "receive", "qty": 1, "day": -5, "loc": "B", "ref": "r2"},
            {"op": "count", "qty": 4, "day": -1, "loc": "A", "ref": "c1"},
            {"op": "count", "qty": 6, "day": -1, "loc": "B", "ref": "c2"},
        ],
        "when": [
            {
                "op": "transfer_out",
                "qty": 5,
                "from": "A",
                "to": "B",
                "ref": "t1",
                "day": -3,
                "backdated": True,
            },
            {"op": "transfer_in", "of": "t1", "day": -2, "backdated": True},
        ],
        "expected": {
            "steps": [
                {"A.on_hand": 4, "B.on_hand": 6, "c1.balance": 4, "in_transit": 5, "out.day": -3},
                {"A.on_hand": 4, "B.on_hand": 6, "c2.balance": 6, "in_transit": 0, "in.day": -2},
            ]
        },
    },
    {
        "id": "OWN-15",
        "topic": "scaled_units",
        "given": [
            {"op": "receive", "qty": Decimal("2.5"), "uom": "kg", "ref": "r1"},
            {"op": "reserve", "qty": Decimal("0.7"), "ref": "v1"},
        ],
        "when": [
            {"op": "fulfil", "ref": "v1", "qty": Decimal("0.5")},
            {"op": "transfer", "qty": Decimal("1.1"), "from": "A", "to": "B"},
            {"op": "set_level", "qty": Decimal("0.4")},
        ],
        "expected": {
            "steps": [
                {"on_hand": Decimal("2.0"), "reserved": Decimal("0.2")},
                {"A.on_hand": Decimal("0.9"), "B.on_hand": Decimal("1.1")},
                {"A.on_hand": Decimal("0.4"), "movement": Decimal("-0.5")},
            ]
        },
    },
]
