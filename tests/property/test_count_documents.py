"""A figure that a document posts is the count that a movement would have been, in every respect."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.commands import AnyCommand, FigureLine
from ledger.domain.events import StockCounted
from ledger.domain.values import PhysicalBucket
from tests.support.builders import adjust, count, move, receive, sell, together
from tests.support.documents import CANCEL, POST, enter, figure, open_count
from tests.support.given import Ledger
from tests.support.manual_clock import START

SECOND = 1_000_000
BUCKETS: tuple[PhysicalBucket, ...] = ("sellable", "damaged")

_times = st.integers(-60, -1).map(lambda second: START + second * SECOND)
_quantities = st.integers(1, 9)
_facts: st.SearchStrategy[AnyCommand] = st.one_of(
    st.builds(lambda n, at: receive(n, occurred_at=at), _quantities, _times),
    st.builds(lambda n, at: sell(n, occurred_at=at), _quantities, _times),
    st.builds(lambda n, at: adjust(-n, occurred_at=at), _quantities, _times),
    st.builds(lambda n, at: move(n, "sellable", "damaged", occurred_at=at), _quantities, _times),
)
_figures = st.dictionaries(
    st.sampled_from(BUCKETS), st.tuples(st.integers(0, 20), _times), min_size=1
)


def lines(figures: dict[PhysicalBucket, tuple[int, int]]) -> tuple[FigureLine, ...]:
    """What a document is told."""
    return tuple(
        figure(counted, bucket=bucket, counted_at=at) for bucket, (counted, at) in figures.items()
    )


def told(*commands: AnyCommand) -> Ledger:
    """A ledger in which all of these were accepted."""
    ledger = Ledger()
    for command in commands:
        decision = ledger.take(command)
        assert decision.refusal is None, decision.refusal
    return ledger


def shelf(ledger: Ledger) -> tuple[Any, ...]:
    """What a stock amounts to: levels, and what its counts found and have absorbed since."""
    stock = ledger.stock()
    anchors = {
        bucket: [(one.at, one.counted, one.held) for one in standing]
        for bucket, standing in stock.anchors.items()
        if standing
    }
    return stock.levels, anchors


def found(ledger: Ledger) -> list[tuple[str, int, int]]:
    """What the counts found out when they were recorded."""
    events = ledger.streams.get("stock/ams-1/MUG", [])
    return [(e.bucket, e.counted, e.delta) for e in events if isinstance(e, StockCounted)]


@given(before=st.lists(_facts, max_size=6), figures=_figures, after=st.lists(_facts, max_size=6))
def test_a_document_counts_as_its_movements_would(
    before: list[AnyCommand],
    figures: dict[PhysicalBucket, tuple[int, int]],
    after: list[AnyCommand],
) -> None:
    """The same levels, the same variances, the same absorbing of what comes in late."""
    entered = enter(*lines(figures))
    movements = [
        count(counted, bucket=bucket, occurred_at=at) for bucket, (counted, at) in figures.items()
    ]

    document = told(*before, open_count(), entered, POST, *after)
    movement = told(*before, together(*movements), *after)

    assert shelf(movement) == shelf(document)
    assert found(movement) == found(document)


@given(
    before=st.lists(_facts, max_size=6),
    figures=_figures,
    between=st.lists(_facts, max_size=6),
    after=st.lists(_facts, max_size=6),
)
def test_a_cancelled_document_leaves_a_shelf_that_nobody_counted(
    before: list[AnyCommand],
    figures: dict[PhysicalBucket, tuple[int, int]],
    between: list[AnyCommand],
    after: list[AnyCommand],
) -> None:
    """Whatever it had absorbed in the meantime."""
    counted = told(*before, open_count(), enter(*lines(figures)), POST, *between, CANCEL, *after)

    assert shelf(told(*before, *between, *after)) == shelf(counted)
