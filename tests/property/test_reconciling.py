"""Whatever happened around a moment: an explanation is exact, honest and always the same."""

from hypothesis import given
from hypothesis import strategies as st

from projections.reconciliations.classify import Case, Change, Explanation, explain

AT = 1_000
KNOWN = 60

changes = st.lists(
    st.builds(
        Change,
        position=st.integers(1, 80),
        occurred_at=st.integers(0, 2_000),
        recorded_at=st.integers(0, 9_000),
        delta=st.integers(-6, 6).filter(bool),
        type=st.sampled_from(("stock.sold.v1", "stock.received.v1", "stock.dispatched.v1")),
        reference=st.sampled_from((None, "A", "B")),
        out_of_order=st.booleans(),
        under_way=st.booleans(),
    ),
    max_size=12,
    unique_by=lambda one: one.position,
).map(tuple)
ways = st.lists(
    st.builds(
        Change,
        position=st.integers(81, 99),
        occurred_at=st.integers(0, AT),
        recorded_at=st.just(0),
        delta=st.integers(1, 6),
        type=st.just("stock.dispatched.v1"),
        transfer_id=st.just("t-1"),
    ),
    max_size=2,
    unique_by=lambda one: one.position,
).map(tuple)
cases = st.builds(
    Case,
    theirs=st.integers(-30, 30),
    ours=st.integers(-30, 30),
    as_of=st.just(AT),
    known=st.just(KNOWN),
    cut=st.sampled_from((0, 30, KNOWN)),
    window=st.sampled_from((0, 300, 2_000)),
    changes=changes,
    ways=ways,
    missing=st.booleans(),
).filter(lambda case: case.variance != 0)


@given(case=cases, tolerance=st.integers(0, 3))
def test_an_explanation_adds_up(case: Case, tolerance: int) -> None:
    """To the variance, and each of its parts to what its movements did."""
    found = explain(case, tolerance)

    assert case.variance == found.unexplained + sum(part.quantity for part in found.parts)
    if not found.parts:
        assert ("unknown", case.variance) == (found.kind, found.unexplained)
        return
    assert found.kind == found.parts[0].kind
    assert abs(found.unexplained) <= tolerance
    for part in found.parts:
        total = sum(one.delta for one in part.changes)
        sign = 1 if part.role in ("seen_early", "on_its_way", "applied_twice") else -1
        if part.role == "recorded_twice":  # All of them are shown, and all but one are too many.
            assert 0 == part.quantity % part.changes[0].delta
            assert len({(one.type, one.reference, one.delta) for one in part.changes}) == 1
        else:
            assert sign * total == part.quantity


@given(case=cases)
def test_what_is_counted_as_seen_or_not_lies_on_its_side_of_the_cut(case: Case) -> None:
    """Nothing ours does not count was missed, and nothing it counts was seen early."""
    for part in explain(case).parts:
        for one in part.changes:
            counted = one.occurred_at <= AT and one.position <= KNOWN
            assert counted is (part.role != "seen_early") or part.role == "on_its_way"


@given(case=cases, tolerance=st.integers(0, 3), data=st.data())
def test_the_order_of_the_events_changes_nothing(
    case: Case, tolerance: int, data: st.DataObject
) -> None:
    """They come from a set-based question, in any order."""
    order = data.draw(st.permutations(case.changes))
    again = Case(
        **{name: getattr(case, name) for name in case.__struct_fields__} | {"changes": tuple(order)}
    )

    assert explain(case, tolerance) == explain(again, tolerance)


@given(case=cases)
def test_an_exact_explanation_is_found_without_a_tolerance(case: Case) -> None:
    """A tolerance only helps where nothing comes to the variance itself."""
    exact = explain(case)
    if exact.parts:
        assert exact == explain(case, 3)


def test_the_properties_can_fail() -> None:
    """A control: an explanation that leaves something out does not add up."""
    sold = Change(position=1, occurred_at=AT - 1, recorded_at=0, delta=-3, type="stock.sold.v1")
    case = Case(theirs=5, ours=2, as_of=AT, known=KNOWN, cut=0, window=9, changes=(sold,))
    wrong = Explanation("in_flight", (), 0)

    assert case.variance != wrong.unexplained
    assert ("in_flight", 0) == (explain(case).kind, explain(case).unexplained)
