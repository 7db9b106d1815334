"""kill -9 of whom a seed says, once the victim is at work again after its last death."""

import os
import signal
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Final

import httpx
import psycopg

from api.runtime.processes import is_alive
from tests.faults.driving import api_urls, eventually, in_office, projected, stream_tail
from tests.support.servers import RunningService

API_PROCESSES: Final = 2


def strike(pid: int) -> bool:
    """Kill -9; False where the process has gone already: what is written down may be late."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def strike_role(service: RunningService, role: str) -> bool:
    """The same by name; False where it is just being brought back."""
    pid = service.pids().get(role)
    return pid is not None and strike(pid)


class Killer:
    """Kills whom a seed says, once the victim is at work again after its last death."""

    def __init__(
        self,
        service: RunningService,
        seed: int,
        work: Mapping[str, Callable[[], int]] | None = None,
    ) -> None:
        """`work` says how far a victim has come."""
        self._service = service
        self._work: Mapping[str, Callable[[], int]] = {
            "projector": lambda: projected(service),
            "relay": lambda: stream_tail(service),
            **(work or {}),
        }
        self._random = Random(seed)
        self._urls = dict(zip(("api", "api-2"), api_urls(service, API_PROCESSES), strict=True))
        self._last: dict[str, int] = {}  # Who was killed: its process then, or how far it had come.

    def plan(self, victims: Iterable[str], cycles: int) -> list[str]:
        """Every victim so often, in the seed's order."""
        order = list(victims) * cycles
        self._random.shuffle(order)
        return order

    def kill(self, victim: str) -> None:
        """Waits until the victim does its work, and kills it in the middle."""
        match victim:
            case "api":
                self._kill_api()
            case "backend":
                self._kill_backend()
            case _ if victim in self._work:
                self._kill_at_work(victim, self._work[victim])
            case _:
                self._kill_role(victim)

    def _kill_api(self) -> None:
        """The active writer's process three times in four."""
        eventually(lambda: all(map(_lives, self._urls.values())), "both API processes")
        pids = {name: self._service.pids()[name] for name in self._urls}
        name = self._random.choice(list(pids))
        pid = pids[name]
        if self._random.random() < 0.5:
            eventually(lambda: in_office(self._service)[1] in pids.values(), "a living writer")
            pid = in_office(self._service)[1]
        strike(pid)

    def _kill_backend(self) -> None:
        sql = (
            "select pid from pg_stat_activity where backend_type = 'client backend'"
            " and pid <> pg_backend_pid() order by pid"
        )
        found: list[int] = []

        def look() -> bool:
            try:
                with psycopg.connect(self._service.runtime()["database"]) as connection:
                    found.extend(row[0] for row in connection.execute(sql))
            except psycopg.OperationalError:
                return False
            return bool(found)

        eventually(look, "a session of the service")
        strike(self._random.choice(found))

    def _kill_at_work(self, victim: str, progress: Callable[[], int]) -> None:
        before = self._last.get(victim, 0)
        eventually(lambda: progress() > before, f"work done by the {victim}")
        self._last[victim] = progress()
        eventually(lambda: strike_role(self._service, victim), f"a living {victim}")

    def _kill_role(self, victim: str) -> None:
        before = self._last.get(victim, 0)

        def back() -> bool:
            pid = self._service.pids().get(victim, before)
            return pid != before and is_alive(pid)

        eventually(back, f"another {victim}")
        self._last[victim] = pid = self._service.pids()[victim]
        strike(pid)


def _lives(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/live", timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
