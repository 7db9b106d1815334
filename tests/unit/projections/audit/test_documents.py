"""What the auditor holds against returns, orders and count documents: no wrong one passes."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.domain.events import (
    AnyEvent,
    ConflictOpened,
    CountApproved,
    CountEntered,
    CountPosted,
    OrderReturned,
    OrderSold,
    ReturnAuthorised,
    ReturnClosed,
    ReturnDispositioned,
    ReturnInspected,
    ReturnReceived,
    StockCounted,
    StockDispositioned,
    StockReturned,
)
from ledger.domain.laws import Breach
from ledger.recorded import Recorded
from projections.audit.checker import Checker
from projections.audit.row import Row
from tests.support.histories import Histories, state

COMMANDS = 700
SEEDS = range(40)

Fits = Callable[[Any], bool]


def breaches(events: list[Recorded]) -> list[Breach]:
    """What an auditor finds in a log."""
    checker = Checker()
    for one in events:
        row = Row(one.position, one.stream, one.version, one.topic, state(one), one.recorded_at)
        checker.take(row)
    checker.close()
    return checker.breaches


def history_with(kind: type, fits: Fits) -> tuple[list[Recorded], Recorded]:
    """A history in which an event of a kind occurs, and the first such event."""
    for seed in SEEDS:
        events = Histories(seed).events(COMMANDS)
        for one in events:
            if isinstance(one.event, kind) and fits(one.event):
                return events, one
    raise LookupError(f"no seed draws such a {kind.__name__}")


def first(lines: tuple[Any, ...], **changes: object) -> tuple[Any, ...]:
    """The lines with another first one."""
    return (replace(lines[0], **changes), *lines[1:])


def always(_: object) -> bool:
    """Every event of the kind will do."""
    return True


MISTAKES: list[tuple[str, type, Fits, Callable[[Any], AnyEvent], int]] = [
    (
        "a document says more came than the stock does",
        ReturnReceived,
        always,
        lambda e: replace(e, lines=first(e.lines, quantity=e.lines[0].quantity + 1)),
        4,
    ),
    (
        "a stock says more came than the document does",
        StockReturned,
        lambda e: e.return_id is not None,
        lambda e: replace(e, quantity=e.quantity + 1),
        4,
    ),
    (
        "units of another return",
        StockReturned,
        lambda e: e.return_id is not None,
        lambda e: replace(e, return_id="rma-x"),
        4,
    ),
    (
        "more inspected than came",
        ReturnInspected,
        always,
        lambda e: replace(e, lines=first(e.lines, quantity=1_000)),
        4,
    ),
    (
        "more decided than came",
        ReturnDispositioned,
        always,
        lambda e: replace(e, lines=first(e.lines, quantity=1_000)),
        4,
    ),
    (
        "sold what was to be scrapped",
        StockDispositioned,
        lambda e: e.disposition == "scrap",
        lambda e: replace(e, to_bucket="sellable"),
        4,
    ),
    (
        "closed, and it went on",
        ReturnAuthorised,
        always,
        lambda e: ReturnClosed(occurred_at=e.occurred_at, return_id=e.return_id),
        4,
    ),
    (
        "an order was sold more than left",
        OrderSold,
        lambda e: e.delta > 0,
        lambda e: replace(e, delta=e.delta + 1),
        4,
    ),
    (
        "a return of an order that did not come",
        OrderReturned,
        lambda e: e.delta > 0 and e.conflict is None,
        lambda e: replace(e, delta=e.delta + 1_000),
        4,
    ),
    (
        "a conflict over an order not told",
        OrderReturned,
        lambda e: e.conflict is not None,
        lambda e: replace(e, conflict=None),
        7,
    ),
    (
        "another excess",
        ConflictOpened,
        lambda e: e.kind == "returned_beyond_sold",
        lambda e: replace(e, short=e.short + 1),
        7,
    ),
    (
        "another variance in the document",
        CountPosted,
        always,
        lambda e: replace(e, lines=first(e.lines, variance=e.lines[0].variance + 1)),
        4,
    ),
    (
        "a figure left out",
        CountPosted,
        always,
        lambda e: replace(e, lines=e.lines[1:]),
        4,
    ),
    (
        "a figure nobody entered",
        CountEntered,
        always,
        lambda e: replace(e, lines=()),
        4,
    ),
    (
        "somebody else's count",
        StockCounted,
        lambda e: e.count_id.startswith("count-"),
        lambda e: replace(e, count_id="count-x"),
        4,
    ),
]


@pytest.mark.parametrize(
    ("name", "kind", "fits", "change", "law"), MISTAKES, ids=[mistake[0] for mistake in MISTAKES]
)
def test_a_planted_mistake_in_a_document_is_found(
    name: str, kind: type, fits: Fits, change: Callable[[Any], AnyEvent], law: int
) -> None:
    """Stocks, documents and conflicts tell the same, or it is named."""
    posted = kind is CountEntered
    chosen = _posted_figure() if posted else history_with(kind, fits)
    events, wrong_one = chosen
    wrong = replace(wrong_one, event=change(wrong_one.event))

    found = breaches([wrong if one is wrong_one else one for one in events])

    assert law in {breach.law for breach in found}, name
    assert wrong_one.position <= min(breach.position for breach in found)


def test_a_posting_without_the_approval_it_needs_is_found() -> None:
    """Leaving the approval out, with everything numbered anew, does not hide it."""
    for seed in SEEDS:
        events = Histories(seed).events(COMMANDS)
        for approval in (one for one in events if isinstance(one.event, CountApproved)):
            kept = [one for one in events if one is not approval]
            found = breaches([replace(one, position=n) for n, one in enumerate(kept, start=1)])
            if any("unapproved" in breach.what for breach in found):
                return
    raise LookupError("no seed draws an approval that was needed")


def _posted_figure() -> tuple[list[Recorded], Recorded]:
    """A history, and the figures of a document in it that was posted afterwards."""
    events, last = history_with(CountPosted, always)
    posted = last.event
    assert isinstance(posted, CountPosted)
    for one in events:
        if isinstance(one.event, CountEntered) and one.event.count_id == posted.count_id:
            return events, one
    raise LookupError("what is posted was entered before")
