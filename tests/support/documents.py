"""Commands of returns and count documents in one line each: mugs in Amsterdam unless said."""

from ledger.domain import commands as c
from ledger.domain.events import DispositionedLine, GradedLine, SkuQuantity
from ledger.domain.values import CountKind, Disposition, Instant, PhysicalBucket
from tests.support.builders import PLACE, SKU

RETURN = "rma-1"
COUNT = "cc-1"


def units(quantity: int, sku: str = SKU) -> SkuQuantity:
    """Units of one SKU."""
    return SkuQuantity(sku=sku, quantity=quantity)


def authorise(
    *lines: SkuQuantity, order: str | None = None, return_id: str = RETURN
) -> c.AuthoriseReturn:
    """A customer may send goods back."""
    return c.AuthoriseReturn(return_id=return_id, lines=lines, order=order)


def came(
    *lines: SkuQuantity,
    location: str = PLACE,
    occurred_at: Instant | None = None,
    return_id: str = RETURN,
) -> c.ReceiveReturn:
    """Goods of a return arrived."""
    return c.ReceiveReturn(
        return_id=return_id, location=location, lines=lines, occurred_at=occurred_at
    )


def inspect(quantity: int, grade: str = "A", sku: str = SKU) -> c.InspectReturn:
    """Somebody looked at them."""
    line = GradedLine(sku=sku, quantity=quantity, grade=grade)
    return c.InspectReturn(return_id=RETURN, lines=(line,))


def decided(
    quantity: int, what: Disposition, sku: str = SKU, location: str | None = None
) -> DispositionedLine:
    """What becomes of units."""
    return DispositionedLine(sku=sku, quantity=quantity, disposition=what, location=location)


def disposition(
    *lines: DispositionedLine, occurred_at: Instant | None = None, return_id: str = RETURN
) -> c.DispositionReturn:
    """It is decided what becomes of some."""
    return c.DispositionReturn(return_id=return_id, lines=lines, occurred_at=occurred_at)


def close_return(return_id: str = RETURN) -> c.CloseReturn:
    """Nothing more is expected."""
    return c.CloseReturn(return_id=return_id)


def open_count(
    *skus: str,
    location: str = PLACE,
    kind: CountKind = "cycle",
    blind: bool = False,
    approval_above: int | None = None,
) -> c.OpenCount:
    """Somebody shall count."""
    return c.OpenCount(
        count_id=COUNT,
        location=location,
        kind=kind,
        skus=skus,
        blind=blind,
        approval_above=approval_above,
    )


def figure(
    counted: int,
    sku: str = SKU,
    counted_at: Instant | None = None,
    bucket: PhysicalBucket = "sellable",
) -> c.FigureLine:
    """So many were seen."""
    return c.FigureLine(sku=sku, counted=counted, counted_at=counted_at, bucket=bucket)


def enter(*lines: c.FigureLine) -> c.EnterCount:
    """Figures are entered."""
    return c.EnterCount(count_id=COUNT, lines=lines)


APPROVE = c.ApproveCount(count_id=COUNT)
POST = c.PostCount(count_id=COUNT)
CANCEL = c.CancelCount(count_id=COUNT)
