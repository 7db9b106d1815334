"""A replay as it is asked for, and the names its parts go by."""

from typing import Final

from msgspec import Struct

from ledger.domain.values import Instant
from projections.progress import Pool
from projections.statements import statements
from projections.what_if.sweep import Terms

SQL: Final = statements(__package__ or "")


class Question(Struct, frozen=True, kw_only=True):
    """Whose sales: the channel's, or all; of one SKU, or of all; as known at a position."""

    channel: str
    known: int
    all_sales: bool = False
    sku: str | None = None


class Asking(Struct, frozen=True):
    """A question on its way: the terms it came to, and the locations that matter to it."""

    pool: Pool
    question: Question
    terms: Terms
    locations: list[str]

    @property
    def after(self) -> Instant:
        """What had happened by then is there from the beginning."""
        return self.terms.starts
