"""One SKU's past, seen late and by other rules: each case a story of a few lines."""

from collections.abc import Sequence
from typing import Any

import pytest

from ledger.domain.availability import Sku
from ledger.domain.events import (
    Buffer,
    Cap,
    ChannelDefined,
    ChannelRules,
    HoldFulfilled,
    LocationDefined,
    SaleVoided,
    StockCorrected,
    StockSold,
)
from ledger.recorded import Body, Meta
from projections.what_if.answers import Seen, Tally
from projections.what_if.policies import Network, Otherwise, State
from projections.what_if.sweep import Fenced, Happened, Held, Sold, Sweep, Terms
from projections.what_if.voids import Restated, net_units

MINUTE = 60_000_000
LATE = 30
AMS, NYC = 0, 1
MUG = Sku("MUG")


def received(minute: int, units: int, place: int = AMS) -> Happened:
    return minute * MINUTE, place, units, 0, None


def sold(minute: int, units: int, *, ours: bool = True, short: int = 0) -> Happened:
    return minute * MINUTE, AMS, -units, 0, Sold(units, ours, short)


def held(minute: int, units: int, promise: str = "order-1", place: int = AMS) -> Happened:
    return minute * MINUTE, place, 0, units, Held(promise, units, ours=True, begins=units > 0)


def fulfilled(minute: int, units: int, promise: str = "order-1", place: int = AMS) -> Happened:
    return minute * MINUTE, place, -units, -units, Sold(units, True, held_by=promise)


def fenced(minute: int, own: int, others: int, limit: int | None = None) -> Happened:
    return minute * MINUTE, AMS, 0, 0, Fenced(own, others, limit)


def defined(at: int = 0, rules: ChannelRules | None = None, **fed: Any) -> ChannelDefined:
    fed = fed or {"locations": ("ams-1", "nyc-2")}
    return ChannelDefined(occurred_at=at, channel="web", rules=rules or ChannelRules(), **fed)


def swept(
    rows: Sequence[Happened],
    rules: ChannelRules | None = None,
    *,
    definitions: Sequence[ChannelDefined] = (),
    late: int = LATE,
    since: int = 0,
    start: int = 0,
    **terms: Any,
) -> Tally:
    """What becomes of a story, under other rules and under the actual ones."""
    network = Network(1, list(definitions) or [defined()], {})
    about = Terms(
        since=since * MINUTE,
        until=1_000 * MINUTE,
        what_if=network.side(late * 60, Otherwise(rules=rules or ChannelRules())),
        actual=network.side(terms.pop("actual_late", late) * 60, Otherwise()),
        **terms,
    )
    sweep = Sweep(about, MUG, [State("ams-1", start), State("nyc-2")])
    sweep.take(rows)
    return sweep.whole


@pytest.mark.parametrize(
    ("rows", "late", "lost"),
    [
        ([received(0, 5), sold(30, 5)], 30, 0),
        ([received(0, 5), sold(29, 5)], 30, 5),
        ([received(0, 5), sold(30, 6)], 30, 1),
        ([received(0, 5), sold(0, 5)], 0, 0),
        ([received(0, 5), sold(0, 3), sold(0, 3)], 0, 1),
        ([received(0, 5), sold(40, 3), sold(60, 3)], 30, 0),
        ([received(0, 5), sold(40, 3), sold(70, 3)], 30, 1),
        ([received(0, 5), sold(40, 9), received(50, 9), sold(75, 1)], 30, 5),
        ([received(0, 5), sold(40, 9), received(50, 9), sold(80, 1)], 30, 4),
        ([received(0, 2), received(0, 3, NYC), sold(40, 5)], 30, 0),
        ([received(0, 5), sold(40, 5, ours=False), sold(50, 4), sold(80, 1)], 30, 1),
    ],
)
def test_units_above_what_was_seen_are_lost(rows: list[Happened], late: int, lost: int) -> None:
    """What had happened so long before, all of it, and nothing since; each sale by itself."""
    assert lost == swept(rows, late=late).what_if.sales_lost


def test_recorded_sales_stay_as_they_are() -> None:
    """A sale that would have been lost leaves nothing behind for later ones."""
    rows = [received(0, 5), sold(10, 5), sold(50, 1)]

    tally = swept(rows)

    assert Seen(sales_lost=6, sales_cut=2) == tally.what_if
    assert (2, 6, 0) == (tally.sales, tally.units, tally.oversells)


def test_the_rules_of_the_time_stand_beside_the_others() -> None:
    """By the definition in force at the instant that is seen; before the first one, by that."""
    definitions = [defined(20 * MINUTE), defined(60 * MINUTE, ChannelRules(caps=(Cap(units=2),)))]
    rows = [received(0, 9), sold(35, 3), sold(89, 3), sold(90, 3)]

    tally = swept(rows, ChannelRules(buffers=(Buffer(units=7),)), definitions=definitions)

    assert Seen(sales_lost=1 + 3 + 3, sales_cut=3) == tally.what_if
    assert Seen(sales_lost=1, sales_cut=1) == tally.actual


def test_both_ways_may_be_late_in_their_own_measure() -> None:
    """Each has its own past."""
    rows = [received(0, 5), sold(10, 5), sold(20, 1)]

    tally = swept(rows, late=30, actual_late=0)

    assert (6, 1) == (tally.what_if.sales_lost, tally.actual.sales_lost)


@pytest.mark.parametrize(
    ("units", "short", "prevented"), [(5, 2, True), (5, 3, False), (3, 3, False), (9, 6, True)]
)
def test_an_oversell_is_prevented_by_as_many_lost_units_as_it_was_short_by(
    units: int, short: int, prevented: bool
) -> None:
    """One unit less would have left the conflict there, smaller."""
    rows = [received(0, 3), sold(40, units, short=short)]

    tally = swept(rows)

    assert 1 == tally.oversells
    assert (prevented, not prevented) == (
        tally.what_if.oversells_prevented,
        tally.what_if.oversells_left,
    )


def test_a_promise_is_judged_by_what_was_seen_when_it_was_made() -> None:
    """Its own hold never counts against it, nor what others took since."""
    rows = [received(0, 3), held(40, 3), sold(50, 3, ours=False), fulfilled(90, 2)]
    later = [*rows, fulfilled(95, 1)]

    assert 0 == swept(later).what_if.sales_lost
    assert 1 == swept(later, ChannelRules(caps=(Cap(units=2),))).what_if.sales_lost
    assert 0 == swept(rows, ChannelRules(caps=(Cap(units=2),))).what_if.sales_lost
    assert 5 == swept(later).units - swept([sold(40, 1)]).units + 3


def test_a_promise_that_moves_stays_the_same_one() -> None:
    """Held elsewhere from one instant on, it was still made when it was made."""
    moved = [held(45, -3), held(45, 3, place=NYC), fulfilled(90, 3, place=NYC)]

    assert 0 == swept([received(0, 3), held(40, 3), *moved]).what_if.sales_lost


def test_a_name_that_is_used_again_is_another_promise() -> None:
    """Of what is released in full nothing is remembered."""
    rows = [received(0, 3), held(40, 3), held(50, -3), sold(55, 3), held(90, 3), fulfilled(91, 3)]

    assert 3 == swept(rows).what_if.sales_lost


def test_what_was_promised_before_the_interval_is_never_lost() -> None:
    """What the channel saw then lies outside; the units are counted by themselves."""
    rows = [held(10, 2), fulfilled(70, 2), fulfilled(80, 1, "order-0")]

    tally = swept(rows, since=60)

    assert (2, 3, 3, Seen()) == (tally.sales, tally.units, tally.units_held_before, tally.what_if)
    moved = [held(70, -2, "order-0"), held(70, 2, "order-0", NYC), fulfilled(80, 2, "order-0", NYC)]
    assert 2 == swept(moved, since=60).units_held_before


def test_only_sales_of_the_interval_count() -> None:
    """Those before it are known to it as what they left."""
    rows = [sold(20, 4), sold(60, 3)]

    tally = swept(rows, since=60, start=5)

    assert (1, 3, 2) == (tally.sales, tally.units, tally.what_if.sales_lost)


def test_a_channel_may_know_what_it_took_itself() -> None:
    """Sales and promises since the instant that is seen, for as long as they are not seen."""
    rows = [received(0, 9), sold(40, 3), held(45, 4), held(50, -1), sold(55, 3), sold(76, 1)]

    assert (0, 1) == tuple(
        swept(rows, own_known=known).what_if.sales_lost for known in (False, True)
    )
    promised = [received(0, 3), held(40, 3), fulfilled(90, 3)]
    assert 0 == swept(promised, own_known=True).what_if.sales_lost
    given_back = [*rows[:-1], held(60, -1), sold(76, 1)]
    assert 0 == swept(given_back, own_known=True).what_if.sales_lost


def test_fences_and_limits_are_seen_when_they_are_due() -> None:
    """Like anything else that happens to a stock."""
    rows = [received(0, 9), fenced(10, 2, 4, 1), sold(39, 9), received(39, 9), sold(70, 9)]

    tally = swept(rows, ChannelRules(backorder_limit=5))

    assert 9 - (9 - 4 + 1) == tally.what_if.sales_lost


def test_who_names_locations_names_all() -> None:
    """Kinds and tags of the channel's definition no longer feed it then."""
    places = {
        name: LocationDefined(occurred_at=0, location=name, kind=kind)
        for name, kind in (("ams-1", "store"), ("nyc-2", "warehouse"))
    }
    network = Network(1, [defined(kinds=("store",))], places)

    assert {"ams-1"} == network.side(0, Otherwise()).feeds
    assert {"nyc-2"} == network.side(0, Otherwise(locations=("nyc-2",))).feeds


META = Meta(
    instant=1, actor="key:till", source="pos", reason="x", correlation_id="1", command_id="c"
)


def _told(position: int, kind: type, movement: str, **fields: Any) -> Restated:
    meta = Meta(**{n: getattr(META, n) for n in META.__struct_fields__} | {"movement_id": movement})
    where = {"occurred_at": 5, "effective_at": 5, "sku": "MUG", "location": "ams-1"}
    return Restated(0, 5, position, Body(meta, kind(**where, **fields)))


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ([(3, SaleVoided, "v", {"of": "s", "quantity": 2})], {1: 3}),
        ([(3, SaleVoided, "v", {"of": "other", "quantity": 2})], {}),
        (
            [
                (3, SaleVoided, "v", {"of": "s", "quantity": 2}),
                (4, SaleVoided, "w", {"of": "s", "quantity": 3}),
            ],
            {1: 0},
        ),
        (
            [
                (3, SaleVoided, "v", {"of": "s", "quantity": 2}),
                (
                    4,
                    StockCorrected,
                    "c",
                    {"of": "v", "quantity": -1, "from_bucket": "customer", "to_bucket": "sellable"},
                ),
            ],
            {1: 4},
        ),
        (
            [
                (
                    4,
                    StockCorrected,
                    "c",
                    {"of": "s", "quantity": 3, "from_bucket": "sellable", "to_bucket": "customer"},
                )
            ],
            {1: 8},
        ),
    ],
)
def test_what_was_voided_or_corrected_of_a_sale_is_not_of_it(
    after: list[tuple[int, type, str, dict[str, Any]]], expected: dict[int, int]
) -> None:
    """A void is of a sale, and a correction of a sale or of a void."""
    told = [_told(1, StockSold, "s", quantity=5)]
    told += [_told(position, kind, name, **fields) for position, kind, name, fields in after]

    assert expected == net_units(told)


def test_of_a_sale_in_two_parts_the_last_is_voided_first() -> None:
    """What left beyond its hold goes back before what was held."""
    told = [
        _told(1, HoldFulfilled, "s", quantity=3, reservation_id="order-1"),
        _told(2, StockSold, "s", quantity=2, reservation_id="order-1"),
        _told(3, SaleVoided, "v", of="s", quantity=4),
    ]

    assert {1: 1, 2: 0} == net_units(told)
