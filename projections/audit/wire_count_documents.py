"""What the auditor reads in the events of count documents: shapes of his own, as in `wire`."""

from typing import TypeAlias

from msgspec import Struct

from projections.audit.wire_base import BucketName


class Document(Struct, gc=False, kw_only=True):
    """What all events of one count document have."""

    count_id: str
    occurred_at: int


class Begun(Document, gc=False, kw_only=True, tag="count.opened.v1"):
    """Somebody shall count."""

    location: str
    kind: str = "cycle"
    skus: tuple[str, ...] = ()
    blind: bool = False
    approval_above: int | None = None


class Figure(Struct, gc=False, kw_only=True):
    """What was seen, and what was expected."""

    sku: str
    bucket: BucketName
    counted: int
    counted_at: int
    expected: int | None = None


class Entered(Document, gc=False, kw_only=True, tag="count.entered.v1"):
    """Figures were entered."""

    lines: tuple[Figure, ...]


class Approved(Document, gc=False, kw_only=True, tag="count.approved.v1"):
    """Somebody stands for them."""

    approved_by: str


class Result(Struct, gc=False, kw_only=True):
    """What a figure came to."""

    sku: str
    bucket: BucketName
    counted: int
    counted_at: int
    variance: int


class Posted(Document, gc=False, kw_only=True, tag="count.posted.v1"):
    """They stand in the ledger."""

    lines: tuple[Result, ...]
    missing: tuple[str, ...] = ()


class Withdrawn(Document, gc=False, tag="count.cancelled.v1"):
    """None of it counts."""


AnyDocument: TypeAlias = Begun | Entered | Approved | Posted | Withdrawn
