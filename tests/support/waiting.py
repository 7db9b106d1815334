"""Waiting for a thing, never for a duration."""

import asyncio
from collections.abc import Callable


async def eventually(condition: Callable[[], bool]) -> None:
    """Returns when it holds; the test's own timeout is the limit."""
    while not condition():  # noqa: ASYNC110 - what is waited for has no event to wait on
        await asyncio.sleep(0.005)
