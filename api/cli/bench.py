"""`inventory-ledger bench`: what the ledger does on this machine, beside its yardsticks."""

import importlib
import tempfile
from pathlib import Path
from typing import Final

import click
import msgspec
from msgspec.structs import replace
from rich.console import Console

from api.bench import Bench, BenchResult, Context
from api.bench.yardsticks import find
from api.cli.common import example, with_settings
from api.runtime.session import open_session
from ledger.settings import Settings

BENCHES: Final = {
    "append": "api.bench.append:run",
    "late": "api.bench.late:run",
    "proof": "api.bench.proof:run",
    "hot_row": "api.bench.hot:run_row",
    "hot_library": "api.bench.hot:run_library",
    "http_one": "api.bench.http:run_one",
    "http_two": "api.bench.http:run_two",
    "project": "api.bench.project:run",
    "verify": "api.bench.verify:run",
    "asof": "api.bench.asof:run",
    "fanout": "api.bench.fanout:run",
    "latency": "api.bench.latency:run",
}
ON_DEMAND: Final = {
    "year": "api.bench.year:run",
    "channels": "api.bench.channels:run",
    "rules": "api.bench.rules:run",
    "subjects": "api.bench.subjects:run",
}
"""Too long for those who name none."""


@click.command(
    name="bench",
    epilog=example(
        "inventory-ledger bench --quick",
        "inventory-ledger bench append hot_row --json bench.json",
        "inventory-ledger bench channels --pairs 7 --rate 500",
    ),
)
@click.argument("names", metavar="[NAME]...", nargs=-1, type=click.Choice([*BENCHES, *ON_DEMAND]))
@click.option("--quick", is_flag=True, help="One short run of each: a minute for all.")
@click.option("--pairs", default=5, show_default=True, help="Interleaved runs; medians count.")
@click.option(
    "--rate", type=float, help="Requests a second of `channels`: else half of what it can take."
)
@click.option(
    "--size", type=int, help="SKUs of `rules`, subjects of `subjects`, events of `verify`."
)
@click.option(
    "--json", "path", type=click.Path(dir_okay=False, path_type=Path), help="Write results here."
)
@with_settings
def bench_command(
    settings: Settings,
    names: tuple[str, ...],
    *,
    quick: bool,
    pairs: int,
    rate: float | None,
    size: int | None,
    path: Path | None,
) -> None:
    """Measure this machine, each figure beside its yardstick.

    Everything runs on servers of its own, in databases of their own, dropped afterwards. NAME is
    any of append, late, proof, hot_row, hot_library, http_one, http_two, project, verify, asof,
    fanout and latency; without one, all of these are run. What takes longer has to be named: year
    (ten million events), channels (a flash sale that twenty channels listen to), rules (a change
    of rules on many SKUs) and subjects (streams of a million subjects).
    """
    console = Console(stderr=True)
    results: list[BenchResult] = []
    with tempfile.TemporaryDirectory(prefix="ledger-bench-") as scratch:
        own = replace(settings, data_dir=scratch)
        with open_session(own, nats=True) as session:
            context = Context(
                owner_url=session.owner_url,
                service_url=session.service_url,
                nats_url=session.nats_url,
                nats_credentials=session.nats_credentials,
                settings=own,
                quick=quick,
                pairs=1 if quick else pairs,
                rate=rate,
                size=size,
                yardsticks=find(),
                say=lambda line: console.print(line, style="dim"),
            )
            for name in names or tuple(BENCHES):
                for result in _bench(name)(context):
                    results.append(result)
                    click.echo(_line(result))
                    if path is not None:  # After each: an interrupted run keeps what it has.
                        path.write_bytes(msgspec.json.format(_document(results)))


command = bench_command


def _bench(name: str) -> Bench:
    module, _, function = {**BENCHES, **ON_DEMAND}[name].partition(":")
    bench: Bench = getattr(importlib.import_module(module), function)
    return bench


def _document(results: list[BenchResult]) -> bytes:
    return msgspec.json.encode({"results": results})


def _line(result: BenchResult) -> str:
    line = f"{result.name:12} {result.value:>12,.1f} {result.unit}"
    if result.yardstick_value is not None:
        line += f"  = {result.ratio:,.2f} x {result.yardstick} ({result.yardstick_value:,.1f})"
    return line
