"""Telling a scenario to the service, step by step, and comparing what comes of it."""

import re
from collections.abc import Iterator
from typing import Any, Final

from msgspec.structs import replace

from tests.integration.scenarios.peers import asking, deeds, looks
from tests.integration.scenarios.peers.operations import Done, do
from tests.integration.scenarios.peers.outcomes import Moment, check
from tests.integration.scenarios.peers.scenario import (
    Scenario,
    Step,
    UnknownVocabulary,
    at_start,
    expected_at,
    recorded_anyway,
)
from tests.integration.scenarios.peers.seeing import Scope, conflicts, total
from tests.integration.scenarios.peers.sentences import say
from tests.integration.scenarios.peers.shop import Shop
from tests.support.turned import TurnedService

TAUGHT: Final = (
    asking,
    deeds,
    looks,
)  # They teach the interpreter their words when they are imported.

POLICIES: Final = frozenset(
    {"valuation", "standard_cost", "allow_negative", "split", "backorder_limit"}
)
"""What a peer is set to. Costs are left out; whether levels may be negative is no question here."""

FREE: Final = (1, 37, 100)  # What a letter in the place of a number stands for, one after another.
_SUM: Final = re.compile(r"\w+(?:\s*[+-]\s*\w+)*")


def tell(service: TurnedService, scenario: Scenario) -> None:
    """Everything that is given, done and expected, once for each number a letter may stand for."""
    for number, told in enumerate(readings(scenario)):
        with Shop(service, told, number) as shop:
            for place, moment in _moments(shop):
                check(moment, at_start(told) if place is None else expected_at(told, place))


def tell_anyway(service: TurnedService, scenario: Scenario) -> None:
    """Up to a fact that a peer refuses for lack of stock: here it is recorded, with a conflict."""
    last = recorded_anyway(scenario)
    with Shop(service, scenario) as shop:
        for place, moment in _moments(shop):
            if place == last:
                assert moment.done.refusal is None, moment.done.refusal
                break
            check(moment, at_start(scenario) if place is None else expected_at(scenario, place))

        assert conflicts(shop, shop.scales), "recorded without a word"
        if (level := scenario.expected.get("would_be")) is not None:
            assert level == total(shop, Scope(shop.sku({})), "on_hand")


def _moments(shop: Shop) -> Iterator[tuple[int | None, Moment]]:
    """Before anything is done (no place), and after each step of `when`."""
    _set_up(shop)
    for step in shop.scenario.given:
        _give(shop, step)
    start = shop.position
    moment = Moment(
        shop=shop,
        done=Done({}, None),
        position=start,
        position_at_start=start,
        on_hand={sku: total(shop, Scope(sku), "on_hand") for sku in shop.scales},
        facts={},
        answers=[],
    )
    yield None, moment
    for place, step in enumerate(shop.scenario.when):
        moment.position = shop.position
        moment.done = _take(shop, step)
        moment.facts |= moment.done.facts
        if "answer" in moment.done.facts:
            moment.answers.append(moment.done.facts["answer"])
        yield place, moment


def _set_up(shop: Shop) -> None:
    if strange := set(shop.scenario.policy) - POLICIES:
        raise UnknownVocabulary(f"policy {sorted(strange)}")
    shop.define_units()
    if (limit := shop.scenario.policy.get("backorder_limit")) is not None:
        asking.allow_backorder(shop, {}, limit)


def _give(shop: Shop, step: Step) -> None:
    """A step that was taken before. A peer's promise beyond what is there needs a limit here."""
    done = _take(shop, step)
    if done.refusal is not None and done.refusal.code == "insufficient-stock":
        for short in done.refusal.facts["shortfalls"]:
            beyond = short["requested"] - short["available"]
            asking.set_limit(shop, short["sku"], short["location"], beyond)
        done = _take(shop, step)
    assert done.refusal is None, f"{step} is given: {done.refusal}"


def _take(shop: Shop, step: Step) -> Done:
    """One step; a row that somebody kept while it was taken is let go afterwards."""
    was_kept = shop.row_is_kept
    done = do(shop, step) if isinstance(step, dict) else say(shop, step)
    if was_kept:
        shop.let_go_of_row()
        return Done({**done.facts, "blocked": False}, done.refusal)  # It has an answer already.
    return done


def readings(scenario: Scenario) -> list[Scenario]:
    """The scenario with numbers in the place of letters: as it stands, if there are none."""
    letters = {
        entry[name]
        for entry in scenario.entries()
        for name in ("qty", "delta")
        if isinstance(entry.get(name), str)
    }
    if not letters:
        return [scenario]
    return [
        replace(
            scenario,
            given=_with(scenario.given, dict.fromkeys(letters, value)),
            when=_with(scenario.when, dict.fromkeys(letters, value)),
            expected=_with(scenario.expected, dict.fromkeys(letters, value)),
        )
        for value in FREE
    ]


def _with(part: Any, numbers: dict[str, int]) -> Any:
    """A part of a scenario in which letters, and sums with them, are numbers."""
    if isinstance(part, dict):
        return {name: _with(value, numbers) for name, value in part.items()}
    if isinstance(part, list):
        return [_with(value, numbers) for value in part]
    if not isinstance(part, str) or not _SUM.fullmatch(part):
        return part
    words = re.findall(r"[+-]|\w+", part)
    if not numbers.keys() & set(words):
        return part
    result, sign = 0, 1
    for word in words:
        if word in "+-":
            sign = 1 if word == "+" else -1
        else:
            result += sign * (numbers[word] if word in numbers else int(word))
    return result
