"""What a channel may be told: every number by hand, then any number against a slow reading."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.domain.availability import (
    Rulebook,
    Shelf,
    Sku,
    ats,
    band_of,
    closest,
)
from ledger.domain.events import (
    Buffer,
    Cap,
    ChannelRules,
    Rounding,
    SafetyStock,
    StalenessBand,
)
from tests.support.channels import rules
from tests.support.shares import rule_for, slowly

MUG = Sku("MUG", "A", {"case": 12, "box": 4})
AMS, NYC = "ams-1", "nyc-2"


def _shelf(sellable: int, location: str = AMS, **fields: int) -> Shelf:
    return Shelf(location, sellable, **fields)


# --- by hand ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_rules", "shelves", "expected"),
    [
        ({}, [], 0),
        ({}, [_shelf(10)], 10),
        ({}, [_shelf(10, reserved=3)], 7),
        ({}, [_shelf(10, fenced_others=4)], 6),
        ({}, [_shelf(10, fenced_own=4)], 10),
        ({}, [_shelf(-5), _shelf(3, NYC)], 3),
        ({}, [_shelf(2, reserved=4, backorder_limit=9)], 0),
        # Safety stock first, then the buffer of what is left; each location by itself.
        ({"safety_stock": [{"units": 2}]}, [_shelf(10), _shelf(1, NYC)], 8),
        ({"buffers": [{"units": 2}]}, [_shelf(10), _shelf(5, NYC)], 11),
        ({"buffers": [{"basis_points": 1_000}]}, [_shelf(15)], 13),
        ({"buffers": [{"basis_points": 1_000}]}, [_shelf(1)], 0),
        ({"buffers": [{"basis_points": 10_000}]}, [_shelf(99)], 0),
        ({"buffers": [{"units": 1, "basis_points": 5_000}]}, [_shelf(7)], 2),
        (
            {"safety_stock": [{"units": 5}], "buffers": [{"basis_points": 1_000}]},
            [_shelf(26)],
            18,
        ),
        # The closest rule counts, and only that one.
        (
            {"safety_stock": [{"units": 9}, {"units": 1, "sku": "MUG"}]},
            [_shelf(10), _shelf(10, NYC)],
            18,
        ),
        (
            {"safety_stock": [{"units": 9, "location": AMS}, {"units": 1, "sku_class": "A"}]},
            [_shelf(10), _shelf(10, NYC)],
            10,
        ),
        ({"safety_stock": [{"units": 9, "sku": "LAMP"}]}, [_shelf(10)], 10),
        # Caps, then packs.
        ({"caps": [{"units": 5}]}, [_shelf(10)], 5),
        ({"caps": [{"units": 0}]}, [_shelf(10)], 0),
        ({"rounding": [{"units": 4}]}, [_shelf(11)], 8),
        ({"rounding": [{"pack": "case"}]}, [_shelf(35)], 24),
        ({"rounding": [{"pack": "pallet"}]}, [_shelf(35)], 0),
        ({"caps": [{"units": 30}], "rounding": [{"pack": "case"}]}, [_shelf(99)], 24),
        # Backorder units: as many as the channel may have, as far as locations promise any.
        ({"backorder_limit": 5}, [_shelf(10)], 10),
        ({"backorder_limit": 5}, [_shelf(10, backorder_limit=3)], 13),
        ({"backorder_limit": 5}, [_shelf(10, backorder_limit=9)], 15),
        ({"backorder_limit": 5}, [_shelf(0, reserved=2, backorder_limit=4)], 2),
        (
            {"backorder_limit": 5},
            [_shelf(1, backorder_limit=4), _shelf(1, NYC, backorder_limit=4)],
            7,
        ),
        ({"backorder_limit": 5, "safety_stock": [{"units": 3}]}, [_shelf(1, backorder_limit=9)], 5),
        # What is set aside for it, and nothing else.
        ({"only_fenced": True}, [_shelf(10, fenced_own=4)], 4),
        ({"only_fenced": True}, [_shelf(3, fenced_own=4)], 3),
        ({"only_fenced": True, "backorder_limit": 9}, [_shelf(3, backorder_limit=9)], 0),
    ],
)
def test_a_number_by_its_rules(
    given_rules: dict[str, Any], shelves: list[Shelf], expected: int
) -> None:
    """Each rule alone, and those that meet."""
    assert expected == ats(MUG, shelves, rules(**given_rules)).ats


@pytest.mark.parametrize(
    ("band", "shelves", "total", "by_location"),
    [
        (None, (10, 5), 15, (10, 5)),
        (StalenessBand(from_s=60, units=3), (10, 5), 12, (7, 2)),
        (StalenessBand(from_s=60, basis_points=2_500), (10, 5), 11, (7, 3)),
        (StalenessBand(from_s=60, units=99), (10, 5), 0, (0, 0)),
    ],
)
def test_staleness_is_kept_back_once(
    band: StalenessBand | None, shelves: tuple[int, int], total: int, by_location: tuple[int, int]
) -> None:
    """Of the whole number where that is told, of each part where parts are told."""
    stock = [_shelf(shelves[0]), _shelf(shelves[1], NYC)]

    found = ats(MUG, stock, ChannelRules(), band)

    assert (total, by_location) == (found.ats, tuple(part.told for part in found.shares))


def test_a_derivation_says_every_step() -> None:
    """Whoever adds it up comes to the number."""
    shelf = _shelf(40, reserved=5, fenced_others=3, backorder_limit=2)
    by = rules(
        safety_stock=[{"units": 4}],
        buffers=[{"units": 1, "basis_points": 1_000}],
        caps=[{"units": 20}],
        rounding=[{"pack": "box"}],
        backorder_limit=2,
    )

    found = ats(MUG, [shelf], by, StalenessBand(from_s=60, units=2))

    (part,) = found.shares
    assert (32, 4, 4, 2, 26) == (
        part.free,
        part.safety_stock,
        part.buffer,
        part.backorder,
        part.share,
    )
    assert (26, 2, 20, 4, 20) == (
        found.shared,
        found.staleness_buffer,
        found.cap,
        found.multiple,
        found.ats,
    )


@pytest.mark.parametrize(
    ("measured_s", "expected"),
    [(0, None), (59, None), (60, 60), (299, 60), (300, 300), (9_999, 300)],
)
def test_a_band_begins_at_its_second(measured_s: int, expected: int | None) -> None:
    """Below the first there is none, above the last there is the last."""
    bands = rules(staleness=[{"from_s": 300, "units": 2}, {"from_s": 60, "units": 1}])

    band = band_of(bands, measured_s)

    assert expected == (None if band is None else band.from_s)


# --- any number ---------------------------------------------------------------------------------

_units = st.integers(0, 30)
_shares = st.integers(0, 10_000)
_codes = {
    "sku": st.sampled_from((None, "MUG", "LAMP")),
    "sku_class": st.sampled_from((None, "A", "B")),
    "location": st.sampled_from((None, AMS, NYC)),
}


def _unlike(rule: Any) -> tuple[Any, ...]:
    return rule.sku, rule.sku_class, rule.location


def _kinds(kind: type, *, located: bool, **fields: st.SearchStrategy[Any]) -> Any:
    """Rules of one kind, as a definition lets them through: no two for the same."""
    scope = {name: code for name, code in _codes.items() if located or name != "location"}
    one = st.builds(kind, **scope, **fields).filter(lambda r: r.sku is None or r.sku_class is None)
    return st.lists(one, max_size=4, unique_by=_unlike).map(tuple)


_rules = st.builds(
    ChannelRules,
    safety_stock=_kinds(SafetyStock, located=True, units=_units),
    buffers=_kinds(Buffer, located=True, units=_units, basis_points=_shares),
    caps=_kinds(Cap, located=False, units=_units),
    rounding=_kinds(
        Rounding,
        located=False,
        units=st.integers(1, 7),
        pack=st.sampled_from((None, None, "box", "pallet")),
    ),
    backorder_limit=_units,
    only_fenced=st.booleans(),
)
_bands = st.none() | st.builds(
    StalenessBand, from_s=st.just(60), units=_units, basis_points=_shares
)
_places = st.builds(
    Shelf,
    st.sampled_from((AMS, NYC, "rtm-3")),
    st.integers(-10, 60),
    reserved=_units,
    fenced_own=_units,
    fenced_others=_units,
    backorder_limit=_units,
)
_shelves = st.lists(_places, max_size=3, unique_by=lambda shelf: shelf.location)
_skus = st.builds(
    Sku, st.sampled_from(("MUG", "LAMP", "CHAIR")), _codes["sku_class"], st.just({"box": 4})
)


@given(_skus, _shelves, _rules, _bands)
@example(MUG, [_shelf(1)], rules(buffers=[{"basis_points": 1}]), None)
def test_a_number_is_the_largest_that_no_rule_forbids(
    sku: Sku, shelves: list[Shelf], by: ChannelRules, band: StalenessBand | None
) -> None:
    """The same as trying every number from the top down, in fractions; whole and by location."""
    found = ats(sku, shelves, by, band)

    assert slowly(sku, shelves, by, band) == (found.ats, [part.told for part in found.shares])


@given(_skus, _shelves, _rules, _bands)
def test_no_number_is_above_what_is_free(
    sku: Sku, shelves: list[Shelf], by: ChannelRules, band: StalenessBand | None
) -> None:
    """Of each location, and in all; the whole is never more than its parts."""
    found = ats(sku, shelves, by, band)

    for shelf, part in zip(shelves, found.shares, strict=True):
        promised = shelf.sellable - shelf.reserved - shelf.fenced_others + shelf.backorder_limit
        assert 0 <= part.told <= part.share <= max(0, promised)
    there = sum(max(0, part.free) for part in found.shares)
    assert 0 <= found.ats <= found.shared <= sum(part.share for part in found.shares)
    assert found.ats <= there + by.backorder_limit


@given(_skus, _shelves, _rules, _bands, st.randoms(use_true_random=False))
def test_a_number_does_not_depend_on_any_order(
    sku: Sku, shelves: list[Shelf], by: ChannelRules, band: StalenessBand | None, random: Any
) -> None:
    """Of locations or of rules; and a book of rules says what the rules say."""
    other = shelves[:]
    random.shuffle(other)
    turned = replace(by, safety_stock=by.safety_stock[::-1], buffers=by.buffers[::-1])

    first = ats(sku, shelves, by, band)

    assert first == ats(sku, shelves, Rulebook.of(turned), band)
    again = ats(sku, other, by, band)
    assert (first.ats, set(first.shares)) == (again.ats, set(again.shares))


@given(_skus, _shelves, _rules, _bands, st.data())
def test_keeping_more_back_never_tells_more(
    sku: Sku, shelves: list[Shelf], by: ChannelRules, band: StalenessBand | None, data: Any
) -> None:
    """More safety stock, buffer or staleness, lower caps, fewer backorder units."""
    more = data.draw(_units)
    less = replace(
        by,
        safety_stock=tuple(replace(r, units=r.units + more) for r in by.safety_stock),
        buffers=tuple(
            replace(r, units=r.units + more, basis_points=min(10_000, r.basis_points + 100 * more))
            for r in by.buffers
        ),
        caps=tuple(replace(r, units=max(0, r.units - more)) for r in by.caps),
        backorder_limit=max(0, by.backorder_limit - more),
    )
    staler = StalenessBand(from_s=60) if band is None else band
    staler = replace(
        staler,
        units=staler.units + more,
        basis_points=min(10_000, staler.basis_points + 100 * more),
    )

    before = ats(sku, shelves, by, band)
    for kept in (ats(sku, shelves, less, band), ats(sku, shelves, by, staler)):
        assert kept.ats <= before.ats
        for was, now in zip(before.shares, kept.shares, strict=True):
            assert now.told <= was.told


@given(_skus, _shelves.filter(bool), _rules, _bands, st.data())
def test_more_stock_never_tells_less(
    sku: Sku, shelves: list[Shelf], by: ChannelRules, band: StalenessBand | None, data: Any
) -> None:
    """A receipt, a hold that ran out, a fence given back: whatever is more at one location."""
    place = data.draw(st.sampled_from(range(len(shelves))))
    name = data.draw(st.sampled_from(("sellable", "backorder_limit", "fenced_own")))
    grown = replace(shelves[place], **{name: getattr(shelves[place], name) + data.draw(_units)})
    after = [*shelves[:place], grown, *shelves[place + 1 :]]

    assert ats(sku, shelves, by, band).ats <= ats(sku, after, by, band).ats


@given(_skus, _kinds(SafetyStock, located=True, units=_units), _codes["location"])
def test_the_closest_rule_counts(
    sku: Sku, given_rules: tuple[SafetyStock, ...], location: str | None
) -> None:
    """SKU at location, SKU, class at location, location, class, everything."""
    book = Rulebook.of(ChannelRules(safety_stock=given_rules)).safety_stock

    assert rule_for(given_rules, sku, location) == closest(book, sku, location)
