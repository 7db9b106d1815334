"""The header lines of an event's message: what tells it, and what an audit expects to find."""

from subscribers import messages
from subscribers.last_values import headers_of
from subscribers.ledger_log import Row, row_hash
from subscribers.translate import Outgoing


def event_headers(row: Row, told: Outgoing, generation: int) -> str:
    """Those of every message of ours, and which row of the ledger it tells."""
    headers = headers_of(told, row.position, generation)
    return f"{headers}{messages.HASH}: {row_hash(row)}\r\n"
