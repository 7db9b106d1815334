"""A scenario as it is written down, and whether this ledger has anything to say to it."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeAlias

from msgspec import Struct

Entry: TypeAlias = dict[str, Any]
Step: TypeAlias = Entry | str  # What somebody does, or a sentence about it.
Expected: TypeAlias = dict[str, Any]

VALUES: Final = frozenset(
    {"value", "unit_cost", "cogs", "layers", "entries", "unit_cogs", "value_change"}
)
"""What is said of money. The ledger counts units: these are left out, whatever they are."""

KITS: Final = "kits are not built yet"
LOTS: Final = "lots, serials and expiry dates of goods are not built yet"
MONEY: Final = "the ledger counts units and keeps no values"
PERIODS: Final = "a closed period pins a position and refuses nothing"
REPLAYS: Final = "nothing waits to be recalculated: a late fact is settled in its own commit"
SAFETY: Final = "safety stock binds only where a rule of availability says so"
GROUPS: Final = "locations are flat: what groups others is the reader's sum, not a place"
FACTS: Final = "what has happened is recorded, with a conflict where it could not have"
COUNTS: Final = "a count is recorded at its own time, however late it comes: the shelf was seen"

_OPERATIONS: Final = {
    "ship_bundle": KITS,
    "return_bundle": KITS,
    "receive_bundle": KITS,
    "add_landed_cost": MONEY,
    "revalue": MONEY,
    "close_period": PERIODS,
    "reopen_period": PERIODS,
}
_KEYS: Final = {"bundle": KITS, "lot": LOTS, "lots": LOTS, "serial": LOTS, "serials": LOTS}
_POLICIES: Final = {"safety_stock": SAFETY}
_SENTENCES: Final = (
    (re.compile(r"close the period"), PERIODS),
    (re.compile(r"recalculation"), REPLAYS),
    (re.compile(r"location that only groups others"), GROUPS),
    (re.compile(r"\blot\b"), LOTS),
)

_FACTS: Final = frozenset(
    {
        "receive",
        "ship",
        "adjust",
        "count",
        "fulfil",
        "fulfil_order",
        "transfer_out",
        "transfer_in",
        "transfer",
        "return",
        "return_to_supplier",
        "cancel",
        "correct",
        "drop_ship",
    }
)
"""Operations that report what has happened; all others ask for something."""

_SHORT: Final = re.compile(r"insufficient|negative|not_enough|out_of_stock|exceed|over_|more_than")
"""How others call it that a fact does not fit the numbers."""


class UnknownVocabulary(AssertionError):
    """A scenario says something that nobody here understands: it has to be taught, not skipped."""


class Scenario(Struct, frozen=True):
    """What was there, what somebody does, and what comes of it."""

    id: str
    topic: str
    policy: dict[str, Any]
    given: list[Step]
    when: list[Step]
    expected: Expected
    divergence: dict[str, Any]
    defaults: dict[str, Any]

    @property
    def safe(self) -> Expected:
        """What is expected of us: where a peer's outcome is its weakness, the safe one."""
        outcome: Expected = self.divergence.get("safe", self.expected)
        return outcome

    @property
    def steps(self) -> list[Step]:
        """Everything that is done."""
        return [*self.given, *self.when]

    def entries(self) -> Iterator[Entry]:
        """Every operation, and every cell or line inside one."""
        for step in self.steps:
            if isinstance(step, dict):
                yield step
                for part in ("cells", "lines"):
                    yield from (item for item in step.get(part, ()) if isinstance(item, dict))


def scenarios(path: Path) -> list[Scenario]:
    """Every scenario of a file, with its numbers exact."""
    document = _document(path)
    return [scenario_of(one, document["defaults"]) for one in document["scenarios"]]


def vocabulary(path: Path) -> set[str]:
    """The operations that a file explains."""
    return set(_document(path)["vocabulary"])


def scenario_of(one: dict[str, Any], defaults: dict[str, Any]) -> Scenario:
    """A scenario as it is written."""
    return Scenario(
        id=one["id"],
        topic=one["topic"],
        policy=one.get("policy", {}),
        given=one["given"],
        when=one["when"],
        expected=one["expected"],
        divergence=one.get("divergence", {}),
        defaults=defaults,
    )


def _document(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    return document


def why_not(scenario: Scenario) -> str | None:
    """Why a scenario does not apply as it stands; none where it does."""
    reason = next(_reasons(scenario), None)
    if reason is None and not any(_words(scenario.safe)):
        return MONEY
    return reason


def _reasons(scenario: Scenario) -> Iterator[str]:
    """What a scenario speaks of that is no business of this ledger, or not of this version."""
    sentences = [step for step in scenario.steps if isinstance(step, str)]
    for pattern, reason in _SENTENCES:
        yield from (reason for text in sentences if pattern.search(text))
    for entry in scenario.entries():
        if (name := entry.get("op")) in _OPERATIONS:
            yield _OPERATIONS[name]
        yield from (_KEYS[key] for key in entry if key in _KEYS)
    yield from (_POLICIES[name] for name in scenario.policy if name in _POLICIES)
    if (refused := recorded_anyway(scenario)) is not None:
        yield COUNTS if _operation(scenario.when[refused]) == "count" else FACTS


def recorded_anyway(scenario: Scenario) -> int | None:
    """The place in `when` of a fact that the peer refuses for lack of stock, if there is one."""
    for place, step in enumerate(scenario.when):
        error = expected_at(scenario, place).get("error")
        if error and _SHORT.search(error) and _operation(step) in _FACTS:
            return place
    return None


def _operation(step: Step) -> str | None:
    return step.get("op") if isinstance(step, dict) else None


def expected_at(scenario: Scenario, place: int) -> Expected:
    """What holds after one step of `when`; after the last one, what holds at the end, too."""
    steps: list[Expected | None] | None = scenario.safe.get("steps")
    outcome: Expected = {**((steps and steps[place]) or {})}
    if place == len(scenario.when) - 1:
        outcome |= at_end(scenario)
    return outcome


def at_start(scenario: Scenario) -> Expected:
    """What holds before anything is done; where nothing is, that is the end as well."""
    outcome: Expected = scenario.safe.get("start") or scenario.safe.get("before") or {}
    return outcome if scenario.when else outcome | at_end(scenario)


def at_end(scenario: Scenario) -> Expected:
    """What holds when all is done."""
    named = {"start", "before", "steps", "after"}
    flat = {name: value for name, value in scenario.safe.items() if name not in named}
    after: Expected = scenario.safe.get("after", {})
    return flat | after


def is_money(field: str) -> bool:
    """Whether a field of an outcome speaks of values."""
    return field.rpartition(".")[2] in VALUES


def _words(outcome: Any) -> Iterator[str]:
    """The fields of an outcome that are not about money, at any depth."""
    for field, value in outcome.items():
        if field in {"start", "before", "after"}:
            yield from _words(value)
        elif field == "steps":
            for step in value:
                yield from (_words(step) if isinstance(step, dict) else ())
        elif not is_money(field):
            yield field
