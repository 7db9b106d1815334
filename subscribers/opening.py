"""How a life begins: what the stream of events holds, weighed against the ledger.

Reads everything first and judges then (see `subscribers.judgement`). Only two things are ever done
to the stream: it is continued, or it is made anew, empty, under the generation it had.
"""

import logging
from typing import Final, NamedTuple

from nats.aio.client import Client
from nats.js import JetStreamContext

from subscribers import messages
from subscribers.audit import Walk
from subscribers.board import Board, Wrong
from subscribers.copies import emptied, found_events
from subscribers.judgement import (
    REGENERATE,
    Found,
    Kept,
    Ledger,
    Verdict,
    judge,
    refused_for,
)
from subscribers.ledger_log import LedgerLog, row_hash
from subscribers.streams import FIRST_GENERATION, ensure
from subscribers.witness import Witness

ASKED_REPAIR: Final = "repair"

logger = logging.getLogger(__name__)


class Diverged(Exception):
    """The stream does not continue this ledger. Only people may say what becomes of it."""


class Opened(NamedTuple):
    """Where a life begins: the place in the stream, and up to where had been told before."""

    generation: int
    place: int
    told: int
    asked: str | None  # What people want done, and is not done yet.


class Opening:
    """Finds the place in the stream of events, or says why there is none."""

    def __init__(
        self,
        js: JetStreamContext,
        client: Client,
        log: LedgerLog,
        board: Board,
        witness: Witness,
    ) -> None:
        """Nothing is read before `open`."""
        self._js = js
        self._client = client
        self._log = log
        self._board = board
        self._witness = witness

    async def open(self) -> Opened:
        """Weigh, and do what follows. Raises `Diverged` where people are needed."""
        await ensure(self._js)
        found = await found_events(self._js)
        kept, wrong, asked = await self._kept(found)
        verdict = await self._judged(found, kept)
        if wrong is not None and verdict.word == "continue":
            verdict = await self._with_what_is_known(found.reach, verdict, wrong)
        wanted = asked == ASKED_REPAIR and verdict.vouched
        if verdict.word == "refuse" and not wanted:
            if asked is not None:
                await self._board.done(asked)
            raise Diverged(verdict.why)
        place = found.reach
        if verdict.word != "continue" or found.generation != verdict.generation:
            place = 0
            await self._rebuild(verdict)
        elif place and found.end is not None:
            self._witness.note(found.end)
        if verdict.word == "continue" and verdict.why:
            logger.warning("the stream of events goes on, as it was: %s", verdict.why)
        if kept.generation < verdict.generation:
            await self._begin(verdict.generation)
        return Opened(verdict.generation, place, max(place, verdict.told), asked)

    async def _judged(self, found: Found, kept: Kept) -> Verdict:
        witness = self._witness.look()
        ledger = Ledger(
            await self._log.head(),
            await self._hash_at(found.reach),
            await self._hash_at(witness.position if witness else 0),
        )
        return judge(found, kept, witness, self._witness.name, ledger)

    async def _hash_at(self, position: int) -> str:
        row = await self._log.at(position) if position else None
        return "" if row is None else row_hash(row)

    async def _with_what_is_known(self, place: int, verdict: Verdict, wrong: Wrong) -> Verdict:
        """A difference that was found before, if it is still there, or will not be told anew."""
        walk = Walk(self._log, self._client)
        await walk.begin()
        still = (
            await walk.compare(wrong.position, wrong.position, place)
            if wrong.position <= place
            else []
        )
        if still:
            return refused_wrong(verdict, Wrong(*still[0]))
        await self._board.right()
        return verdict

    async def _rebuild(self, verdict: Verdict) -> None:
        logger.error(
            "the stream of events is told anew, as it was: the ledger is the one that was told",
            extra={"generation": verdict.generation, "why": verdict.why},
        )
        await emptied(self._js, messages.EVENTS_STREAM, verdict.generation)
        await self._board.right()

    async def _kept(self, found: Found) -> tuple[Kept, Wrong | None, str | None]:
        """What the database knows; from the first look on it knows something."""
        kept, wrong, asked = await self._board.kept()
        if kept is None:
            kept = Kept(max(FIRST_GENERATION, found.generation))
            await self._begin(kept.generation)
        return kept, wrong, asked

    async def _begin(self, generation: int) -> None:
        await self._board.begin(generation, await self._log.head(), "found in the stream")


def refused_wrong(verdict: Verdict, wrong: Wrong) -> Verdict:
    """A message that differs: one that is missing may be told again, another one is for people."""
    what = f"at position {wrong.position}: {wrong.what}"
    if wrong.what.startswith("missing"):
        return refused_for(what, verdict)
    return verdict._replace(word="refuse", vouched=False, why=f"{what}. {REGENERATE}")
