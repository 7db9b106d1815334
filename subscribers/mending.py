"""What the relay does about what its companion found, between two batches.

States are told anew, from the ledger. So are all conflicts, where one is missing or another one:
each has a number of its own, and who has seen it knows it again. A difference among the events
ends the life: their sequence is their position, so nothing can be put back into its place.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from nats.js import JetStreamContext

from subscribers import messages
from subscribers.board import Board, Wrong
from subscribers.copies import emptied
from subscribers.fenced import Broken
from subscribers.inspecting import Report
from subscribers.inspection import Inspection
from subscribers.last_values import LastValues
from subscribers.opening import Diverged

_SUBJECT: Final = "inventory.stock."

logger = logging.getLogger(__name__)


class Mending:
    """Takes reports in their order."""

    def __init__(
        self,
        js: JetStreamContext,
        board: Board,
        inspection: Inspection,
        states: LastValues,
        conflicts_anew: Callable[[], Awaitable[None]],
    ) -> None:
        """`conflicts_anew` empties their stream and tells them all; `asked` ends with a round."""
        self._js = js
        self._board = board
        self._inspection = inspection
        self._states = states
        self._conflicts_anew = conflicts_anew
        self._renewed = False
        self.asked: str | None = None

    async def mend(self, generation: int, place: int) -> None:
        """All that was reported by now. Raises `Diverged` where people are needed."""
        found = self._inspection.found
        while found:
            await self._take(found.popleft(), generation, place)

    async def _take(self, report: Report, generation: int, place: int) -> None:
        if report.ended_ms:
            if report.stream == messages.STOCK_STREAM:
                await self._states.mended(place)
            elif not report.stream:
                await self._round_ended()
            return
        logger.error(
            "a copy differs from the ledger",
            extra={"stream": report.stream, "position": report.position, "what": report.what},
        )
        match report.stream:
            case messages.STOCK_STREAM if report.unreadable:
                await self._board.compared(report.stream, report.compared, 1, 1)
                await emptied(self._js, report.stream, generation)
                raise Broken(f"{report.stream} has {report.what}; it was emptied")
            case messages.STOCK_STREAM:
                await self._mend_states(report, place)
            case messages.CONFLICTS_STREAM:
                await self._mend_conflicts(report)
            case _:
                await self._events_differ(report, generation)

    async def _round_ended(self) -> None:
        self._renewed = False
        if self.asked is not None:
            await self._board.done(self.asked)
            self.asked = None

    async def _mend_states(self, report: Report, place: int) -> None:
        if report.unknown:
            for stock in report.stocks:
                subject = _SUBJECT + stock.removeprefix("stock/").replace("/", ".")
                await self._js.purge_stream(messages.STOCK_STREAM, subject=subject)
        else:
            await self._states.renew(report.stocks, place)
        count = len(report.stocks)
        await self._board.compared(report.stream, report.compared, count, count)

    async def _mend_conflicts(self, report: Report) -> None:
        """Once a round: what is found again after that was found before it."""
        if not self._renewed:
            self._renewed = True
            await self._conflicts_anew()
            await self._board.compared(report.stream, report.compared, 1, 1)

    async def _events_differ(self, report: Report, generation: int) -> None:
        wrong = Wrong(report.position, report.what)
        await self._board.wrong(generation, wrong)
        await self._board.compared(report.stream, report.compared, 1)
        raise Diverged(f"at position {wrong.position}: {wrong.what}")
