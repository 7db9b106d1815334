"""What the shapes that the auditor reads have in common."""

from typing import ClassVar, Literal, TypeAlias

from msgspec import Struct

BucketName: TypeAlias = Literal["sellable", "quarantine", "damaged", "returned", "blocked"]
Kind: TypeAlias = Literal["soft", "hard"]


class Meta(Struct, gc=False, kw_only=True):
    """Who, why, when decided."""

    instant: int
    actor: str = ""
    source: str = ""
    reason: str = ""
    correlation_id: str = ""
    command_id: str = ""
    movement_id: str | None = None
    reference: str | None = None
    stated: str | None = None
    owner: str | None = None


class ConflictChange(Struct, gc=False):
    """What a stock event says it did to one conflict."""

    conflict_id: str
    kind: str
    holder: str
    short: int


class Stock(Struct, gc=False, kw_only=True):
    """What all events of one stock have. No bucket moves unless a subclass says so."""

    source: ClassVar[str] = ""
    target: ClassVar[str] = ""

    location: str
    sku: str
    occurred_at: int
    effective_at: int
    conflicts: tuple[ConflictChange, ...] = ()

    def moved(self) -> tuple[str, str, int]:
        """From which bucket, to which, how many units."""
        return self.source, self.target, 0

    def moves(self) -> tuple[tuple[str, str, int], ...]:
        """The same, where one event may move units between several pairs of buckets."""
        moved = self.moved()
        return (moved,) if moved[0] else ()

    def accounts(self) -> tuple[tuple[str, str, int], ...]:
        """The same, and what moves without ever touching a shelf of this stock."""
        return self.moves()


class Moving(Stock, gc=False, kw_only=True):
    """A quantity leaves one bucket for another."""

    quantity: int

    def moved(self) -> tuple[str, str, int]:
        """The buckets the class names, and the quantity."""
        return self.source, self.target, self.quantity
