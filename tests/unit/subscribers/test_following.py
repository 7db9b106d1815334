"""Following the ledger, as far as it needs neither a stream nor a list."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from subscribers.messages import CloudEvent, decode
from subscribers.sdk.following import Delivery, Following

EVENT = decode(b'{"id": "1:0:1", "source": "test", "type": "test.happened.v1", "position": 1}')


class Slow:
    """Deliveries that take their time to end, as those of a server do."""

    def __init__(self) -> None:
        self.waits = asyncio.Event()
        self.ends = asyncio.Event()

    async def generation(self) -> str | None:
        """Nobody can say."""
        return None

    async def open(self, position: int) -> AsyncIterator[Delivery]:
        """One event, and then none."""
        yield Delivery(1, "1", EVENT)
        try:
            self.waits.set()
            await asyncio.Event().wait()
        finally:
            self.ends.set()
            said = asyncio.Event()
            asyncio.get_running_loop().call_soon(said.set)
            await said.wait()


async def _nothing(_: CloudEvent) -> None:
    return


async def test_who_is_cancelled_twice_ends_what_it_began() -> None:
    """As a loop does that is closed: it cancels all, also what is about to end."""
    deliveries = Slow()
    running = asyncio.create_task(Following(deliveries).run(_nothing))
    await deliveries.waits.wait()

    running.cancel()
    await deliveries.ends.wait()
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running


def test_a_program_may_end_right_after_it_cancelled_a_follower() -> None:
    """`asyncio.run` cancels the follower and what it waits for in the same moment."""

    async def program() -> Slow:
        deliveries = Slow()
        running.append(asyncio.create_task(Following(deliveries).run(_nothing)))
        await deliveries.waits.wait()
        running[0].cancel()
        return deliveries

    running: list[asyncio.Task[None]] = []
    with asyncio.Runner() as runner:
        runner.get_loop().set_exception_handler(lambda _, context: raised.append(context))
        raised: list[object] = []
        runner.run(program())

    assert ([], True) == (raised, running[0].cancelled())


async def test_a_handler_whose_own_work_was_cancelled_is_tried_again() -> None:
    """Nobody asked the follower to end."""
    tries = 0

    async def handle(_: CloudEvent) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise asyncio.CancelledError

    await Following(Slow()).run(handle, until=1)

    assert 2 == tries
