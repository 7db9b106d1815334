"""The rows of closed periods, as the auditor's books have them."""

from collections.abc import Iterator
from typing import Final

from projections.audit.checker import Checker
from projections.audit.table import Found, Key, Table


def _period(checker: Checker, key: Key) -> Found | None:
    found = checker.periods.closed.get(key[0])
    if found is None:
        return None
    event, position = found
    values = (
        event.location,
        event.starts_at,
        event.ends_at,
        event.known_position,
        event.follows,
        event.occurred_at,
        position,
    )
    return Found(values, position)


def _periods(checker: Checker) -> Iterator[tuple[Key, int]]:
    for period_id, (_, position) in checker.periods.closed.items():
        yield (period_id,), position


TABLES: Final = (
    Table(
        "statement_periods",
        "statements",
        ("",),
        (
            *("location", "starts_at", "ends_at", "known_position", "follows", "closed_at"),
            "position",
        ),
        _period,
        _periods,
    ),
)
