"""A batch of events to the definitions in force and the facts that wait."""

from ledger.domain.events import (
    AnyEvent,
    ConflictOpened,
    ConflictResolved,
    LocationDefined,
    ParkedFact,
    SkuDefined,
)
from projections.catalog.projection import fold
from tests.unit.projections.builders import batch

FACT = ParkedFact(owner="till-7", movement_id="key-1/0", movement="{}")


def _sku(**fields: object) -> SkuDefined:
    return SkuDefined(occurred_at=1, sku="MUG", base_unit="each", **fields)  # type: ignore[arg-type]


def _opened(conflict_id: str, kind: str = "unknown_item") -> ConflictOpened:
    parked = FACT if kind == "unknown_item" else None
    return ConflictOpened(
        occurred_at=1,
        conflict_id=conflict_id,
        kind=kind,
        location="ams-1",
        sku="Straße",
        short=1,
        parked=parked,
    )


def _resolved(conflict_id: str, kind: str = "unknown_item") -> ConflictResolved:
    return ConflictResolved(
        occurred_at=2,
        conflict_id=conflict_id,
        kind=kind,
        location="ams-1",
        sku="Straße",
        resolution="release",
    )


def test_the_last_definition_of_a_code_counts() -> None:
    """Two in one batch are one row, with the version and the place of the second."""
    changes = fold(batch(_sku(), LocationDefined(occurred_at=1, location="ams-1"), _sku(scale=2)))

    assert [(3, 2)] == [(one.position, one.version) for one in changes.skus.values()]
    assert ["ams-1"] == list(changes.locations)


def test_a_parked_fact_is_found_under_every_form_of_its_code() -> None:
    """So that a definition that compares codes loosely finds it."""
    changes = fold(batch(_opened("c-1")))

    parked = changes.parked["c-1"]
    assert ("Straße", "STRASSE", "strasse", 1) == (
        parked.sku,
        parked.sku_upper,
        parked.sku_fold,
        parked.position,
    )


def test_a_fact_that_is_released_within_its_batch_leaves_nothing() -> None:
    """One that waited before is taken out; conflicts of other kinds are somebody else's."""
    events: list[AnyEvent] = [
        _opened("c-1"),
        _resolved("c-1"),
        _resolved("c-0"),
        _opened("c-2", "negative_stock"),
        _resolved("c-2", "negative_stock"),
    ]

    changes = fold(batch(*events))

    assert ({}, {"c-0"}) == (changes.parked, changes.ended)
