"""The process that compares the copies with the ledger: `python -m subscribers.inspector`.

It reads one errand from its standard input and writes reports to its output, a line each. When
its input ends, whoever sent it is gone, and so is it.
"""

import asyncio
import os
import sys
import threading
from typing import Any, Final

import msgspec
from msgspec import Struct

from subscribers.inspecting import Plan, Report, inspect
from subscribers.lazy_client import LazyClient
from subscribers.ledger_log import LedgerLog
from subscribers.sdk.client import ONCE, open_client

_NICENESS: Final = 5  # Of the first round, which somebody waits for; the relay comes first.
_NICENESS_LATER: Final = 19
_ALL_OF_IT: Final = 100  # Percent of the time: a first round.
_INPUT: Final = 0
_READ_BYTES: Final = 65_536

_encode = msgspec.json.Encoder().encode


class Errand(Struct, frozen=True, kw_only=True):
    """What to compare, and where both sides are."""

    plan: Plan
    database_url: str
    nats_url: str
    login: dict[str, Any] = {}


async def run(errand: Errand) -> None:
    """Compare, and report line by line."""
    log = await LedgerLog.connect(errand.database_url)
    client = await open_client(errand.nats_url, LazyClient, **(ONCE | errand.login))
    try:
        async for report in inspect(log, client, errand.plan):
            _say(report)
    finally:
        await client.close()
        await log.close()


def main() -> None:
    """Do one errand; where it is none of the first, with what nobody else needs."""
    errand = msgspec.json.decode(_line(), type=Errand)
    os.nice(_NICENESS if errand.plan.percent == _ALL_OF_IT else _NICENESS_LATER)
    threading.Thread(target=_end_with_input, daemon=True).start()
    asyncio.run(run(errand))


def _say(report: Report) -> None:
    sys.stdout.buffer.write(_encode(report) + b"\n")
    sys.stdout.buffer.flush()


def _line() -> bytes:
    """The errand, read past every buffer: a thread may wait for the rest when we end."""
    read = b""
    while not read.endswith(b"\n"):
        some = os.read(_INPUT, _READ_BYTES)
        if not some:
            sys.exit("nobody has sent an errand")
        read += some
    return read


def _end_with_input() -> None:
    while os.read(_INPUT, _READ_BYTES):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
