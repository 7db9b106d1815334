"""A subscriber in a process of its own, which keeps what it is told in a database.

`python -m tests.support.channel_process URL CHANNEL DATABASE_URL [DIE_AT WINDOW]` runs until it
is killed. With DIE_AT it kills itself at its so many-th effect: `before` the commit of it, or
`after`, when the message has not been acknowledged. CHANNEL_CREDENTIALS names the file with which
it logs in; with CHANNEL_FORGETFUL it does without its inbox.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import psycopg

from subscribers.sdk import Change, Channel, Inbox

EFFECTS = (
    "create table effects (place bigint generated always as identity,"
    " channel text, sku text, location text, told bigint, ats bigint)"
)


@asynccontextmanager
async def always(connection: psycopg.AsyncConnection) -> AsyncIterator[bool]:
    """A transaction that remembers nothing: every message is fresh."""
    async with connection.transaction():
        yield True


async def main(url: str, channel: str, database: str, die_at: int, window: str) -> None:
    """Follows for ever."""
    connection = await psycopg.AsyncConnection.connect(database, autocommit=True)
    inbox = Inbox(channel)
    forgetful = "CHANNEL_FORGETFUL" in os.environ
    done = 0

    def once(change: Change) -> AbstractAsyncContextManager[bool]:
        return always(connection) if forgetful else inbox.once(connection, change)

    async def take(change: Change) -> None:
        nonlocal done
        done += 1
        async with once(change) as fresh:
            if fresh:
                state = change.state
                row = (state.channel, state.sku, state.location or "", state.told, state.ats)
                await connection.execute(
                    "insert into effects (channel, sku, location, told, ats)"
                    " values (%s, %s, %s, %s, %s)",
                    row,
                )
            if window == "before" and done == die_at:
                os.kill(os.getpid(), signal.SIGKILL)
        if window == "after" and done == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    credentials = os.environ.get("CHANNEL_CREDENTIALS")
    async with Channel(url, channel=channel, credentials=credentials) as subscriber:
        await subscriber.run(take)


if __name__ == "__main__":
    at, where = (int(sys.argv[4]), sys.argv[5]) if len(sys.argv) > 4 else (0, "never")
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], at, where))
