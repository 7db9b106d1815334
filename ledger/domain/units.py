"""Quantities as people write them, counted in a SKU's smallest unit: exactly, or not at all.

Integers and decimal texts only. A SKU of scale 3 whose base unit is the kilogram counts grams;
a pack holds a whole number of base units, or of another pack.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from ledger.domain.events.catalog import Pack
from ledger.domain.refusals import InexactUnit, Malformed
from ledger.domain.values import QUANTITY_MAX, Code, Text

SCALE_MAX: Final = 6
"""Decimals of a base unit: a millionth is finer than any scale in a shop."""

FACTOR_MAX: Final = QUANTITY_MAX
"""Smallest units in one pack: more would not fit into a quantity."""

PACKS_MAX: Final = 100
"""Packs of one SKU; bounds how deep they can nest."""


class Stated(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A quantity as its reporter wrote it, where only the catalog knows what it comes to.

    `field` says where in its command the number belongs: `quantity`, or `lines.2.quantity`. The
    number there is 0 until this one has been converted.
    """

    field: Code
    amount: Code  # A decimal number, perhaps with a sign.
    uom: Code | None = None  # None: in the base unit.
    path: Text | None = None  # Where its caller wrote it; none: at its field.

    @property
    def text(self) -> str:
        """The words of the reporter: `2 case`, or `1.25`."""
        return self.amount if self.uom is None else f"{self.amount} {self.uom}"


class Units(Struct, frozen=True, gc=False):
    """The units a quantity of one SKU can be stated in: how many base units each has."""

    base_unit: Code | None  # None: nobody has defined the SKU.
    scale: int
    factors: Mapping[str, int]

    def smallest_in(self, unit: str | None) -> int | None:
        """How many of the smallest unit are in one of a unit; none where it is not known."""
        factor = 1 if unit is None or unit == self.base_unit else self.factors.get(unit)
        return None if factor is None else factor * _power(self.scale)

    def count(self, stated: Stated, sku: str, path: str) -> int:
        """What was stated, in the smallest unit.

        Raises `InexactUnit` where the unit is not one of the SKU's or a part of the smallest unit
        would be lost, `Malformed` where the number is larger than any quantity, or no integer
        although nobody has said that the SKU has decimals.
        """
        if self.base_unit is None and stated.uom is None:
            problem = f'must be an integer, as nobody has defined {sku!r}, is "{stated.amount}"'
            raise Malformed(path, problem)
        one = self.smallest_in(stated.uom)
        if one is None:
            raise InexactUnit(path, sku, stated.amount, stated.uom, None)
        number, places = _integer(stated.amount)
        count, rest = divmod(abs(number) * one, _power(places))
        if rest:
            lost = decimal(rest, places + self.scale)
            unit = stated.uom or self.base_unit
            raise InexactUnit(path, sku, stated.amount, unit, lost, self.base_unit)
        if count > QUANTITY_MAX:
            raise Malformed(path, f"must come to at most {QUANTITY_MAX}, is {count}")
        return count if number >= 0 else -count


UNDEFINED: Final = Units(None, 0, {})
"""What can be said of a SKU that nobody has defined: integers, and no unit."""


def factors_of(base_unit: str, scale: int, packs: Sequence[Pack]) -> dict[str, int]:
    """How many base units each pack holds, through the packs it is made of.

    Raises `Malformed` where a pack is made of itself or of an unknown one, or holds too much.
    """
    named = {pack.name: pack for pack in packs}
    if base_unit in named:
        raise Malformed(f"$.packs.{base_unit}", "the base unit is not a pack of itself")
    factors: dict[str, int] = {}
    for pack in packs:
        factors[pack.name] = factor = _factor(pack, named, base_unit)
        if factor * _power(scale) > FACTOR_MAX:
            raise Malformed(f"$.packs.{pack.name}", f"holds more than {FACTOR_MAX} smallest units")
    return factors


def decimal(number: int, places: int) -> str:
    """An integer of 10^-places as a decimal number, without needless zeros: 1250, 3 is 1.25."""
    sign, digits = ("-" if number < 0 else ""), str(abs(number)).rjust(places + 1, "0")
    whole, fraction = digits[: len(digits) - places], digits[len(digits) - places :]
    fraction = fraction.rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def _factor(pack: Pack, named: Mapping[str, Pack], base_unit: str) -> int:
    factor, seen, outer = pack.factor, {pack.name}, pack
    while outer.of is not None and outer.of != base_unit:
        inner = named.get(outer.of)
        if inner is None:
            raise Malformed(f"$.packs.{outer.name}.of", f"no pack {outer.of!r} is defined")
        if inner.name in seen:
            raise Malformed(f"$.packs.{pack.name}.of", "a pack cannot hold itself")
        seen.add(inner.name)
        factor, outer = factor * inner.factor, inner
    return factor


def _power(places: int) -> int:
    return int(10**places)


def _integer(amount: str) -> tuple[int, int]:
    """A decimal number as an integer, and how many of its digits are decimals."""
    whole, _, fraction = amount.partition(".")
    fraction = fraction.rstrip("0")
    return int(whole + fraction), len(fraction)
