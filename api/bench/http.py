"""One reservation a request over HTTP: one API process, then two of which one forwards."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from api.bench import BenchResult, Context
from api.bench.hot import fill
from api.bench.http_client import Outcome, Plan
from api.bench.load import with_writer
from api.bench.yardsticks import beside
from api.runtime.datadir import read_runtime
from api.runtime.processes import wait_until

REQUESTS: Final = 30_000
WARM_UP: Final = 2_000
HOLDS: Final = 100_000
CONNECTIONS: Final = 64
_KEY: Final = "bench-key-0123456789abcdef"
_START_S: Final = 60.0
_BODY: Final = (
    '{"reservation_id":"http-%d","channel":"web","kind":"soft",'
    '"expires_at":"2096-10-02T07:06:40Z",'
    '"lines":[{"sku":"HOT","location":"web","quantity":1}]}'
)
_RESERVE: Final = "/v1/reservations"
_NOTHING: Final = "/v1/bench/noop"
_TYPED: Final = "/v1/bench/typed"


def run_one(context: Context) -> list[BenchResult]:
    """One process, beside a request of the same size that passes everything and does nothing."""
    with context.database() as own, tempfile.TemporaryDirectory() as scratch:
        _fill(own)
        with _service(own, Path(scratch), processes=1) as addresses:
            load = _Load(addresses, context.quick)
            load.send(_RESERVE, WARM_UP)
            ours: list[_Run] = []
            theirs: list[_Run] = []
            typed: list[_Run] = []
            for _ in range(context.pairs):
                ours.append(load.send(_RESERVE))
                theirs.append(load.send(_NOTHING))
                typed.append(load.send(_TYPED))
                context.say(f"http_one {ours[-1].rate:,.0f}/s beside {theirs[-1].rate:,.0f}/s")
    return [
        _result("http_one", ours, theirs, "a POST that does nothing"),
        _result(
            "http_one_typed", ours, typed, "one that decodes and answers, as the framework does"
        ),
    ]


def run_two(context: Context) -> list[BenchResult]:
    """Two processes, connections to both, beside one process, in turns on the same database."""
    ours: list[_Run] = []
    theirs: list[_Run] = []
    with context.database() as own, tempfile.TemporaryDirectory() as scratch:
        _fill(own)
        numbers = iter(range(0, 1_000_000_000, 1_000_000))
        for turn in range(context.pairs):
            for processes, results in ((1, theirs), (2, ours)):
                place = Path(scratch) / f"{turn}-{processes}"
                with _service(own, place, processes=processes) as addresses:
                    load = _Load(addresses, context.quick, next(numbers))
                    load.send(_RESERVE, WARM_UP)
                    results.append(load.send(_RESERVE))
            context.say(f"http_two {ours[-1].rate:,.0f}/s beside {theirs[-1].rate:,.0f}/s")
    return [_result("http_two", ours, theirs, "http_one")]


class _Run(msgspec.Struct):
    rate: float
    p50_us: int
    p99_us: int


class _Load:
    """Numbered requests to a service, each number once."""

    def __init__(self, addresses: list[tuple[str, int]], quick: bool, first: int = 0) -> None:
        self._addresses = addresses
        self._requests = REQUESTS // 10 if quick else REQUESTS
        self._next = first

    def send(self, path: str, requests: int | None = None) -> _Run:
        count = requests or self._requests
        plan = Plan(
            addresses=self._addresses,
            path=path,
            headers={"Authorization": f"Bearer {_KEY}"},
            body=_BODY,
            key="http-%d",
            first=self._next,
            requests=count,
            connections=CONNECTIONS,
        )
        self._next += count
        outcome = _client(plan)
        assert set(outcome.statuses) == {201}, f"an error reached a caller: {outcome.statuses}"
        return _Run(count / outcome.seconds, outcome.p50_us, outcome.p99_us)


def _client(plan: Plan) -> Outcome:
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(msgspec.json.encode(plan))
        file.flush()
        printed = subprocess.check_output(
            [sys.executable, "-m", "api.bench.http_client", file.name]
        )
    return msgspec.json.decode(printed, type=Outcome)


def _fill(own: Context) -> None:
    holds = 5_000 if own.quick else HOLDS
    with_writer(own.settings, partial(fill, holds))


@contextmanager
def _service(own: Context, scratch: Path, *, processes: int) -> Iterator[list[tuple[str, int]]]:
    """A service without projector and relay: what is measured is the way in."""
    scratch.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "api.cli.main", "serve", "--data-dir", str(scratch)]
    command += ["--port", "0", "--roles", "api", "--api-processes", str(processes)]
    command += ["--database-url", own.owner_url, "--nats-url", str(own.nats_url)]
    if own.nats_credentials is not None:
        command += ["--nats-credentials", own.nats_credentials]
    environment = {**os.environ, "LEDGER_ADMIN_KEY": _KEY, "INVENTORY_LEDGER_BENCH": "1"}
    with (scratch / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait_until(lambda: _ready(scratch, process), timeout_s=_START_S)
        runtime = read_runtime(scratch)
        assert runtime is not None
        yield _addresses(runtime, processes)
    finally:
        process.terminate()
        process.wait()


def _ready(scratch: Path, process: "subprocess.Popen[bytes]") -> bool:
    if process.poll() is not None:
        raise RuntimeError((scratch / "serve.log").read_text()[-2_000:])
    return read_runtime(scratch) is not None


def _addresses(runtime: dict[str, Any], processes: int) -> list[tuple[str, int]]:
    url = urlsplit(runtime["http"])
    assert url.hostname is not None
    assert url.port is not None
    return [(url.hostname, url.port + index) for index in range(processes)]


def _result(name: str, ours: list[_Run], theirs: list[_Run], yardstick: str) -> BenchResult:
    p99, p99_other = (median(run.p99_us for run in runs) for runs in (ours, theirs))
    return beside(
        name,
        median(run.rate for run in ours),
        "requests/s",
        yardstick,
        median(run.rate for run in theirs),
        {
            "connections": CONNECTIONS,
            "p50_us": median(run.p50_us for run in ours),
            "p99_us": p99,
            "yardstick_p99_us": p99_other,
            "p99_ratio": round(p99 / p99_other, 2),
            "runs": [round(run.rate) for run in ours],
            "yardstick_runs": [round(run.rate) for run in theirs],
        },
    )
