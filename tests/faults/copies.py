"""A ledger, its message server and relays: the scene of every test of damaged copies."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import nats.errors

from api.runtime.natsd import EmbeddedNats
from ledger.settings import Settings
from projections.copies.status import Relayed
from tests.faults.relaying import PATIENCE_S, RELAY, Office, RelayProcess
from tests.support.copies import books, differences
from tests.support.mirrors import EventMirror, PresentMirror

LOOK_S: Final = 0.1

Mirrors = tuple[EventMirror, PresentMirror]


@dataclass
class Scene:
    """Real servers, their files, and the relays that were started."""

    settings: Settings
    server: EmbeddedNats
    server_files: Path
    log: Path
    relays: list[RelayProcess] = field(default_factory=list)

    @property
    def database_url(self) -> str:
        """Of the ledger that is told."""
        return self.settings.database_url or ""

    def relay(self, code: str = RELAY, **other: object) -> RelayProcess:
        """Start one, with other settings than the scene's where some are given."""
        settings = msgspec.structs.replace(self.settings, **other)
        self.relays.append(RelayProcess(settings, code, self.log))
        return self.relays[-1]

    def end(self) -> None:
        """Kill all that still run."""
        for relay in self.relays:
            relay.kill()

    async def differences(self) -> list[str]:
        """How the copies are not what the ledger comes to; also where nobody answers."""
        try:
            return await differences(self.database_url, self.server.url)
        except (nats.errors.Error, OSError) as error:
            return [repr(error)]

    async def is_clean(self) -> None:
        """Wait until no copy differs."""
        await until(self._is_clean)

    async def _is_clean(self) -> bool:
        return not await self.differences()

    async def relayed(self, is_so: Callable[[Relayed], bool]) -> Relayed:
        """Wait until the relay says so."""
        async with Office(self.settings) as office:
            return await office.awaited(is_so)

    async def told(self, position: int) -> None:
        """Wait until it follows, and may have told so much."""
        await self.relayed(lambda found: found.told >= position and found.state == "following")

    async def halted(self) -> Relayed:
        """Wait until it needs people."""
        return await self.relayed(lambda found: found.state == "halted")


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a thing."""
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(LOOK_S)


class Workshop:
    """Brings copies and subscribers back to what the ledger says, as people would."""

    def __init__(self, scene: Scene, office: Office, mirrors: Mirrors) -> None:
        self._scene = scene
        self._office = office
        self._mirrors = mirrors
        self.asked: list[str] = []

    async def converged(self) -> None:
        """Wait for it; where the relay has halted, have it repaired, then told anew."""
        deadline, asked = time.monotonic() + PATIENCE_S, 0
        found = ["nothing was compared"]
        while found:
            await asyncio.sleep(LOOK_S)
            relayed = await self._office.relayed()
            assert time.monotonic() < deadline, (found, relayed)
            if relayed.state == "halted" and relayed.asked is None:
                await (self._office.regenerate() if asked else self._office.ask("repair"))
                self.asked.append("regenerate" if asked else "repair")
                asked += 1
            found = self.differences_of_mirrors() or await self._scene.differences()

    def differences_of_mirrors(self) -> list[str]:
        """Which subscribers hold something else than the ledger comes to."""
        expected = books(self._scene.database_url)
        levels = {key: on_hand for key, (on_hand, _) in expected.levels.items()}
        return [
            f"{type(mirror).__name__} is at {mirror.position} of {expected.head}"
            for mirror in self._mirrors
            if mirror.position != expected.head or mirror.levels != levels
        ]
