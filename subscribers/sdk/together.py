"""Coroutines that stand and fall together."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


async def first_failure(*parts: Coroutine[Any, Any, None]) -> None:
    """Run all until they end; the first failure ends the others and comes out."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        for task in asyncio.as_completed(tasks):
            await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


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
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
