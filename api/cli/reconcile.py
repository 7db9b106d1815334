"""`inventory-ledger reconcile`: another system's balances in a file, beside the ledger's."""

import csv
import heapq
import http.client
import json
import secrets
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self, TextIO
from urllib.parse import urlsplit

import click
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from api.cli.common import Moment, example, settings_from, with_url
from api.cli.local_service import Service, service_at
from api.importing.balances import form_of, lines_of, rows_of
from api.importing.columns import UnreadableFile
from projections.reconciliations.classify import VARIANCE_CLASSES

WORST_SHOWN: Final = 20
"""Variances that fit on a screen; a file has them all."""

_PATIENCE_S: Final = 600.0  # A million keys take a minute or two; nothing is heard meanwhile.

_FIELDS: Final = (
    *("sku", "location", "theirs", "ours", "variance", "class", "missing", "unfamiliar"),
    *("unexplained", "positions", "movement_ids"),
)


class Worst(Struct):
    """The largest variances of a stream of them."""

    kept: list[tuple[int, str, str, Any]]

    def take(self, variance: Any) -> None:
        """One more."""
        size = abs(variance["variance"])
        entry = (size, variance["location"], variance["sku"], variance)
        if len(self.kept) < WORST_SHOWN:
            heapq.heappush(self.kept, entry)
        else:
            heapq.heappushpop(self.kept, entry)

    def listed(self) -> list[Any]:
        """The largest first."""
        return [entry[-1] for entry in sorted(self.kept, key=lambda one: (-one[0], one[1:3]))]


class MomentOrPosition(Moment):
    """A time with an offset, or a position."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As the API takes it."""
        if value.isascii() and value.isdecimal():
            return value
        return super().convert(value, param, ctx)


@click.command(
    name="reconcile",
    epilog=example(
        "inventory-ledger reconcile erp.csv --source erp --as-of 2026-11-23T22:00:00Z",
        "inventory-ledger reconcile wms.parquet --source wms --tolerance 2 -o all.csv",
    ),
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", required=True, help="Whose balances these are.")
@click.option("--as-of", type=Moment(), help="The moment they are of. Default: now.")
@click.option(
    "--known-at",
    type=MomentOrPosition(),
    help="A time or position up to which the ledger counts. Default: now.",
)
@click.option("--taken-at", type=Moment(), help="When they were drawn up. Default: --as-of.")
@click.option(
    "--measure",
    type=click.Choice(["on_hand", "sellable", "available"]),
    default="on_hand",
    show_default=True,
    help="What they are figures of.",
)
@click.option("--tolerance", type=click.IntRange(0), default=0, help="Units that do not matter.")
@click.option(
    "--tolerance-per-mille",
    type=click.IntRange(0, 1_000),
    default=0,
    help="Thousandths of ours that do not matter.",
)
@click.option("--complete", is_flag=True, help="Keys that the file lacks count as none.")
@click.option("--location", help="Of every balance, where the file has no such column.")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl", "parquet"]))
@click.option("--id", "name", help="Of the reconciliation; the same file again is the same one.")
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help=".jsonl or .csv: all."
)
@with_url
@click.option("--data-dir", type=click.Path(file_okay=False), help="Default: LEDGER_DATA_DIR.")
@click.option("--api-key", help="Default: LEDGER_ADMIN_KEY, else the data directory's.")
def command(file: Path, url: str | None, as_json: bool, output: Path | None, **given: Any) -> None:
    """Compare another system's balances with the ledger.

    FILE is CSV, JSONL or Parquet, with columns sku, location and quantity. Exit 1 where a key
    differs by more than the tolerance.
    """
    settings = settings_from(data_dir=given["data_dir"], admin_key=given["api_key"])
    worst = Worst([])
    try:
        form = form_of(file, given["form"])
        with _Sink(output) as sink, service_at(settings, url) as service:
            key = given["name"] or f"reconcile-{secrets.token_hex(8)}"
            started = time.monotonic()
            response = _send(service, key, _body(file, form, given), rows_of(file, form))
            found = json.loads(response.readline())
            for line in response:
                variance = json.loads(line)
                sink.take(line, variance)
                worst.take(variance)
            seconds = time.monotonic() - started
    except UnreadableFile as error:
        raise click.ClickException(str(error)) from error
    except (OSError, http.client.HTTPException) as error:
        raise click.ClickException(f"the service did not answer: {error}") from error
    if as_json:
        click.echo(json.dumps({**found, "seconds": round(seconds, 3), "worst": worst.listed()}))
    else:
        _report(found, worst.listed(), seconds)
    raise SystemExit(1 if found["alert"] else 0)


def _body(file: Path, form: str, given: dict[str, Any]) -> Iterator[tuple[bytes, int]]:
    """The stream of lines, with how many balances each piece has."""
    tolerance = {"units": given["tolerance"], "per_mille": given["tolerance_per_mille"]}
    head = {
        "source": given["source"],
        "measure": given["measure"],
        "tolerance": tolerance,
        "complete": given["complete"],
    }
    head |= {
        name: given[name] for name in ("as_of", "known_at", "taken_at") if given[name] is not None
    }
    yield json.dumps(head).encode() + b"\n", 0
    for lines in lines_of(file, form, given["location"]):
        if lines:
            yield b"\n".join(lines) + b"\n", len(lines)


def _send(
    service: Service, key: str, body: Iterator[tuple[bytes, int]], rows: int | None
) -> http.client.HTTPResponse:
    """The answer, once the whole list has been taken. Raises ClickException with a refusal."""
    parts = urlsplit(service.url)
    if parts.scheme == "https":
        tls = ssl.create_default_context()
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            parts.netloc, timeout=_PATIENCE_S, context=tls
        )
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=_PATIENCE_S)
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": key}
    if service.key:
        headers["Authorization"] = f"Bearer {service.key}"
    path = f"{parts.path.rstrip('/')}/v1/reconciliations"
    with suppress(BrokenPipeError, ConnectionResetError):  # Refused half-way: the answer says why.
        pieces = _watched(body, rows)
        connection.request("POST", path, pieces, headers, encode_chunked=True)
    response = connection.getresponse()
    if response.status != http.client.CREATED:
        raise click.ClickException(_refusal(response))
    return response


def _watched(body: Iterator[tuple[bytes, int]], rows: int | None) -> Iterator[bytes]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("comparing", total=rows)
        for piece, count in body:
            yield piece
            progress.advance(bar, count)


def _refusal(response: http.client.HTTPResponse) -> str:
    text = response.read()
    try:
        problem = json.loads(text)
        return f"{problem['title']} {problem['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"the service answered {response.status}: {text[:200]!r}"


class _Sink:
    """Where all variances go: a file of lines, a CSV file, or nowhere."""

    def __init__(self, path: Path | None) -> None:
        if path is not None and path.suffix.lower() not in {".csv", ".jsonl", ".ndjson"}:
            raise click.BadParameter("ends in .csv or .jsonl", param_hint="--output")
        self._path = path
        self._file: TextIO | None = None
        self._rows: Any = None

    def __enter__(self) -> Self:
        if self._path is not None:
            try:
                self._file = self._draft(self._path).open("w", encoding="utf-8", newline="")
            except OSError as error:
                raise click.BadParameter(
                    f"{self._path} cannot be written: {error.strerror}", param_hint="--output"
                ) from error
            if self._path.suffix.lower() == ".csv":
                self._rows = csv.DictWriter(self._file, _FIELDS, extrasaction="ignore")
                self._rows.writeheader()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._file is None or self._path is None:
            return
        try:
            with self._in_words():
                self._file.close()
            if kind is None:
                self._draft(self._path).replace(self._path)
        finally:
            self._draft(self._path).unlink(missing_ok=True)

    def take(self, line: bytes, variance: dict[str, Any]) -> None:
        """One variance, as it came and taken apart."""
        with self._in_words():
            self._write(line, variance)

    def _write(self, line: bytes, variance: dict[str, Any]) -> None:
        if self._rows is not None:
            movements = [one for part in variance["explanation"] for one in part["movements"]]
            positions = " ".join(str(one["position"]) for one in movements)
            names = " ".join(one["movement_id"] or "" for one in movements).strip()
            self._rows.writerow({**variance, "positions": positions, "movement_ids": names})
        elif self._file is not None:
            self._file.write(line.decode())

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise click.ClickException(f"{self._path} cannot be written: {error}") from error

    @staticmethod
    def _draft(path: Path) -> Path:
        """Beside it: what is there stays until the whole answer is."""
        return path.with_name(f".{path.name}.new")


def _report(found: dict[str, Any], worst: list[Any], seconds: float) -> None:
    totals = found["totals"]
    click.echo(f"source            {found['source']} as of {found['as_of']}")
    click.echo(f"reconciliation    {found['reconciliation_id']}")
    for name, words in (
        ("keys", "keys compared"),
        ("matched", "equal"),
        ("within", "within tolerance"),
        ("beyond", "beyond tolerance"),
    ):
        click.echo(f"{words:<18}{totals[name]:>10,}")
    for kind in VARIANCE_CLASSES:
        click.echo(f"  {kind:<16}{totals[kind]:>10,}  {totals[f'{kind}_units']:,} units")
    click.echo(f"missing           {totals['missing']:>10,}")
    click.echo(f"unfamiliar        {totals['unfamiliar']:>10,}")
    click.echo(f"ledger position   {found['position']:>10,}")
    rate = totals["keys"] / seconds if seconds else 0.0
    click.echo(f"{seconds:.1f} s: {rate:,.0f} keys/s")
    if worst:
        _worst(worst)


def _worst(worst: list[Any]) -> None:
    table = Table(title=f"The {len(worst)} largest variances", title_justify="left")
    for name in ("sku", "location"):
        table.add_column(name)
    for name in ("theirs", "ours", "variance"):
        table.add_column(name, justify="right")
    for name in ("class", "events"):
        table.add_column(name)
    for one in worst:
        told = [
            f"{part['role']} {', '.join(str(m['position']) for m in part['movements'][:3])}"
            + ("…" if part["movements_total"] > 3 else "")
            for part in one["explanation"]
        ]
        note = [word for word in ("missing", "unfamiliar") if one[word]]
        figures = (f"{one[name]:,}" for name in ("theirs", "ours", "variance"))
        table.add_row(one["sku"], one["location"], *figures, one["class"], "; ".join(told + note))
    console = Console()
    console.print(table)
