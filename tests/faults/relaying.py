"""A relay in a process of its own, and what the tests of the copies ask of it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

import nats
from nats.aio.client import Client

from ledger.settings import Settings, to_environ
from projections.copies.status import Relayed
from subscribers.board import Board
from subscribers.ledger_log import LedgerLog
from subscribers.regeneration import regenerate
from subscribers.witness import Witness
from tests.support.servers import REPOSITORY

PATIENCE_S: Final = 60.0
_LOOK_S: Final = 0.05

RELAY: Final = """
import threading
from ledger.settings import load_settings
from subscribers.relay import run
run(load_settings(), threading.Event())
"""

UNFENCED: Final = (
    """
from subscribers.fenced import FencedStream
fenced = FencedStream._wire
FencedStream._wire = lambda *a: fenced(*a).replace(b"Nats-Expected", b"Free-Expected").replace(
    b"Nats-Msg-Id", b"Free-Msg-Id")
FencedStream._judge = staticmethod(lambda sequence, answer: None)
"""
    + RELAY
)
"""The control of every fence: what it sends says nothing of what it follows."""

CREDULOUS: Final = (
    """
from subscribers import judgement, opening
judge = judgement.judge
def credulous(found, kept, witness, name, ledger):
    found = found._replace(end=found.end and found.end._replace(hash=ledger.at_end))
    return judge(found, kept._replace(told=0), None, name, ledger)
opening.judge = credulous
"""
    + RELAY
)
"""The control of every judgement: it asks no witness, and compares numbers instead of hashes."""


UNMENDED: Final = (
    """
from subscribers import last_values, readable
async def nothing(*_): pass
last_values.mended_if_broken = nothing
readable.Readable.ensure = nothing
"""
    + RELAY
)
"""The control of broken streams: it writes over what cannot be read, and believes in another."""


class RelayProcess:
    """One relay; killed at the end of the test."""

    def __init__(self, settings: Settings, code: str = RELAY, log: Path | None = None) -> None:
        with (log or Path(os.devnull)).open("ab") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code],
                cwd=REPOSITORY,
                env=os.environ | to_environ(settings),
                stdout=said,
                stderr=said,
            )

    def signal(self, signum: signal.Signals) -> None:
        """As the kernel would."""
        self.process.send_signal(signum)

    def kill(self) -> None:
        """Kill -9, also of one that was stopped."""
        self.process.kill()
        self.process.wait(PATIENCE_S)


class Office:
    """What people can do about the copies of one ledger."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def __aenter__(self) -> Self:
        assert self._settings.database_url is not None
        self._board = await Board.connect(self._settings.database_url)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._board.close()

    async def relayed(self) -> Relayed:
        """What the relay says."""
        return await self.awaited(lambda _: True)

    async def awaited(self, is_so: Callable[[Relayed], bool]) -> Relayed:
        """What it says as soon as it is so."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = await self._board.relayed()
                if found is not None and is_so(found):
                    return found
                await asyncio.sleep(_LOOK_S)

    async def ask(self, what: str) -> None:
        """Have something done."""
        await self._board.ask(what)

    async def regenerate(self) -> int:
        """Begin a new generation."""
        assert self._settings.database_url is not None
        log = await LedgerLog.connect(self._settings.database_url)
        witness = Witness(self._settings.data_path, await log.ledger())
        client: Client = await nats.connect(self._settings.nats_url or "")
        try:
            return await regenerate(client.jetstream(), self._board, log, witness, "a test")
        finally:
            await client.close()
            witness.close()
            await log.close()
