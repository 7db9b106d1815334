"""Coroutines that stand and fall together."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

_STEP_S: Final = 0.1
_T = TypeVar("_T")


async def first_failure(*parts: Coroutine[Any, Any, None]) -> None:
    """Run all until they end; the first failure ends the others and comes out."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        for task in asyncio.as_completed(tasks):
            await task
    finally:
        await ended(*tasks)


async def or_failure(background: "asyncio.Future[None]", part: Coroutine[Any, Any, _T]) -> _T:
    """What a coroutine gives, unless the background ends first: its failure comes out then."""
    task = asyncio.create_task(part)
    try:
        await asyncio.wait((task, background), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        background.result()
        raise RuntimeError("the background ended by itself")
    finally:
        await ended(task)


async def ended(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel tasks, and wait until they have ended, however often one is cancelled meanwhile.

    To cancel once is not enough: a wait that ends in the same moment takes it for its own.
    """
    again: asyncio.CancelledError | None = None
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        try:
            await asyncio.wait(running, timeout=_STEP_S)
        except asyncio.CancelledError as cancelled:
            again = cancelled
    await asyncio.gather(*tasks, return_exceptions=True)
    if again is not None:
        raise again


def is_end(error: BaseException) -> bool:
    """Whether an error means that the running task is wanted to end.

    Where only something it waited for was cancelled, that is a failure like any other.
    """
    task = asyncio.current_task()
    is_wanted = task is not None and task.cancelling() > 0
    return is_wanted and isinstance(error, asyncio.CancelledError)
