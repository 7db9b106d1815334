"""How the auditor reads what became of recorded movements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.domain import laws
from ledger.domain.laws import Breach
from projections.audit import wire_counts

if TYPE_CHECKING:
    from projections.audit.checker import Checker


class MovementBook:
    """One recorded movement that others speak of."""

    __slots__ = ("cancelled", "recorded", "voided")

    def __init__(self, recorded: int) -> None:
        """Begin with what it came to."""
        self.recorded = recorded
        self.voided = 0
        self.cancelled = False


def take(checker: Checker, event: wire_counts.Movement, position: int) -> None:
    """Enter one event of a movement: it goes on from where the last one left it."""
    key = (event.owner, event.movement_id)
    book = checker.movements.get(key)
    if book is None:
        book = checker.movements[key] = MovementBook(event.recorded)
    name = event.movement_id
    checker.found(
        laws.movement_goes_on(
            position, name, recorded=event.recorded, known=book.recorded, ended=book.cancelled
        )
    )
    match event:
        case wire_counts.MovementVoided():
            book.voided += event.quantity
        case wire_counts.MovementUnvoided():
            book.voided -= event.quantity
        case wire_counts.MovementCorrected():
            _claim(checker, event, event.quantity - event.recorded)
            book.recorded = event.quantity
        case wire_counts.MovementCancelled():
            _claim(checker, event, -event.quantity)
            book.cancelled = True
        case _:
            raise AssertionError(f"{type(event)} is not read")
    if book.voided or isinstance(event, wire_counts.MovementVoided):
        checker.found(laws.void_is_left(position, name, recorded=book.recorded, voided=book.voided))


def take_corrected(checker: Checker, event: wire_counts.Corrected) -> None:
    """A stock changes by what a movement is said to have changed."""
    told = checker.corrected.setdefault(event.of, [])
    told.append(event.quantity)


def _claim(checker: Checker, event: wire_counts.Movement, change: int) -> None:
    told = checker.corrected.get(event.movement_id)
    if told is not None and change in told:
        told.remove(change)


def judge(checker: Checker) -> None:
    """After an item: no stock changed without its movement saying so."""
    for movement_id, changes in checker.corrected.items():
        for change in changes:
            what = f"a stock changed movement {movement_id!r} by {change}, the movement did not"
            checker.found([Breach(4, checker.place.position, what)])
    checker.corrected.clear()
