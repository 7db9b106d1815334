"""The shape of a transfer in an answer."""

from typing import Self

from msgspec import Struct

from ledger.domain.outcomes import TransferLineState
from ledger.domain.values import Instant
from projections.transfers.projection import Transfer


class TransferAnswer(Struct, frozen=True, kw_only=True):
    """One transfer, its lines in the order in which they came up."""

    transfer_id: str
    from_location: str
    to_location: str
    status: str
    requested_at: Instant
    version: int
    lines: list[TransferLineState]

    @classmethod
    def of(cls, transfer: Transfer) -> Self:
        """From a transfer as recorded."""
        return cls(
            transfer_id=transfer.transfer_id,
            from_location=transfer.from_location,
            to_location=transfer.to_location,
            status=transfer.status,
            requested_at=transfer.requested_at,
            version=transfer.version,
            lines=[line.state() for line in transfer.lines.values()],
        )
