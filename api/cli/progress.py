"""A progress bar on standard error while movements are being sent."""

import asyncio
import time
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.importing.sending import Sender, Tally

_REFRESH_S: Final = 0.1


async def watched(sender: Sender, movements: int, what: str) -> Tally:
    """Send everything and show how far it is and how fast."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(what, total=movements, speed="")
        started = time.monotonic()
        sending = asyncio.create_task(sender.run())
        while not sending.done():
            await asyncio.wait([sending], timeout=_REFRESH_S)
            settled = sender.tally.settled
            speed = f"{settled / (time.monotonic() - started):,.0f}/s"
            progress.update(bar, completed=settled, speed=speed)
        return sending.result()
