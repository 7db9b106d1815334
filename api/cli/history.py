"""`inventory-ledger history SKU LOCATION`: what happened to a stock, told and drawn."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from typing import Final

import click
import msgspec
import uvloop
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from api.cli.common import example, settings_from, with_url
from api.cli.local_service import Service, service_at
from api.importing.connection import Connection
from api.importing.sending import REQUEST_TIMEOUT_S
from api.schemas.questions import MovementItem
from api.timeline.lines import Timeline
from api.timeline.reading import NoHistory, Page, Wanted, changes
from projections.history.movements import Order

_decode: Final = msgspec.json.Decoder(MovementItem).decode


class Moment(click.ParamType[str]):
    """A time, UTC where it has no offset, or a day: from its beginning, or to its end."""

    name = "time"

    def __init__(self, of_day: time) -> None:
        """Take the time that a day alone stands for."""
        self._of_day = of_day

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The time as the API takes it."""
        try:
            found = datetime.combine(date.fromisoformat(value), self._of_day)
        except ValueError:
            try:
                found = datetime.fromisoformat(value)
            except ValueError:
                example = "2026-11-23 or 2026-11-23T09:00:00Z"
                self.fail(f"{value!r} is no day or time such as {example}", param, ctx)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()


@click.command(
    name="history",
    epilog=example(
        "inventory-ledger history MUG ams-1",
        "inventory-ledger history MUG ams-1 --from 2026-11-23 --order recorded --limit 20",
    ),
)
@click.argument("sku")
@click.argument("location")
@click.option("--from", "start", type=Moment(time.min), metavar="T", help="A time, or a day.")
@click.option("--to", "end", type=Moment(time.max), metavar="T", help="A time, or a day, included.")
@click.option(
    "--order",
    type=click.Choice(["occurred", "recorded"]),
    default="occurred",
    show_default=True,
    help="By business time, or by when the ledger learned of it.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Stop after so many.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line, as the API has it.")
@with_url
@click.option("--data-dir", type=click.Path(file_okay=False), help="Default: LEDGER_DATA_DIR.")
@click.option("--api-key", help="Default: LEDGER_ADMIN_KEY, else the data directory's.")
def command(
    sku: str,
    location: str,
    start: str | None,
    end: str | None,
    order: Order,
    *,
    limit: int | None,
    as_json: bool,
    url: str | None,
    data_dir: str | None,
    api_key: str | None,
) -> None:
    """Tell what happened to a SKU at a location, and draw its level.

    A line a change: when, by how much, what there was afterwards, what happened and who said so.
    """
    settings = settings_from(data_dir=data_dir, admin_key=api_key)
    wanted = Wanted(sku, location, order, start, end, limit)
    timeline = (
        None if as_json else Timeline(sku, location, order, shutil.get_terminal_size().columns)
    )
    try:
        with service_at(settings, url) as service:
            uvloop.run(_tell(service, wanted, timeline))
    except NoHistory as error:
        raise click.ClickException(str(error)) from error


async def _tell(service: Service, wanted: Wanted, timeline: Timeline | None) -> None:
    headers = {"Authorization": f"Bearer {service.key}"} if service.key else {}
    connection = Connection(service.url, timeout_s=REQUEST_TIMEOUT_S, headers=headers)
    more = False
    try:
        with _bar() as show:
            async for page in changes(connection, wanted):
                _print(page, timeline)
                show(len(page.items))
                more = page.next_cursor is not None
    finally:
        connection.close()
    for line in timeline.end(more=more) if timeline is not None else ():
        click.echo(line)


def _print(page: Page, timeline: Timeline | None) -> None:
    if timeline is None:
        click.echo(b"".join(bytes(item) + b"\n" for item in page.items), nl=False)
        return
    for item in page.items:
        click.echo("\n".join(timeline.change(_decode(item))))


@contextmanager
def _bar() -> Iterator[Callable[[int], None]]:
    """Progress on standard error, where the lines themselves do not show it."""
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} changes"), TimeElapsedColumn())
    shown = not sys.stdout.isatty()
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not shown) as progress:
        task = progress.add_task("", total=None)
        yield lambda count: progress.advance(task, count)
