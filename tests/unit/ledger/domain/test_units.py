"""Quantities in the words of their reporters, counted in smallest units: exactly or not at all."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.events import Pack
from ledger.domain.refusals import InexactUnit, Malformed
from ledger.domain.units import UNDEFINED, Stated, Units, decimal, factors_of
from ledger.domain.values import QUANTITY_MAX

MUG = Units("each", 0, factors_of("each", 0, [Pack(name="case", factor=12)]))
FLOUR = Units("kg", 3, factors_of("kg", 3, [Pack(name="sack", factor=25)]))
PIN = Units(
    "each",
    0,
    factors_of(
        "each",
        0,
        [
            Pack(name="pallet", factor=40, of="box"),
            Pack(name="box", factor=4, of="case"),
            Pack(name="case", factor=12),
        ],
    ),
)


def _count(units: Units, amount: str, uom: str | None = None) -> int:
    return units.count(Stated(field="quantity", amount=amount, uom=uom), "MUG", "$.quantity")


@pytest.mark.parametrize(
    ("units", "amount", "uom", "smallest"),
    [
        (MUG, "5", None, 5),
        (MUG, "5.000", None, 5),
        (MUG, "5", "each", 5),
        (MUG, "2", "case", 24),
        (MUG, "0.5", "case", 6),
        (MUG, "-3", "case", -36),
        (PIN, "1", "box", 48),
        (PIN, "2", "pallet", 3_840),
        (PIN, "0.25", "box", 12),
        (FLOUR, "1.25", None, 1_250),
        (FLOUR, "1.25", "kg", 1_250),
        (FLOUR, "-0.001", "kg", -1),
        (FLOUR, "0.5", "sack", 12_500),
        (FLOUR, "0.00004", "sack", 1),
        (MUG, str(QUANTITY_MAX), None, QUANTITY_MAX),
        (FLOUR, "1000000000", "kg", QUANTITY_MAX),
    ],
)
def test_a_quantity_that_fits_is_counted_in_smallest_units(
    units: Units, amount: str, uom: str | None, smallest: int
) -> None:
    """Packs multiply, decimals shift, and nothing is rounded on the way."""
    assert smallest == _count(units, amount, uom)


@pytest.mark.parametrize(
    ("units", "amount", "uom", "lost"),
    [
        (MUG, "1.5", None, "0.5"),
        (MUG, "0.3", "case", "0.6"),
        (FLOUR, "1.2345", "kg", "0.0005"),
        (FLOUR, "0.00001", "sack", "0.00025"),
        (MUG, "1", "pallet", None),
        (UNDEFINED, "1", "case", None),
        (MUG, "1", "CASE", None),
    ],
)
def test_a_quantity_that_does_not_fit_is_refused_with_what_would_be_lost(
    units: Units, amount: str, uom: str | None, lost: str | None
) -> None:
    """The refusal says path, quantity, unit and loss; a unit of another SKU loses everything."""
    with pytest.raises(InexactUnit) as refused:
        _count(units, amount, uom)

    assert {
        "path": "$.quantity",
        "sku": "MUG",
        "quantity": amount,
        "uom": uom or units.base_unit,
        "lost": lost,
    } == refused.value.facts()


@pytest.mark.parametrize(
    ("units", "amount", "uom"),
    [
        (MUG, str(QUANTITY_MAX + 1), None),
        (MUG, str(2**63 - 1), None),
        (MUG, str(2**63), "case"),
        (FLOUR, "1000000000.001", "kg"),
        (FLOUR, str(2**63), "sack"),
        (UNDEFINED, "1", None),
        (UNDEFINED, "1.5", None),
    ],
)
def test_a_quantity_beyond_every_stock_or_of_nothing_defined_is_malformed(
    units: Units, amount: str, uom: str | None
) -> None:
    """Integers of Python do not overflow, columns of 64 bits would; decimals need a definition."""
    with pytest.raises(Malformed):
        _count(units, amount, uom)


@pytest.mark.parametrize(
    "packs",
    [
        [Pack(name="box", factor=4, of="box")],
        [Pack(name="box", factor=4, of="case"), Pack(name="case", factor=2, of="box")],
        [Pack(name="box", factor=4, of="carton")],
        [Pack(name="each", factor=4)],
        [Pack(name="box", factor=QUANTITY_MAX, of="case"), Pack(name="case", factor=2)],
    ],
)
def test_packs_that_make_no_sense_are_malformed(packs: list[Pack]) -> None:
    """A pack holds a whole number of something smaller that is known, and fits into a quantity."""
    with pytest.raises(Malformed):
        factors_of("each", 0, packs)


_scales = st.integers(0, 6)
_factors = st.integers(1, 1_000)


@given(
    amount=st.decimals(-(10**6), 10**6, places=8, allow_nan=False),
    scale=_scales,
    outer=_factors,
    inner=_factors,
)
def test_a_conversion_is_exact_or_refused_with_exactly_what_is_missing(
    amount: Decimal, scale: int, outer: int, inner: int
) -> None:
    """The count, with what a refusal names, is the amount to the last digit."""
    packs = [Pack(name="box", factor=outer, of="case"), Pack(name="case", factor=inner)]
    units = Units("kg", scale, factors_of("kg", scale, packs))
    text = format(amount, "f")
    exact = Decimal(text) * outer * inner * 10**scale

    try:
        assert exact == _count(units, text, "box")
    except InexactUnit as refused:
        lost = Decimal(str(refused.lost)) * 10**scale
        assert 0 < lost < 1
        assert (abs(exact) - lost) % 1 == 0
    except Malformed:
        assert abs(exact) > QUANTITY_MAX


@given(number=st.integers(-(2**63), 2**63), places=st.integers(0, 12))
def test_an_integer_written_as_decimals_is_the_same_number(number: int, places: int) -> None:
    """What a refusal says is lost is not itself rounded."""
    assert Decimal(number) / Decimal(10**places) == Decimal(decimal(number, places)) or (
        Decimal(number) == Decimal(decimal(number, places)).scaleb(places)
    )
