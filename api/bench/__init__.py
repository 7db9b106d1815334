"""Benchmarks: what the ledger does in a second, beside what the same machine does without it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
from msgspec import Struct

from api.runtime.migrations import migrate
from ledger.settings import Settings

_numbers = count(1)


class BenchResult(Struct, kw_only=True):
    """One figure beside its yardstick's; `ratio` is the first through the second."""

    name: str
    value: float
    unit: str
    yardstick: str | None = None
    yardstick_value: float | None = None
    ratio: float | None = None
    detail: dict[str, Any] = {}


@dataclass
class Context:
    """The servers a benchmark runs on, and how thorough it should be.

    `pairs` is the number of interleaved runs of a figure and its yardstick; medians count. `rate`
    and `size` are for those that can be told how much a second, and how much in all.
    """

    owner_url: str
    service_url: str
    nats_url: str | None
    nats_credentials: str | None
    settings: Settings
    quick: bool = False
    pairs: int = 5
    rate: float | None = None
    size: int | None = None
    yardsticks: Path | None = None
    say: Callable[[str], None] = field(default=lambda _: None)

    @contextmanager
    def database(self) -> Iterator["Context"]:
        """A fresh, migrated database on the same server, dropped afterwards."""
        name = f"bench_{next(_numbers)}_{id(self):x}"
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            connection.execute(f"create database {name}".encode())
        owner_url = _of(self.owner_url, name)
        try:
            migrate(owner_url)
            service_url = _of(self.service_url, name)
            yield Context(
                owner_url=owner_url,
                service_url=service_url,
                nats_url=self.nats_url,
                nats_credentials=self.nats_credentials,
                settings=Settings(
                    database_url=service_url,
                    nats_url=self.nats_url,
                    nats_credentials=self.nats_credentials,
                ),
                quick=self.quick,
                pairs=self.pairs,
                rate=self.rate,
                size=self.size,
                yardsticks=self.yardsticks,
                say=self.say,
            )
        finally:
            with psycopg.connect(self.owner_url, autocommit=True) as connection:
                connection.execute(f"drop database {name} with (force)".encode())


Bench: TypeAlias = Callable[[Context], list[BenchResult]]


def _of(url: str, database: str) -> str:
    """The same server's other database."""
    head, _, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{database}" + (f"?{query}" if query else "")
