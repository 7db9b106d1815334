"""Why a balance differs: one case a class, and which class wins where two would do."""

from collections.abc import Sequence

import pytest

from projections.reconciliations.classify import Case, Change, Explanation, explain

AT = 1_000_000
MINUTE = 1_000
KNOWN = 100


def change(position: int, delta: int, minutes: int = -500, **more: object) -> Change:
    """A movement so many minutes from the moment of the balances."""
    at = AT + minutes * MINUTE
    fields = {"type": "stock.sold.v1", "recorded_at": at, "movement_id": f"m-{position}"}
    return Change(position=position, occurred_at=at, delta=delta, **fields | more)  # type: ignore[arg-type]


def case(theirs: int, *changes: Change, ours: int = 100, **more: object) -> Case:
    """A key of which ours has 100; the other system's cut was at position 90."""
    fields = {"as_of": AT, "known": KNOWN, "cut": 90, "window": 60 * MINUTE} | more
    return Case(theirs=theirs, ours=ours, changes=changes, **fields)  # type: ignore[arg-type]


def told(explanation: Explanation) -> Sequence[tuple[str, str, int, list[int]]]:
    """Class, role, quantity and positions of every part."""
    return [
        (part.kind, part.role, part.quantity, sorted(one.position for one in part.changes))
        for part in explanation.parts
    ]


DISPATCH = "stock.dispatched.v1"

CASES: dict[str, tuple[Case, list[tuple[str, str, int, list[int]]]]] = {
    "the last sale is not there yet": (
        case(103, change(80, -3, -5), change(70, -2, -300)),
        [("in_flight", "not_seen", 3, [80])],
    ),
    "the last two are not there yet": (
        case(105, change(80, -3, -5), change(70, -2, -9), change(60, -7, -300)),
        [("in_flight", "not_seen", 5, [70, 80])],
    ),
    "a receipt of a moment later is there already": (
        case(110, change(80, 10, 3)),
        [("in_flight", "seen_early", 10, [80])],
    ),
    "one near the moment, not the last": (
        case(107, change(80, -3, -5), change(70, -7, -9)),
        [("in_flight", "not_seen", 7, [70])],
    ),
    "one not seen and one seen early": (
        case(117, change(80, -7, -5), change(75, -2, -1), change(85, 10, 5)),
        [("in_flight", "not_seen", 7, [80]), ("in_flight", "seen_early", 10, [85])],
    ),
    "what is on its way counts as there": (
        case(105, ways=(change(50, 5, -4_000, transfer_id="t-1"),)),
        [("in_flight", "on_its_way", 5, [50])],
    ),
    "what has left is still there": (
        case(105, change(50, -5, -4_000, type=DISPATCH, transfer_id="t-1", under_way=True)),
        [("in_flight", "not_seen", 5, [50])],
    ),
    "what has left and arrived was never noticed": (
        case(105, change(50, -5, -4_000, type=DISPATCH, transfer_id="t-1")),
        [("duplicate", "missed", 5, [50])],
    ),
    "recorded after the other's cut": (
        case(104, change(95, -4, -300)),
        [("late", "not_seen", 4, [95])],
    ),
    "all that was recorded after the other's cut": (
        case(105, change(95, -4, -300), change(93, -1, -700)),
        [("late", "not_seen", 5, [93, 95])],
    ),
    "recorded after what ours knows": (
        case(96, change(101, -4, -300)),
        [("late", "seen_early", -4, [101])],
    ),
    "out of order in a ledger that was begun after the cut": (
        case(104, change(50, -4, -300, out_of_order=True), change(49, -2, -300), cut=0),
        [("late", "not_seen", 4, [50])],
    ),
    "another moment, known at another position": (
        case(107, change(80, -3, -5), change(95, -4, -300)),
        [("in_flight", "not_seen", 3, [80]), ("late", "not_seen", 4, [95])],
    ),
    "ours has it twice": (
        case(103, change(50, -3, -300, reference="A"), change(60, -3, -290, reference="A")),
        [("duplicate", "recorded_twice", 3, [50, 60])],
    ),
    "theirs has it twice": (
        case(97, change(50, -3, -300), change(60, -7, -200)),
        [("duplicate", "applied_twice", -3, [50])],
    ),
    "theirs never got it": (
        case(103, change(50, -3, -300), change(60, -7, -200)),
        [("duplicate", "missed", 3, [50])],
    ),
    "nothing comes to it": (case(111, change(80, -3, -5), change(50, -7, -300)), []),
    "nothing happened at all": (case(99), []),
}


@pytest.mark.parametrize("name", CASES)
def test_a_variance_has_the_class_of_its_events(name: str) -> None:
    """The right word, the right events, and no more than the variance."""
    given, wanted = CASES[name]
    found = explain(given)

    assert wanted == told(found)
    assert (wanted[0][0] if wanted else "unknown") == found.kind
    assert given.variance == found.unexplained + sum(part.quantity for part in found.parts)


@pytest.mark.parametrize(
    ("given", "winner"),
    [
        # The same reference twice says more than that one of them came last.
        (
            case(103, change(80, -3, -5, reference="A"), change(70, -3, -9, reference="A")),
            ("duplicate", "recorded_twice"),
        ),
        # That ours did not know it either is a fact; that it was near the moment is a guess.
        (case(103, change(95, -3, -5)), ("late", "not_seen")),
        # Near the moment before far away.
        (case(103, change(80, -3, -5), change(50, -3, -300)), ("in_flight", "not_seen")),
        # A run that ends at a cut before single movements picked out of it.
        (
            case(105, change(80, -2, -1), change(79, -3, -2), change(78, -5, -3)),
            ("in_flight", "not_seen"),
        ),
        # Two sales with one reference but of different quantities are two sales.
        (
            case(103, change(50, -3, -300, reference="A"), change(60, -4, -290, reference="A")),
            ("duplicate", "missed"),
        ),
    ],
)
def test_the_order_of_precedence_decides(given: Case, winner: tuple[str, str]) -> None:
    """Two explanations may both be possible; the same one is always given."""
    (first, *_) = explain(given).parts

    assert winner == (first.kind, first.role)


def test_a_run_is_preferred_to_the_movement_of_the_same_size_behind_it() -> None:
    """The other system's cut explains what lies before it as a whole."""
    found = explain(case(105, change(80, -2, -1), change(79, -3, -2), change(78, -5, -3)))

    assert [("in_flight", "not_seen", 5, [79, 80])] == told(found)


def test_within_a_tolerance_the_rest_stays_unexplained() -> None:
    """Two units of shrinkage do not hide a late delivery of forty, and are not hidden by it."""
    found = explain(case(58, change(95, 40, -300)), tolerance=2)

    assert [("late", "not_seen", -40, [95])] == told(found)
    assert -2 == found.unexplained


def test_an_exact_explanation_beats_one_within_the_tolerance() -> None:
    """A tolerance never changes what can be said exactly."""
    given = case(96, change(101, -3, -300), change(50, -4, -700))

    assert "duplicate" == explain(given, tolerance=1).kind
    assert "applied_twice" == explain(given, tolerance=1).parts[0].role


def test_a_key_the_other_list_lacks_is_not_a_duplicate() -> None:
    """It may not have begun there yet; else nobody knows why it is missing."""
    opened = change(50, 100, -300)
    new = change(80, 100, -5)

    assert "unknown" == explain(case(0, opened, missing=True)).kind
    assert "in_flight" == explain(case(0, new, missing=True)).kind


def test_the_answer_does_not_depend_on_the_order_of_the_events() -> None:
    """They come from a set-based question."""
    events = [change(80, -3, -5), change(70, -2, -9), change(95, -4, -300), change(60, -7, -40)]
    answers = {str(explain(case(105 + n, *events))) for n in range(8)}

    assert answers == {str(explain(case(105 + n, *reversed(events)))) for n in range(8)}
