"""Where a command goes: to the writer of this process if it is the active one, else over the bus.

Whatever changes on the way (a lost lease, a process that ended, a bus that is away) is tried
again under the same idempotency key until the caller's deadline, so that it has one effect and
callers do not notice.
"""

import asyncio
from typing import Final

from api.commands import Answer, Call, Operations, refused
from api.forwarding import Bus, Forwarder
from ledger.clock import monotonic
from ledger.submission import NoWriter

_PAUSE_S: Final = 0.02  # Between two attempts; a take-over needs some tens of these.


class Desk:
    """Carries commands out, here or elsewhere."""

    def __init__(
        self, operations: Operations, forwarder: Forwarder | None, bus: Bus | None
    ) -> None:
        self.port = operations.port
        self._operations = operations
        self._forwarder = forwarder
        self._bus = bus

    @property
    def active(self) -> bool:
        """Whether this process's writer is the active one."""
        return self.port.active

    @property
    def bus_connected(self) -> bool:
        """Whether commands could be passed on."""
        return self._bus is not None and self._bus.is_connected

    async def carry_out(
        self, name: str, path_id: str, call: Call, authorization: str | None, body: bytes
    ) -> Answer:
        """The answer; `no-writer` where none could be had before the deadline. Raises Problem."""
        if self.port.active:
            answer = await self._operations.execute(name, path_id, call, body)
            if answer is not None:
                return answer
        return await self._keep_trying(name, path_id, call, authorization, body)

    async def _keep_trying(
        self, name: str, path_id: str, call: Call, authorization: str | None, body: bytes
    ) -> Answer:
        while monotonic() < call.deadline:
            answer = None
            if self.port.active:
                answer = await self._operations.execute(name, path_id, call, body)
            elif self._forwarder is not None:
                answer = await self._forwarder.forward(name, path_id, call, authorization, body)
            if answer is not None:
                return answer
            await asyncio.sleep(_PAUSE_S)
        return refused(NoWriter(), call.correlation_id)
