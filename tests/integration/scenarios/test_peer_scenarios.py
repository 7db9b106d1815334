"""What other systems promise in their tests, told to this ledger over HTTP.

Where a peer's own outcome is marked as a weakness, the safe one is expected. Scenarios that do not
apply are listed with the reason; of those, the ones in which a peer refuses what has happened are
told up to that point, since here it is recorded.
"""

from typing import Any

import pytest

from tests.integration.scenarios.peers.operations import known_operations
from tests.integration.scenarios.peers.own import OWN
from tests.integration.scenarios.peers.scenario import (
    COUNTS,
    FACTS,
    Scenario,
    UnknownVocabulary,
    scenario_of,
    scenarios,
    vocabulary,
    why_not,
)
from tests.integration.scenarios.peers.telling import tell, tell_anyway
from tests.integration.scenarios.shared_data import SCENARIOS, needs_scenarios
from tests.support.figures import Tell
from tests.support.turned import TurnedService

DEFAULTS = {"sku": "X", "loc": "A", "day": 0}
THEIRS = scenarios(SCENARIOS) if SCENARIOS.exists() else []
ALL = [*THEIRS, *(scenario_of(one, DEFAULTS) for one in OWN)]
REASONS = {scenario.id: why_not(scenario) for scenario in ALL}
APPLY = [scenario for scenario in ALL if REASONS[scenario.id] is None]
RECORDED_ANYWAY = [scenario for scenario in ALL if REASONS[scenario.id] in {FACTS, COUNTS}]

GIVEN: list[Any] = [{"op": "receive", "qty": 1, "ref": "r1"}]


def by_id(scenario: Scenario) -> str:
    """How pytest calls it."""
    return f"{scenario.id}-{scenario.topic}"


@pytest.mark.parametrize("scenario", APPLY, ids=by_id)
def test_what_others_expect_holds_here(service: TurnedService, scenario: Scenario) -> None:
    """Given what was there, when somebody does this, then that comes of it."""
    tell(service, scenario)


@pytest.mark.parametrize("scenario", RECORDED_ANYWAY, ids=by_id)
def test_what_others_refuse_although_it_has_happened_is_recorded(
    service: TurnedService, scenario: Scenario
) -> None:
    """The shelf does not care what the numbers say: the fact is kept, and a conflict beside it."""
    tell_anyway(service, scenario)


@needs_scenarios
def test_scenarios_that_do_not_apply_are_listed_with_the_reason(tell: Tell) -> None:
    """Nothing is left out in silence."""
    left_out = {one.id: reason for one in THEIRS if (reason := REASONS[one.id]) is not None}
    tell(f"{len(THEIRS) - len(left_out)} of {len(THEIRS)} scenarios apply; those that do not:")
    for name, reason in left_out.items():
        tell(f"{name}: {reason}")

    assert all(left_out.values())


@needs_scenarios
def test_every_operation_that_the_file_explains_is_understood() -> None:
    """Also those that none of its scenarios happens to use."""
    assert set() == vocabulary(SCENARIOS) - known_operations()


@pytest.mark.parametrize(
    ("unknown", "changed"),
    [
        ("an operation", {"when": [{"op": "teleport", "qty": 1}]}),
        ("a word of an operation", {"when": [{"op": "ship", "qty": 1, "by": "owl"}]}),
        ("a word of a cell", {"given": [{"op": "state", "cells": [{"on_hand": 1, "moon": 2}]}]}),
        ("a word of a line", {"when": [{"op": "reserve_lines", "lines": [{"qty": 1, "hue": 2}]}]}),
        ("a sentence", {"when": ["wish for more"]}),
        ("an outcome", {"expected": {"karma": 1}}),
        ("an outcome of somebody", {"expected": {"r9.on_hand": 1}}),
        ("an error", {"when": [{"op": "reserve", "qty": 2}], "expected": {"error": "bad_luck"}}),
        ("a policy", {"policy": {"astrology": True}}),
        (
            "a way to split",
            {
                "policy": {"split": "by_charm"},
                "when": [{"op": "reserve", "qty": 1, "locs": ["A", "B"]}],
            },
        ),
        ("what blank means", {"when": [{"op": "count", "qty": None, "blank_means": "maybe"}]}),
    ],
)
def test_what_the_interpreter_was_not_taught_fails_loudly(
    service: TurnedService, unknown: str, changed: dict[str, Any]
) -> None:
    """A scenario that is not understood is an error, never a pass."""
    told = {"id": "ODD", "topic": unknown, "given": GIVEN, "when": [], "expected": {"on_hand": 1}}

    with pytest.raises(UnknownVocabulary):
        tell(service, scenario_of({**told, **changed}, DEFAULTS))


def test_an_outcome_that_does_not_hold_fails(service: TurnedService) -> None:
    """A control: the comparison can tell right from wrong."""
    told = {"id": "WRONG", "topic": "control", "given": GIVEN, "when": [], "expected": {}}

    with pytest.raises(AssertionError):
        tell(service, scenario_of({**told, "expected": {"on_hand": 2}}, DEFAULTS))
