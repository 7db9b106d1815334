"""Quantities as callers write them: integers, decimals in a string, in any unit of the SKU.

An integer without a unit counts the SKU's smallest unit, as every answer does. Anything else is
left for the ledger to convert by the catalog: it alone knows what a case holds.
"""

from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from api.schemas.fields import check_code
from ledger.domain.refusals import Malformed
from ledger.domain.units import Stated
from ledger.domain.values import QUANTITY_MAX, Code, Delta, Quantity

_DECIMAL: Final = r"[0-9]{1,13}(\.[0-9]{1,12})?"

DecimalText: TypeAlias = Annotated[str, Meta(pattern=rf"\A(?:{_DECIMAL})\Z")]
"""A decimal number as a string: 13 digits and 12 decimals are more than any quantity has."""

SignedText: TypeAlias = Annotated[str, Meta(pattern=rf"\A(?:-?{_DECIMAL})\Z")]
"""The same, perhaps negative."""

AnyQuantity: TypeAlias = Quantity | DecimalText
"""How many: an integer of the smallest unit, or a decimal number of `uom`."""

AnyDelta: TypeAlias = Delta | SignedText
"""How many more, or fewer: written like a quantity."""

Count = Annotated[int, Meta(ge=0, le=QUANTITY_MAX)]

AnyCount: TypeAlias = Count | DecimalText
"""How many were seen; perhaps none."""

Unit: TypeAlias = Code
"""The SKU's base unit or one of its packs; left out: the base unit, for decimals."""


def units_of(
    amount: int | str,
    uom: str | None,
    path: str,
    found: list[Stated],
    field: str = "quantity",
    *,
    zero: bool = False,
) -> int:
    """The integer, or 0 with what was stated added to `found`. Raises Malformed for a zero."""
    if type(amount) is int and uom is None:
        return amount
    check_code(f"{path.rpartition('.')[0]}.uom", uom)
    text = str(amount)
    if not zero and not text.strip("-0."):
        raise Malformed(path, f"must not be 0, is {text}")
    found.append(Stated(field=field, amount=text, uom=uom, path=path if "." in field else None))
    return 0
