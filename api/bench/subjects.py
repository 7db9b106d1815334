"""Streams of a million subjects: what the message server needs, and how fast they are filled."""

import tempfile
import threading
from functools import partial
from pathlib import Path
from typing import Final

import psycopg

from api.bench import BenchResult, Context
from api.bench.fanout import relaying
from api.bench.load import Callers, submission, with_writer
from api.bench.project import bring_to_head
from api.bench.whole_service import memory_mib
from api.runtime.natsd import EmbeddedNats
from api.runtime.processes import wait_until
from ledger.clock import SystemClock, monotonic
from ledger.domain.commands import DefineChannel, Receive, RecordMovements
from ledger.settings import Settings
from ledger.writer import Writer
from subscribers.relay import Health
from subscribers.teller import run as teller_run

SUBJECTS: Final = 1_000_000
SUBJECTS_QUICK: Final = 20_000
AT_ONCE: Final = 500
WAITING: Final = 64
_PATIENCE_S: Final = 3_600.0
_TOLD: Final = b"select told from telling.place where shard = 0"


def run(context: Context) -> list[BenchResult]:
    """One receipt of each of so many SKUs; then one channel that is told of all of them."""
    subjects = context.size or (SUBJECTS_QUICK if context.quick else SUBJECTS)
    with context.database() as own:
        with_writer(own.settings, partial(_fill, subjects))
        context.say(f"{subjects:,} stocks are recorded")
        with tempfile.TemporaryDirectory(prefix="bench-nats-") as home:
            server = EmbeddedNats(Path(home), guarded=False)
            server.start()
            try:
                return _filled(context, own, server, subjects)
            finally:
                server.stop()


def _filled(
    context: Context, own: Context, server: EmbeddedNats, subjects: int
) -> list[BenchResult]:
    settings = Settings(database_url=own.service_url, nats_url=server.url)
    empty, begun = memory_mib(server.pid), monotonic()
    with relaying(settings) as health:
        _until(lambda: health.position >= subjects)
    stock_s, with_stock = monotonic() - begun, memory_mib(server.pid)
    context.say(f"fanout {subjects / stock_s:,.0f}/s; nats-server {with_stock} MiB")
    with_writer(own.settings, _define)
    bring_to_head(own.settings)
    ats_s, with_ats = _told(settings, subjects), memory_mib(server.pid)
    return [
        _result("subjects_stock", subjects, stock_s, (empty, with_stock)),
        _result("subjects_ats", subjects, ats_s, (with_stock, with_ats)),
    ]


def _fill(subjects: int, writer: Writer) -> None:
    now = SystemClock().now()
    callers = Callers(writer, WAITING)
    commands = [
        submission(
            RecordMovements(
                movements=tuple(
                    Receive(sku=f"SKU-{n:07d}", location="dc-1", quantity=100, occurred_at=now)
                    for n in range(start, min(start + AT_ONCE, subjects))
                )
            ),
            f"subjects-{start}",
            "fact",
        )
        for start in range(0, subjects, AT_ONCE)
    ]
    callers.run(commands)
    assert not callers.failures, callers.failures[0]


def _define(writer: Writer) -> None:
    command = DefineChannel(channel="web", locations=("dc-1",))
    callers = Callers(writer, 1)
    callers.run([submission(command, "subjects-web", "fact")])
    assert not callers.failures, callers.failures[0]


def _told(settings: Settings, subjects: int) -> float:
    """Seconds until a teller has told all of them, and the stream has them."""
    stop, health, begun = threading.Event(), Health(), monotonic()
    thread = threading.Thread(target=teller_run, args=(settings, stop, health), name="teller")
    thread.start()
    try:
        assert settings.database_url is not None
        with psycopg.connect(settings.database_url, autocommit=True) as connection:
            _until(lambda: connection.execute(_TOLD).fetchone() == (subjects,))
        return monotonic() - begun
    finally:
        stop.set()
        thread.join()


def _until(condition: object) -> None:
    assert callable(condition)
    assert wait_until(condition, timeout_s=_PATIENCE_S), "it does not get there"


def _result(name: str, subjects: int, seconds: float, memory: tuple[int, int]) -> BenchResult:
    return BenchResult(
        name=name,
        value=subjects / seconds,
        unit="values/s",
        detail={
            "subjects": subjects,
            "seconds": round(seconds, 1),
            "server_mib_before": memory[0],
            "server_mib": memory[1],
        },
    )
