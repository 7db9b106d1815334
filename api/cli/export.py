"""`inventory-ledger export`: the ledger as a file for auditors."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.cli.common import example, require_ledger, with_settings
from api.exporting.jsonl import JsonLinesFile, JsonLinesStream
from api.exporting.ledger import CannotExport, Ledger, Span
from api.exporting.output import Output
from api.exporting.parquet import ParquetFile
from api.runtime.session import open_session
from ledger.settings import Settings

STANDARD_OUTPUT: Final = "-"

Format = Literal["jsonl", "parquet"]


@click.command(
    name="export",
    epilog=example(
        "inventory-ledger export --format parquet -o ledger.parquet",
        "inventory-ledger export --format jsonl -o - --from 1001 --to 2000 | gzip > part.gz",
    ),
)
@click.option("--format", "form", type=click.Choice(["jsonl", "parquet"]), required=True)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    required=True,
    help="Where to; - is standard output (jsonl only).",
)
@click.option(
    "--from", "first", metavar="P", type=click.IntRange(min=1), default=1, show_default=True
)
@click.option("--to", "last", metavar="P", type=click.IntRange(min=1), help="Default: the head.")
@with_settings
def command(
    settings: Settings, *, form: Format, output: Path, first: int, last: int | None
) -> None:
    """Write every event row of a range of positions to a file.

    Bodies are the very bytes that are stored. Start it again after a kill and it goes on where it
    ended; start it again later and it adds what has been recorded since. What is there already is
    not exported again.
    """
    if form == "parquet" and output == Path(STANDARD_OUTPUT):
        raise click.UsageError("Parquet cannot be streamed: name a file, or take --format jsonl")
    require_ledger(settings)
    try:
        with open_session(settings) as session, Ledger(session.service_url) as ledger:
            span = _span(first, last, ledger.head)
            said = _export(ledger, span, _opened(form, output), str(output))
    except CannotExport as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"cannot write {output}: {error}") from error
    click.echo(said, err=output == Path(STANDARD_OUTPUT))


def _span(first: int, last: int | None, head: int) -> Span:
    if last is not None and last > head:
        raise click.UsageError(f"--to {last}: the ledger ends at position {head}")
    if first > (head if last is None else last) + 1:
        raise click.UsageError(f"--from {first} is beyond {head if last is None else last}")
    return Span(first, head if last is None else last)


def _opened(form: Format, output: Path) -> Output:
    if output == Path(STANDARD_OUTPUT):
        return JsonLinesStream(sys.stdout.buffer)
    return JsonLinesFile(output) if form == "jsonl" else ParquetFile(output)


def _export(ledger: Ledger, span: Span, output: Output, name: str) -> str:
    """Write what is missing; a sentence on what that was."""
    started = time.monotonic()
    try:
        after = output.resume(ledger, span)
        with _bar(span, after) as show:
            for page in ledger.pages(after, span.last):
                output.write(page)
                show(page[-1].position)
            output.finish(span)
    finally:
        output.close()
    events, seconds = span.last - after, time.monotonic() - started
    if not events and span.events:
        return f"{name} is complete already: positions {span.first:,} to {span.last:,}"
    there = after - span.first + 1
    return (
        f"exported {events:,} events, up to position {span.last:,}, in {seconds:.1f} s"
        f" ({events / seconds:,.0f}/s)" + (f"; {there:,} were there already" if there else "")
    )


@contextmanager
def _bar(span: Span, after: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error."""
    columns = (
        TextColumn("exporting"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=span.events, completed=after - span.first + 1)
        yield lambda position: progress.update(task, completed=position - span.first + 1)
