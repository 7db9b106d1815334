"""Coroutines that stand and fall together: whatever one of them does with its cancellation."""

import asyncio

import pytest

from subscribers.sdk.together import first_failure


async def test_a_part_that_takes_a_cancellation_for_its_own_is_ended_all_the_same() -> None:
    """As a wait does that comes to its end in the same moment."""
    taken, waiting = 0, asyncio.Event()

    async def fails() -> None:
        await waiting.wait()
        raise ValueError("first")

    async def takes_one() -> None:
        nonlocal taken
        while True:
            waiting.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                taken += 1
                if taken > 1:
                    raise

    async with asyncio.timeout(30):
        with pytest.raises(ValueError, match="first"):
            await first_failure(takes_one(), fails())

    assert taken == 2
