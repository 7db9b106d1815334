"""A new generation: all copies begin again, empty, under the next number. Only people ask for it.

Subscribers see the number, forget what they had and begin again. So it is right whatever has become
of the ledger or of the streams, and it is the only thing that is right where the ledger is not the
one that was told any more.
"""

from nats.js import JetStreamContext

from subscribers import messages
from subscribers.board import Board
from subscribers.copies import COPIES, emptied, generations_seen
from subscribers.ledger_log import LedgerLog
from subscribers.witness import Witness

# The events last: until they are gone, an old relay could still tell something into the others.
_ORDER = (
    *(stream.name for stream in COPIES if stream.name != messages.EVENTS_STREAM),
    messages.EVENTS_STREAM,
)


async def regenerate(
    js: JetStreamContext, board: Board, log: LedgerLog, witness: Witness, reason: str
) -> int:
    """Begin the next generation, of which nobody can have heard; its number.

    The database says so first: whatever ends us, the relay goes on from there.
    """
    kept, _, _ = await board.kept()
    known = witness.look()
    seen = max(
        kept.generation if kept is not None else 0,
        known.generation if known is not None else 0,
        await generations_seen(js),
    )
    await board.begin(seen + 1, await log.head(), reason)
    for name in _ORDER:
        assert name is not None
        await emptied(js, name, seen + 1)
    return seen + 1
