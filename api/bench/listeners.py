"""Channels that listen, several in a process of its own, each with its own credentials.

Usage: python -m api.bench.listeners PLAN, a JSON file. Says `ready` when the present of every
channel is complete, and listens until its input ends; then it writes down all that was heard.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import uvloop

from api.bench.recount import Heard
from ledger.clock import SystemClock
from subscribers.sdk import Change, Channel, PresentComplete

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00Z")
_MICROSECOND = timedelta(microseconds=1)


class Plan(msgspec.Struct, kw_only=True):
    """Where to listen, as whom, and where to write it down."""

    url: str
    credentials: dict[str, str]
    path: str


class Report(msgspec.Struct, kw_only=True):
    """What was heard, and what each channel's subscriber went through."""

    heard: list[Heard]
    joins: dict[str, int]
    passed_over: dict[str, int]
    dead_letters: int


class _Ear:
    """One channel's callback."""

    def __init__(self, heard: list[Heard]) -> None:
        self._heard = heard
        self._clock = SystemClock()
        self.ready = asyncio.Event()

    async def change(self, change: Change) -> None:
        now, state = self._clock.now(), change.state
        self._heard.append(
            Heard(
                state.channel,
                state.sku,
                state.location,
                state.ats,
                state.position,
                state.rule_version,
                (datetime.fromisoformat(state.instant) - _EPOCH) // _MICROSECOND,
                state.told,
                now,
                change.present,
            )
        )

    async def complete(self, _: PresentComplete) -> None:
        self.ready.set()


async def listen(
    plan: Plan, on_ready: Callable[[], None], until: Callable[[], Awaitable[None]]
) -> Report:
    """Listen on every channel until something has come."""
    heard: list[Heard] = []
    ears = {name: _Ear(heard) for name in plan.credentials}
    channels = {
        name: Channel(plan.url, channel=name, credentials=text)
        for name, text in plan.credentials.items()
    }
    async with asyncio.TaskGroup() as group:
        for name, channel in channels.items():
            group.create_task(_follow(channel, ears[name]))
        for ear in ears.values():
            await ear.ready.wait()
        on_ready()
        await until()
        for channel in channels.values():
            channel.stop()
    return Report(
        heard=heard,
        joins={name: one.joins for name, one in channels.items()},
        passed_over={name: one.passed_over for name, one in channels.items()},
        dead_letters=sum(one.dead_letters for one in channels.values()),
    )


async def _follow(channel: Channel, ear: _Ear) -> None:
    async with channel:
        await channel.run(ear.change, ear.complete)


def main() -> None:
    """Run the plan named on the command line."""
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan)

    def ready() -> None:
        sys.stdout.write("ready\n")
        sys.stdout.flush()

    async def ended() -> None:
        await asyncio.to_thread(sys.stdin.read)

    report = uvloop.run(listen(plan, ready, ended))
    Path(plan.path).write_bytes(msgspec.json.encode(report))


if __name__ == "__main__":
    main()
