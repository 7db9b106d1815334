"""`inventory-ledger rebuild NAME|all`: projections anew from the ledger, beside the live ones."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from api.cli.common import example, with_settings
from api.runtime.database import prepare
from api.runtime.datadir import DataDirectoryBusy, locked, read_runtime
from api.runtime.servers import Servers
from ledger.settings import Settings
from projections.proof.notary import fell
from projections.rebuild import CannotRebuild, RebuildRunning, Step, rebuild
from projections.registry import NAMES

TREE: Final = "proof"


@click.command(
    name="rebuild",
    epilog=example("inventory-ledger rebuild stock", "inventory-ledger rebuild all"),
)
@click.argument("name", metavar="NAME|all", type=click.Choice([*NAMES, "all", TREE]))
@with_settings
def rebuild_command(settings: Settings, name: str) -> None:
    """Make a projection anew from the log, then swap it in.

    NAME is stock, history, reservations, conflicts, transfers, returns, counts, catalog,
    channels, fences, statements or reconciliations.
    The service may go on meanwhile: it answers from the old tables until the new ones are ready.
    `proof`, which is not one of `all`, throws the tree of the ledger's evidence away: the running
    service grows it again, and it has to come to what was attested last.
    """
    if name == TREE:
        with _database(settings) as url:
            fell(url)
        click.echo("the tree grows again from the first position on; what was attested stays")
        return
    names = list(NAMES) if name == "all" else [name]
    with _database(settings) as url, _bar() as show:
        try:
            last = rebuild(url, names, show)
        except (CannotRebuild, RebuildRunning) as error:
            raise click.ClickException(str(error)) from error
    rate = last.position / last.seconds if last.seconds else 0.0
    click.echo(
        f"rebuilt {', '.join(names)}: {last.position:,} events in {last.seconds:.1f} s"
        f" ({rate:,.0f}/s)"
    )


command = rebuild_command


@contextmanager
def _database(settings: Settings) -> Iterator[str]:
    """The given database, the one of the directory's service, or a server run for as long."""
    if settings.database_url is not None:
        yield prepare(settings.database_url).service_url
        return
    try:
        with locked(settings.data_path), Servers(settings, nats=False) as servers:
            yield prepare(servers.database_url).service_url
    except DataDirectoryBusy:
        if (runtime := read_runtime(settings.data_path)) is None:
            raise
        yield prepare(runtime["database"]).service_url


@contextmanager
def _bar() -> Iterator[Callable[[Step], None]]:
    """A progress bar on standard error."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} events"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("events", total=1)

        def show(step: Step) -> None:
            progress.update(
                task,
                description=step.phase,
                completed=step.position,
                total=max(1, step.head, step.position),
            )

        yield show
