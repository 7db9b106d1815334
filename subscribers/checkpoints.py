"""The ledger's checkpoints in `INVENTORY_CHECKPOINTS`: every signed note once, smallest first.

Whoever keeps them can tell later whether anything before them was changed. The place to go on
from is the stream's own: the position up to which its last message attests.
"""

from typing import Final

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from subscribers import messages
from subscribers.fenced import FencedStream, Frame
from subscribers.ledger_log import LedgerLog
from subscribers.translate import SHARD

SUBJECT: Final = "inventory.checkpoints"
_BATCH: Final = 500


class Checkpoints:
    """Tells what the notary has signed."""

    def __init__(self, js: JetStreamContext, stream: FencedStream, log: LedgerLog) -> None:
        """Nothing is read before `open`."""
        self._js = js
        self._stream = stream
        self._log = log
        self._generation = 0
        self._told = -1  # The empty ledger has a checkpoint, too.

    async def open(self, generation: int) -> None:
        """Find the place to go on from."""
        self._generation, self._told = generation, -1
        info = await self._js.stream_info(messages.CHECKPOINTS_STREAM)
        await self._stream.open(info.state.last_seq)
        try:
            last = await self._js.get_last_msg(messages.CHECKPOINTS_STREAM, SUBJECT)
        except NotFoundError:
            return
        self._told = int((last.headers or {}).get(messages.POSITION, -1))

    async def tell(self) -> None:
        """Publish what is new, once no crash can take it back: a stream forgets nothing."""
        while new := await self._log.checkpoints(self._told, _BATCH):
            await self._log.safe()
            await self._stream.append([self._frame(size, note) for size, note in new])
            await self._stream.settle()
            self._told = new[-1][0]

    def _frame(self, size: int, note: str) -> Frame:
        headers = {
            messages.MESSAGE_ID: f"checkpoint:{self._generation}:{SHARD}:{size}",
            messages.POSITION: str(size),
            messages.GENERATION: str(self._generation),
            messages.SHARD: str(SHARD),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return Frame(SUBJECT, lines, note.encode())
