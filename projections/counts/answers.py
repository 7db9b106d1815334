"""The shapes of count documents in answers."""

from typing import Self

from msgspec import Struct

from ledger.domain.outcomes import CountLineState
from ledger.domain.values import Instant
from projections.counts.projection import Count


class CountAnswer(Struct, frozen=True, kw_only=True):
    """One count document; `missing` is None where no SKUs were named."""

    count_id: str
    location: str
    kind: str
    status: str
    blind: bool
    approval_above: int | None
    approved_by: str | None
    opened_at: Instant
    posted_at: Instant | None
    posted_position: int | None
    version: int
    lines: tuple[CountLineState, ...]
    missing: tuple[str, ...] | None

    @classmethod
    def of(cls, count: Count) -> Self:
        """From a document as recorded."""
        document, asked = count.document, count.document.opened
        return cls(
            count_id=document.count_id,
            location=asked.location,
            kind=asked.kind,
            status=document.status,
            blind=asked.blind,
            approval_above=asked.approval_above,
            approved_by=document.approved_by,
            opened_at=asked.occurred_at,
            posted_at=count.posted_at,
            posted_position=count.posted_position,
            version=document.version,
            lines=document.line_states(),
            missing=document.missing,
        )
