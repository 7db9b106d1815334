"""Names of streams and of message headers."""

from typing import Final

ATS_STREAM: Final = "INVENTORY_ATS"
EVENTS_STREAM: Final = "INVENTORY_EVENTS"
STOCK_STREAM: Final = "INVENTORY_STOCK"
CONFLICTS_STREAM: Final = "INVENTORY_CONFLICTS"
INBOX_STREAM: Final = "INVENTORY_INBOX"
DLQ_STREAM: Final = "INVENTORY_DLQ"
CHECKPOINTS_STREAM: Final = "INVENTORY_CHECKPOINTS"

MESSAGE_ID: Final = "Nats-Msg-Id"
EXPECTED_LAST_SEQUENCE: Final = "Nats-Expected-Last-Sequence"
POSITION: Final = "Ledger-Position"
GENERATION: Final = "Ledger-Generation"
SHARD: Final = "Ledger-Shard"
HASH: Final = "Ledger-Hash"
"""Digest of the event's row in the ledger: tells two histories apart at one position."""
THROUGH: Final = "Ledger-Through"
"""On stock messages: every stock touched up to this position had been told before this one."""
TOLD: Final = "Ledger-Told"
"""On messages of availability: every value up to this one had been told with this message."""
TRACE: Final = "traceparent"
