"""How the auditor reads count documents, and checks what they posted against the stocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.domain.laws import Breach
from projections.audit import wire_count_documents as w
from projections.audit import wire_counts

if TYPE_CHECKING:
    from projections.audit import wire_base
    from projections.audit.checker import Checker


class FigureBook:
    """The last figure of a SKU and bucket, and the ones before it."""

    __slots__ = ("approved", "at", "bucket", "counted", "earlier", "expected", "posted", "sku")

    def __init__(self, figure: w.Figure, before: FigureBook | None) -> None:
        """Begin with what was entered."""
        self.sku = figure.sku
        self.bucket = figure.bucket
        self.counted = figure.counted
        self.at = figure.counted_at
        self.expected = figure.expected
        self.approved = False
        self.posted = False
        self.earlier: list[dict[str, int]] = []
        if before is not None:
            earlier = {"counted": before.counted, "counted_at": before.at}
            self.earlier = [*before.earlier, earlier]


class CountBook:
    """One count document."""

    __slots__ = (
        "approved_by",
        "asked",
        "cancelled",
        "figures",
        "first",
        "last",
        "posted_at",
        "posted_position",
        "version",
    )

    def __init__(self, event: w.Begun, first: int) -> None:
        """Begin with what shall be counted."""
        self.asked = event
        self.first = first
        self.last = first
        self.version = 0
        self.approved_by: str | None = None
        self.posted_at: int | None = None
        self.posted_position: int | None = None
        self.cancelled = False
        self.figures: dict[tuple[str, str], FigureBook] = {}

    @property
    def status(self) -> str:
        """How far it has come."""
        if self.cancelled:
            return "cancelled"
        if self.posted_at is not None:
            return "posted"
        if not self.figures:
            return "open"
        return "approved" if all(one.approved for one in self.figures.values()) else "entered"


class CountBooks:
    """The auditor's books of count documents, and what is still to be told of this item.

    `told` adds up what the stocks say was counted, or taken back, for a document, and takes off
    what the documents say; once an item is complete nothing may be left.
    """

    def __init__(self) -> None:
        """Begin before the first event."""
        self.counts: dict[str, CountBook] = {}
        self.told: dict[tuple[str | int, ...], int] = {}

    def tell(self, times: int, *what: str | int) -> None:
        """A stock says it so many times; a document, with the opposite sign."""
        self.told[what] = self.told.get(what, 0) + times


def take_stock(checker: Checker, event: wire_base.Stock) -> None:
    """Note a count, or the end of one, that no movement reported: a document did."""
    if isinstance(event, wire_counts.Counted):
        figure = (event.count_id, event.location, event.sku, event.bucket)
        numbers = (event.occurred_at, event.counted, event.delta)
        checker.counted.tell(1, "counted", *figure, *numbers)
    elif isinstance(event, wire_counts.CountCancelled):
        what = (event.location, event.sku, event.bucket, str(event.occurred_at))
        checker.counted.tell(1, "taken back", *what)


def take(checker: Checker, event: w.Document, position: int) -> None:
    """Enter one event of a count document into the books."""
    books = checker.counted
    book = books.counts.get(event.count_id)
    if isinstance(event, w.Begun):
        if book is not None:
            _wrong(checker, position, event, "was opened twice")
            return
        book = books.counts[event.count_id] = CountBook(event, position)
    elif book is None:
        _wrong(checker, position, event, "was never opened")
        return
    ended = book.cancelled or (book.posted_at is not None and not isinstance(event, w.Withdrawn))
    if ended:
        _wrong(checker, position, event, f"is {book.status}")
    book.version += 1
    book.last = position
    _enter(checker, book, event, position)


def _enter(checker: Checker, book: CountBook, event: w.Document, position: int) -> None:
    match event:
        case w.Entered():
            for figure in event.lines:
                key = (figure.sku, figure.bucket)
                book.figures[key] = FigureBook(figure, book.figures.get(key))
        case w.Approved():
            book.approved_by = event.approved_by
            for one in book.figures.values():
                one.approved = True
        case w.Posted():
            _post(checker, book, event, position)
        case w.Withdrawn():
            _withdraw(checker, book)
        case _:
            pass  # Of its beginning everything is entered when the book begins.


def _post(checker: Checker, book: CountBook, event: w.Posted, position: int) -> None:
    """Every figure is posted, as it was entered, and none without the approval it needs."""
    book.posted_at, book.posted_position = event.occurred_at, position
    limit = book.asked.approval_above
    posted = set()
    for line in event.lines:
        key = (line.sku, line.bucket)
        posted.add(key)
        figure = book.figures.get(key)
        if figure is None or (figure.counted, figure.at) != (line.counted, line.counted_at):
            _wrong(checker, position, event, f"posts what nobody entered for {line.sku!r}")
            continue
        if limit is not None and abs(line.variance) > limit and not figure.approved:
            _wrong(checker, position, event, f"posts {line.variance:+d} of {line.sku!r} unapproved")
        figure.expected = line.counted - line.variance
        figure.posted = True
        what = (event.count_id, book.asked.location, line.sku, line.bucket)
        numbers = (line.counted_at, line.counted, line.variance)
        checker.counted.tell(-1, "counted", *what, *numbers)
    if posted != book.figures.keys():
        _wrong(checker, position, event, "does not post every figure")
    named = {sku for sku, _ in book.figures}
    if tuple(sku for sku in book.asked.skus if sku not in named) != event.missing:
        _wrong(checker, position, event, "does not name what is missing")


def _withdraw(checker: Checker, book: CountBook) -> None:
    book.cancelled = True
    if book.posted_at is not None:
        for figure in book.figures.values():
            what = (book.asked.location, figure.sku, figure.bucket, str(figure.at))
            checker.counted.tell(-1, "taken back", *what)


def _wrong(checker: Checker, position: int, event: w.Document, what: str) -> None:
    checker.found([Breach(4, position, f"count {event.count_id!r} {what}")])


def judge(checker: Checker) -> None:
    """After an item: stocks and documents told the same."""
    books = checker.counted
    for what, times in books.told.items():
        if times:
            by = "the stock" if times > 0 else "the document"
            named = " ".join(map(repr, what[1:]))
            told = f"only {by} says that {named} was {what[0]}"
            checker.found([Breach(4, checker.place.position, told)])
    books.told.clear()
