"""Ending tasks that would go on for ever."""

import asyncio
from typing import Any, Final

_STEP_S: Final = 0.2


async def ended(task: "asyncio.Task[Any] | None") -> None:
    """Cancel a task until it has ended, whatever it ends with.

    Once is not enough: a wait that ends in the same moment takes a cancellation for its own.
    """
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait((task,), timeout=_STEP_S)
    if task is not None and not task.cancelled():
        task.exception()  # Seen: it was not waited for.
