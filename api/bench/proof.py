"""What evidence costs everybody: answers and CPU at half of capacity, with and without a notary."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
import psycopg
from msgspec import Struct

from api.bench import BenchResult, Context
from api.bench.load import Callers, at_rate, p99_ms, submission, with_writer
from api.bench.yardsticks import beside
from api.runtime.child import MODULE
from api.runtime.processes import cpu_seconds, processes_in, stop, wait_until
from ledger.domain.commands import Receive, RecordMovements
from ledger.settings import to_environ
from ledger.submission import Submission
from ledger.writer import Writer
from projections.proof.notary import ledger_id
from projections.proof.notes import Signer, origin_of

STOCKS: Final = 5_000
CAPACITY_MOVEMENTS: Final = 30_000
CAPACITY_MOVEMENTS_QUICK: Final = 5_000
SECONDS: Final = 5.0
SECONDS_QUICK: Final = 1.0
_START_S: Final = 60.0
_BEHIND: Final = """
select h.position - t.position from ledger.heads h, projections.tracking t
 where t.projection = 'proof'
"""


class _Cost(Struct, frozen=True):
    p99_ms: float
    cpu_us: float  # An event, of the writer, the database and the notary together.


def run(context: Context) -> list[BenchResult]:
    """Interleaved runs over the same stocks: the notary is there in every second of them."""
    with context.database() as own:
        return with_writer(own.settings, partial(_measure, context, own))  # type: ignore[no-any-return]


def _measure(context: Context, own: Context, writer: Writer) -> list[BenchResult]:
    rate = _capacity(writer, CAPACITY_MOVEMENTS_QUICK if context.quick else CAPACITY_MOVEMENTS) / 2
    seconds = SECONDS_QUICK if context.quick else SECONDS
    home = _data_directory(own)
    attested: list[_Cost] = []
    plain: list[_Cost] = []
    for turn in range(context.pairs):
        _checkpoint(own)
        plain.append(_run(writer, f"{turn}-plain", rate, seconds, home))
        with _notary(own) as process:
            name = f"{turn}-attested"
            _checkpoint(own)
            attested.append(_run(writer, name, rate, seconds, home, process.pid))
        context.say(
            f"proof p99 {attested[-1].p99_ms:.2f} ms beside {plain[-1].p99_ms:.2f} ms,"
            f" CPU {attested[-1].cpu_us:.1f} µs an event beside {plain[-1].cpu_us:.1f} µs"
        )
    return [
        _result("proof", "ms (p99)", rate, [c.p99_ms for c in attested], [c.p99_ms for c in plain]),
        _result(
            "proof_cpu", "µs/event", rate, [c.cpu_us for c in attested], [c.cpu_us for c in plain]
        ),
    ]


def _result(
    name: str, unit: str, rate: float, with_notary: list[float], without: list[float]
) -> BenchResult:
    detail: dict[str, object] = {
        "movements_per_s": round(rate),
        "runs": [round(one, 2) for one in with_notary],
        "yardstick_runs": [round(one, 2) for one in without],
    }
    value, other = median(with_notary), median(without)
    return beside(name, value, unit, "without a notary", other, detail)


def _capacity(writer: Writer, movements: int) -> float:
    callers = Callers(writer, 1_000)
    seconds = callers.run([_receive(number, f"capacity-{number}") for number in range(movements)])
    assert not callers.failures, callers.failures[0]
    return movements / seconds


def _run(writer: Writer, name: str, rate: float, seconds: float, *watched: Path | int) -> _Cost:
    total = int(rate * seconds)
    commands = [_receive(number, f"{name}-{number}") for number in range(total)]
    before = _cpu(watched)
    waits = at_rate(writer, commands, rate)
    return _Cost(p99_ms(waits), (_cpu(watched) - before) / total * 1e6)


def _cpu(watched: tuple[Path | int, ...]) -> float:
    """Seconds that this process, the database and the notary have computed so far."""
    pids = {os.getpid()}
    for one in watched:
        pids |= {one} if isinstance(one, int) else set(processes_in(one))
    return sum(map(cpu_seconds, pids))


def _checkpoint(context: Context) -> None:
    """The database's own, whose turn it would be now and then in the one or the other run."""
    with psycopg.connect(context.owner_url, autocommit=True) as connection:
        connection.execute("checkpoint")


def _data_directory(context: Context) -> Path:
    """Where the server's processes are at home; those of another machine are not counted."""
    with psycopg.connect(context.owner_url) as connection:
        row = connection.execute("select current_setting('data_directory')").fetchone()
    assert row is not None
    return Path(row[0])


@contextmanager
def _notary(context: Context) -> Iterator[subprocess.Popen[bytes]]:
    """The notary as `serve` runs it, after it has caught up."""
    url = context.service_url
    key = Signer.new(origin_of(ledger_id(url))).private_key
    settings = msgspec.structs.replace(context.settings, checkpoint_key=key)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", MODULE, "notary", settings.data_dir, str(os.getpid())],
        env={**os.environ, **to_environ(settings)},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            assert wait_until(lambda: _caught_up(connection), timeout_s=_START_S), "no notary"
        yield process
    finally:
        stop(process, [(signal.SIGTERM, _START_S)])


def _caught_up(connection: psycopg.Connection) -> bool:
    row = connection.execute(_BEHIND).fetchone()
    return row is not None and row[0] == 0


def _receive(number: int, name: str) -> Submission:
    sku = f"SKU-{number % STOCKS:06d}"
    movement = Receive(sku=sku, location="store-1", quantity=1, reference="PO-1")
    return submission(RecordMovements(movements=(movement,)), name, "fact")
