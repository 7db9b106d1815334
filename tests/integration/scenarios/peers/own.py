"""Scenarios of our own in the same words, for those that no scenario of others happens to use."""

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
]
