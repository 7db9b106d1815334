"""How the auditor reads reconciliations, and checks what was approved against the stocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger.domain.laws import Breach
from projections.audit import wire_reconciliations as w

if TYPE_CHECKING:
    from projections.audit import wire_base
    from projections.audit.checker import Checker

_REASON: Final = "reconciliation"


class LineBook:
    """A proposed correction, and where it was approved."""

    __slots__ = ("approved_position", "line")

    def __init__(self, line: w.Correction) -> None:
        """Begin with what is proposed."""
        self.line = line
        self.approved_position: int | None = None


class ReconciliationBook:
    """One reconciliation."""

    __slots__ = ("first", "last", "lines", "order", "places", "told", "version")

    def __init__(self, told: w.Told, position: int) -> None:
        """Begin with what was found."""
        self.told = told
        self.first = position
        self.last = position
        self.version = 0
        self.places = {place.location: place.tally for place in told.locations}
        self.lines: dict[tuple[str, str], LineBook] = {}
        self.order: list[LineBook] = []


class ReconciliationBooks:
    """The auditor's books of reconciliations, and the corrections an item still owes the stocks."""

    def __init__(self) -> None:
        """Begin before the first event."""
        self.found: dict[str, ReconciliationBook] = {}
        self.owed: dict[tuple[str, str, int], int] = {}


def take_stock(checker: Checker, event: wire_base.Stock, meta: wire_base.Meta) -> None:
    """A correction that was approved reaches its stock."""
    owed = checker.reconciled.owed
    if not owed or meta.reason != _REASON or meta.reference is None:
        return
    what = (meta.reference, event.location, getattr(event, "delta", 0))
    if what in owed:
        owed[what] -= 1


def take(checker: Checker, event: w.Document, position: int) -> None:
    """Enter one event of a reconciliation into the books."""
    books = checker.reconciled
    book = books.found.get(event.reconciliation_id)
    if isinstance(event, w.Told):
        if book is not None:
            _wrong(checker, position, event, "was recorded twice")
            return
        book = books.found[event.reconciliation_id] = ReconciliationBook(event, position)
        if not _adds_up(event):
            _wrong(checker, position, event, "has numbers that do not add up")
    elif book is None:
        _wrong(checker, position, event, "was never recorded")
        return
    book.version += 1
    book.last = position
    match event:
        case w.Suggested():
            for line in event.lines:
                book.order.append(LineBook(line))
                book.lines[line.sku, line.location] = book.order[-1]
            if len(book.order) > book.told.proposals:
                _wrong(checker, position, event, "proposes more than it says")
        case w.Agreed():
            _agree(checker, book, event, position)
        case _:
            pass  # All of its beginning is entered when the book begins.


def _agree(checker: Checker, book: ReconciliationBook, event: w.Agreed, position: int) -> None:
    owed = checker.reconciled.owed
    for made in event.lines:
        line = book.lines.get((made.sku, made.location))
        if line is None or line.line.delta != made.delta:
            _wrong(checker, position, event, f"corrects {made.sku!r} as nobody proposed")
            continue
        if line.approved_position is not None:
            _wrong(checker, position, event, f"corrects {made.sku!r} twice")
        line.approved_position = position
        what = (event.reconciliation_id, made.location, made.delta)
        owed[what] = owed.get(what, 0) + 1


def _adds_up(told: w.Told) -> bool:
    parts = [place.tally for place in told.locations]
    whole = [told.tally] if told.keys_elsewhere else [told.tally, _sum(parts)]
    return (
        all(
            one.keys == one.matched + one.within + one.beyond
            and one.beyond == one.in_flight + one.late + one.duplicate + one.unknown
            for one in (told.tally, *parts)
        )
        and all(one == told.tally for one in whole)
        and told.alert == (told.tally.beyond > 0)
    )


def _sum(parts: list[w.Numbers]) -> w.Numbers:
    names = w.Numbers.__struct_fields__
    return w.Numbers(**{name: sum(getattr(one, name) for one in parts) for name in names})


def _wrong(checker: Checker, position: int, event: w.Document, what: str) -> None:
    checker.found([Breach(4, position, f"reconciliation {event.reconciliation_id!r} {what}")])


def judge(checker: Checker) -> None:
    """After an item: every approved correction has been made."""
    owed = checker.reconciled.owed
    if not owed:
        return
    for (reconciliation_id, location, delta), times in owed.items():
        if times > 0:
            told = f"a correction by {delta} at {location!r} that {reconciliation_id!r} approved"
            checker.found([Breach(8, checker.place.position, f"{told} was not made")])
    owed.clear()
