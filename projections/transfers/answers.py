"""The shape of a transfer in an answer."""

from msgspec import Struct

from ledger.domain.outcomes import TransferLineState
from ledger.domain.values import Instant


class TransferAnswer(Struct, frozen=True, kw_only=True):
    """One transfer, its lines in the order in which they came up."""

    transfer_id: str
    from_location: str
    to_location: str
    status: str
    requested_at: Instant
    version: int
    lines: list[TransferLineState]


class TransferFound(Struct, frozen=True, kw_only=True):
    """The transfer asked for, if there is one, and where this was read."""

    transfer: TransferAnswer | None
    position: int


class TransfersPage(Struct, frozen=True, kw_only=True):
    """A page of transfers, newest first."""

    items: list[TransferAnswer]
    position: int
    next_cursor: str | None
