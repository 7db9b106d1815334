"""What the auditor reads of counts and corrections: in the stocks, and of movements themselves."""

from typing import TypeAlias

from msgspec import Struct

from projections.audit.wire_base import BucketName, Moving, Stock


class OfCount(Stock, gc=False, kw_only=True):
    """What a count, or its end, or a fact it had seen, stands for in the variance."""

    delta: int
    bucket: BucketName = "sellable"

    def moved(self) -> tuple[str, str, int]:
        """Between the variance and the counted bucket."""
        return "variance", self.bucket, self.delta


class Counted(OfCount, gc=False, kw_only=True, tag="stock.counted.v1"):
    """Somebody saw so many units."""

    count_id: str
    counted: int


class Absorbed(OfCount, gc=False, kw_only=True, tag="stock.absorbed.v1"):
    """A late fact had been seen by a count."""

    anchor: int


class CountCancelled(OfCount, gc=False, kw_only=True, tag="stock.count_cancelled.v1"):
    """A count does not stand any more."""

    anchor: int


class Corrected(Moving, gc=False, kw_only=True, tag="stock.corrected.v1"):
    """More or fewer units of a movement than recorded."""

    of: str
    from_bucket: str
    to_bucket: str

    def moved(self) -> tuple[str, str, int]:
        """The movement's own way."""
        return self.from_bucket, self.to_bucket, self.quantity


class Movement(Struct, gc=False, kw_only=True):
    """Something became of a recorded movement."""

    occurred_at: int
    owner: str
    movement_id: str
    recorded: int
    quantity: int


class MovementVoided(Movement, gc=False, tag="movement.voided.v1"):
    """A part of it was voided."""


class MovementUnvoided(Movement, gc=False, tag="movement.unvoided.v1"):
    """A part of it was not voided after all."""


class MovementCorrected(Movement, gc=False, tag="movement.corrected.v1"):
    """It really came to another quantity."""


class MovementCancelled(Movement, gc=False, tag="movement.cancelled.v1"):
    """It never took place."""


AnyOfCount: TypeAlias = Counted | Absorbed | CountCancelled | Corrected
AnyMovement: TypeAlias = MovementVoided | MovementUnvoided | MovementCorrected | MovementCancelled
