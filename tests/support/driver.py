"""The load driver: a process of its own that remembers on disk what it asked and was answered.

``python -m tests.support.driver JOURNAL SEED URL [URL …]``, the API key in DRIVER_KEY; the rules of
channels in DRIVER_CHANNELS are changed, too. Every command is in the journal, fsync'd, before it
is sent, and every answer before the next step. It stops asking when its standard input ends, and
ends when the last command has its answer.
"""

import asyncio
import itertools
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from re import fullmatch
from typing import Any, Final, TypeAlias

import httpx
import msgspec
from msgspec import Struct

from tests.support.mixture import Mixture
from tests.support.rule_mixture import RuleMixture

WORKERS: Final = 4
TIMEOUT_S: Final = 4.0  # A stopped process answers nobody; its callers ask elsewhere.
BACK_OFF_S: Final = 0.05
PAUSE_S: Final = 0.01  # Between commands of one worker: the faults shall find work under way.
UNKNOWN: Final = frozenset({408, 429, 502, 503, 504})
"""Statuses after which nobody knows whether the command was or will be taken."""

ACCEPTED: Final = frozenset({200, 201})
"""Statuses with which a command was taken."""


class Sent(Struct, tag="sent", frozen=True):
    """A command, about to leave under its idempotency key."""

    key: str
    attempt: int
    path: str
    body: dict[str, Any]


class Answered(Struct, tag="answered", frozen=True):
    """What an attempt was answered with."""

    key: str
    attempt: int
    status: int
    body: dict[str, Any]
    replayed: bool = False


class Silent(Struct, tag="silent", frozen=True):
    """An attempt that ended without an answer."""

    key: str
    attempt: int
    error: str


Entry: TypeAlias = Sent | Answered | Silent

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode


class Journal:
    """Entries on disk, each safe before `write` returns."""

    def __init__(self, path: Path) -> None:
        """Append to a file, which is made if need be."""
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, entry: Entry) -> None:
        """Keep one entry."""
        os.write(self._descriptor, _encode(entry) + b"\n")
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Give the file back."""
        os.close(self._descriptor)


def read_journal(path: Path) -> list[Entry]:
    """Every entry that was written whole."""
    return list(entries_of(path.read_bytes()))


def entries_of(text: bytes) -> Iterator[Entry]:
    """The entries of whole lines."""
    return (_decode(line) for line in text.split(b"\n")[:-1])


def method_of(path: str) -> str:
    """A channel is put in its place; everything else is a command of its own."""
    return "PUT" if fullmatch(r"/v1/channels/[^/]+", path) else "POST"


class Worker:
    """One caller: asks, asks again where nobody answered, and now and then although one did."""

    def __init__(
        self, name: str, seed: int, journal: Journal, clients: list[httpx.AsyncClient]
    ) -> None:
        """The same name and seed ask the same things in the same order."""
        self._name = name
        self._random = Random(f"{seed}/{name}")
        self._journal = journal
        self._clients = clients
        self._numbers = itertools.count(1)
        channels = os.environ.get("DRIVER_CHANNELS", "").split()
        self._mixture = RuleMixture(self._random, channels) if channels else Mixture(self._random)

    async def run(self, stop: asyncio.Event) -> None:
        """One command after another until told to stop."""
        while not stop.is_set():
            number = next(self._numbers)
            key = f"{self._name}-{number}"
            path, body = self._mixture.request(key)
            await self._conclude(key, path, body)
            await asyncio.sleep(PAUSE_S)

    async def _conclude(self, key: str, path: str, body: dict[str, Any]) -> None:
        """To a definite answer, and 0 to 2 times more; sometimes by two ways at once."""
        attempts = itertools.count()
        draw = self._random
        if draw.random() < 0.2:
            both = (self._attempt(key, next(attempts), path, body) for _ in range(2))
            await asyncio.gather(*both)
        for _ in range(1 + draw.randrange(3)):
            answered = await self._attempt(key, next(attempts), path, body)
            while not answered:
                await asyncio.sleep(BACK_OFF_S)
                answered = await self._attempt(key, next(attempts), path, body)

    async def _attempt(self, key: str, attempt: int, path: str, body: dict[str, Any]) -> bool:
        """Whether there was a definite answer."""
        client = self._clients[self._random.randrange(len(self._clients))]
        self._journal.write(Sent(key, attempt, path, body))
        try:
            answer = await client.request(
                method_of(path), path, json=body, headers={"Idempotency-Key": key}
            )
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            self._journal.write(Silent(key, attempt, repr(error)))
            return False
        replayed = answer.headers.get("Idempotent-Replayed") == "true"
        self._journal.write(Answered(key, attempt, answer.status_code, found, replayed))
        if answer.status_code in ACCEPTED and not replayed:
            self._mixture.accepted(key, path, body)
        return answer.status_code not in UNKNOWN


async def drive(journal: Journal, seed: int, urls: Iterable[str], key: str) -> None:
    """Ask until standard input ends."""
    clients = [
        httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=TIMEOUT_S,
            trust_env=False,
        )
        for url in urls
    ]
    stop = asyncio.Event()
    workers = [Worker(f"d{seed}-{n}", seed, journal, clients) for n in range(WORKERS)]
    running = [asyncio.create_task(worker.run(stop)) for worker in workers]
    await asyncio.to_thread(sys.stdin.read)
    stop.set()
    await asyncio.gather(*running)
    for client in clients:
        await client.aclose()


def main(arguments: list[str]) -> int:
    """Drive as the module's docstring says; prints how many entries the journal holds."""
    path, seed, *urls = arguments
    journal = Journal(Path(path))
    asyncio.run(drive(journal, int(seed), urls, os.environ["DRIVER_KEY"]))
    journal.close()
    sys.stdout.write(json.dumps({"entries": len(read_journal(Path(path)))}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
