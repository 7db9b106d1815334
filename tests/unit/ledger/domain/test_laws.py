"""Each law: what passes, what does not, and what is said then."""

from collections.abc import Callable
from functools import partial

import pytest

from ledger.domain import laws
from ledger.domain.events import postings
from ledger.domain.laws import START, Breach, Breaches, LineTotals, Place
from tests.support.histories import Histories

POSITION = 7
_FINE = LineTotals(5, 4, 1, 1, 1, 1, 1)
_LAST = Place(6, 100, 1_000, "till-7 a")


def _line(**changed: int) -> LineTotals:
    numbers = {name: getattr(_FINE, name) for name in LineTotals.__struct_fields__} | changed
    return LineTotals(**numbers)


def _after(position: int, instant: int, recorded_at: int, command: str = "till-7 b") -> Place:
    return Place(position, instant, recorded_at, command)


_expiry = partial(
    laws.expiry_is_exact, POSITION, expires_at=50, written=50, now=60, held=3, quantity=3
)
_covered = partial(laws.promise_is_covered, POSITION, sellable=10, reserved=4)
_fence_granted = partial(laws.fence_is_covered, POSITION, channel="web", spare=3)
_fence = partial(laws.fence_gives_what_it_has, POSITION, "web")
_in_hold = partial(laws.fence_is_in_its_hold, POSITION, "order-1", open_units=5, same_channel=True)
_back = partial(laws.fence_gets_back, POSITION, "order-1")
_fence_holds = partial(laws.fence_is_its_holds, POSITION, "web")
_provenance = partial(
    laws.provenance_is_named, POSITION, actor="a", source="b", reason="c", correlation_id="d"
)
_goes_on = partial(laws.movement_goes_on, POSITION, "m")
_order = partial(laws.log_is_in_order, _LAST)

CASES: list[tuple[str, Callable[[], Breaches], list[int]]] = [
    ("sums of zero", lambda: laws.postings_sum_to_zero(POSITION, {"MUG": 0}), []),
    ("a sum left over", lambda: laws.postings_sum_to_zero(POSITION, {"MUG": 2, "LAMP": 0}), [1]),
    (
        "on hand",
        lambda: laws.on_hand_is_its_buckets(POSITION, 5, {"sellable": 3, "damaged": 2}),
        [],
    ),
    ("on hand with transit", lambda: laws.on_hand_is_its_buckets(POSITION, 5, {"transit": 5}), [2]),
    ("the last unit", lambda: _covered(asked=6), []),
    ("one unit too many", lambda: _covered(asked=7), [3]),
    ("a backorder", lambda: _covered(asked=7, backorder=1), []),
    ("a ring-fenced unit", lambda: _covered(asked=6, fenced=1), [3]),
    ("giving back is no request", lambda: _covered(asked=-20), []),
    ("a fence of units to spare", lambda: _fence_granted(asked=3), []),
    ("a fence of more", lambda: _fence_granted(asked=4), [3]),
    ("an empty fence", lambda: _fence(free=0, held=2), []),
    ("more taken than a fence had", lambda: _fence(free=-1, held=2), [3]),
    ("a fence in its hold", lambda: _in_hold(fenced=3, open_units=3), []),
    ("more of a fence than units", lambda: _in_hold(fenced=4, open_units=3), [3]),
    ("another channel's fence", lambda: _in_hold(fenced=3, same_channel=False), [3]),
    ("a fence gets back", lambda: _back(had=("web", 2), told=("web", 2)), []),
    ("a fence gets less back", lambda: _back(had=("web", 2), told=("web", 1)), [3]),
    ("a fence and its holds", lambda: _fence_holds(held=3, parts=[1, 2]), []),
    ("a fence leaks", lambda: _fence_holds(held=3, parts=[1]), [3]),
    ("a whole promise", lambda: laws.promise_is_whole(POSITION, short=0, asked="confirmed"), []),
    ("a broken promise", lambda: laws.promise_is_whole(POSITION, short=1, asked="confirmed"), [3]),
    ("a line", lambda: laws.line_adds_up(POSITION, "order-1", _FINE), []),
    ("a request lost", lambda: laws.line_adds_up(POSITION, "x", _line(requested=6)), [4]),
    ("a unit left twice", lambda: laws.line_adds_up(POSITION, "x", _line(fulfilled=2)), [4]),
    ("below zero", lambda: laws.line_adds_up(POSITION, "x", _line(open=-1, expired=3)), [4]),
    ("a void", lambda: laws.void_is_left(POSITION, "m", recorded=3, voided=3), []),
    ("a void too many", lambda: laws.void_is_left(POSITION, "m", recorded=3, voided=4), [4]),
    (
        "less than nothing voided",
        lambda: laws.void_is_left(POSITION, "m", recorded=3, voided=-1),
        [4],
    ),
    ("what becomes of a movement", lambda: _goes_on(recorded=3, known=3, ended=False), []),
    ("from another total", lambda: _goes_on(recorded=3, known=4, ended=False), [4]),
    ("after its cancel", lambda: _goes_on(recorded=3, known=3, ended=True), [4]),
    ("a count", lambda: laws.level_is_counted(POSITION, "x", counted=0, level=0), []),
    ("a count unseen", lambda: laws.level_is_counted(POSITION, "x", counted=0, level=1), [9]),
    ("a count taken back", lambda: laws.cancel_takes_all(POSITION, held=-3, taken=-3), []),
    ("a part left", lambda: laws.cancel_takes_all(POSITION, held=-3, taken=-2), [9]),
    ("holds", lambda: laws.reserved_is_its_holds(POSITION, 5, [2, 3]), []),
    ("no holds", lambda: laws.reserved_is_its_holds(POSITION, 0, []), []),
    ("a hold forgotten", lambda: laws.reserved_is_its_holds(POSITION, 5, [2]), [5]),
    ("a hold of nothing", lambda: laws.reserved_is_its_holds(POSITION, 2, [2, 0]), [5]),
    ("agreement", lambda: laws.streams_agree(POSITION, "x", in_stock=2, in_reservation=2), []),
    ("two stories", lambda: laws.streams_agree(POSITION, "x", in_stock=2, in_reservation=1), [5]),
    ("a hard hold", lambda: laws.hold_still_runs(POSITION, expires_at=None, at=9, doing="x"), []),
    ("just in time", lambda: laws.hold_still_runs(POSITION, expires_at=9, at=8, doing="x"), []),
    ("at its expiry", lambda: laws.hold_still_runs(POSITION, expires_at=9, at=9, doing="x"), [6]),
    ("an expiry", _expiry, []),
    ("another instant", lambda: _expiry(written=51), [6]),
    ("before it is due", lambda: _expiry(now=49), [6]),
    ("half of a hold", lambda: _expiry(quantity=2), [6]),
    ("no change", lambda: laws.conflict_change_is_one(POSITION, "c", before=2, after=2), [7]),
    ("worse", lambda: laws.conflict_change_is_one(POSITION, "c", before=2, after=3), []),
    ("the next event", lambda: _order(_after(7, 101, 1_000)), []),
    ("the same item", lambda: _order(_after(7, 100, 1_000, "till-7 a")), []),
    ("another command's instant", lambda: _order(_after(7, 100, 1_000)), [8]),
    ("a gap", lambda: _order(_after(8, 101, 1_000)), [10]),
    ("an earlier instant", lambda: _order(_after(7, 99, 1_000)), [10]),
    ("a clock set back", lambda: _order(_after(7, 101, 999)), [10]),
    ("recorded before decided", lambda: _order(_after(7, 1_001, 1_000)), [10]),
    ("the first event", lambda: laws.log_is_in_order(START, _after(1, 5, 5)), []),
    ("a version", lambda: laws.version_is_next(POSITION, "stock/a/b", last=1, found=2), []),
    ("a version twice", lambda: laws.version_is_next(POSITION, "s", last=2, found=2), [15]),
    (
        "a late fact",
        lambda: laws.effective_is_running_maximum(POSITION, last=9, occurred_at=5, effective_at=9),
        [],
    ),
    (
        "a late fact taken for new",
        lambda: laws.effective_is_running_maximum(POSITION, last=9, occurred_at=5, effective_at=5),
        [11],
    ),
    ("now", lambda: laws.nothing_from_the_future(POSITION, occurred_at=5, instant=5), []),
    ("tomorrow", lambda: laws.nothing_from_the_future(POSITION, occurred_at=6, instant=5), [10]),
    ("all names", _provenance, []),
    ("no reason", lambda: _provenance(reason=""), [18]),
    ("an end", lambda: laws.head_is_the_end(head=3, last=3, events=3), []),
    ("an end cut off", lambda: laws.head_is_the_end(head=3, last=2, events=2), [17]),
]


@pytest.mark.parametrize(("name", "check", "broken"), CASES, ids=[case[0] for case in CASES])
def test_a_law_is_broken_or_it_is_not(
    name: str, check: Callable[[], Breaches], broken: list[int]
) -> None:
    """The last column says which laws the totals break."""
    assert broken == [breach.law for breach in check()]


def test_a_gap_is_named_by_the_position_that_is_missing() -> None:
    """Whoever looks for it needs the number that is not there."""
    assert [7] == [breach.position for breach in laws.log_is_in_order(_LAST, _after(9, 101, 1_000))]


@pytest.mark.parametrize(
    ("sellable", "reserved", "short"),
    [(10, 4, 0), (4, 4, 0), (3, 4, 1), (0, 4, 4), (-5, 4, 4), (-5, 0, 0)],
)
def test_a_shortage_is_never_more_than_what_is_promised(
    sellable: int, reserved: int, short: int
) -> None:
    """What is below zero beyond the promises is another conflict's business."""
    assert short == laws.shortage(sellable=sellable, reserved=reserved)


def test_a_shortage_takes_the_first_holds_first() -> None:
    """Whole promises break before the next one does; the last may break in part."""
    holds = [("order-3", 2), ("order-2", 3), ("order-1", 4)]

    assert {"order-3": 2, "order-2": 1} == laws.broken_promises(3, holds)
    assert {} == laws.broken_promises(0, holds)


def test_conflicts_that_are_missing_wrong_or_too_many_are_told_apart() -> None:
    """One breach a holder, with both amounts."""
    breaches = laws.conflicts_are_open(
        POSITION,
        "promise_broken",
        expected={"order-1": 1, "order-2": 2},
        found={"order-2": 3, "order-3": 4},
    )

    assert [
        Breach(7, POSITION, f"promise_broken of {holder!r}: short {due}, open conflict says {told}")
        for holder, due, told in (("order-1", 1, 0), ("order-2", 2, 3), ("order-3", 0, 4))
    ] == breaches


def test_the_postings_of_every_event_sum_to_zero_per_sku() -> None:
    """Law 1, over what the domain itself says its events mean."""
    for recorded in Histories(1).events(300):
        sums: dict[str, int] = {}
        for stock_id, _, delta in postings(recorded.event):
            sums[stock_id.sku] = sums.get(stock_id.sku, 0) + delta

        assert [] == laws.postings_sum_to_zero(recorded.position, sums)
