"""The shapes of count documents in answers."""

from msgspec import Struct

from ledger.domain.outcomes import CountLineState
from ledger.domain.values import Instant


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


class CountFound(Struct, frozen=True, kw_only=True):
    """The document asked for, if there is one, and where this was read."""

    found: CountAnswer | None
    position: int


class CountsPage(Struct, frozen=True, kw_only=True):
    """A page of count documents, newest first."""

    items: list[CountAnswer]
    position: int
    next_cursor: str | None
