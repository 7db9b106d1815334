"""`inventory-ledger migrate`: brings the database's tables up to date."""

import click

from api.cli.common import example, with_settings
from api.runtime.datadir import DataDirectoryBusy, locked, read_runtime
from api.runtime.migrations import migrate
from api.runtime.servers import Servers
from ledger.settings import Settings


@click.command(
    name="migrate",
    epilog=example("inventory-ledger migrate --database-url postgresql://owner@db.internal/ledger"),
)
@with_settings
def command(settings: Settings) -> None:
    """Bring the tables of a database up to date.

    Prints the name of each migration that was applied; none is ever applied twice.
    """
    applied = _apply(settings)
    for name in applied:
        click.echo(name)
    click.echo(f"{len(applied)} migrations applied", err=True)


def _apply(settings: Settings) -> list[str]:
    """A running service's database is migrated where it is; else a server runs for as long."""
    if settings.database_url is not None:
        return migrate(settings.database_url)
    try:
        with locked(settings.data_path), Servers(settings, nats=False) as servers:
            return migrate(servers.database_url)
    except DataDirectoryBusy:
        if (runtime := read_runtime(settings.data_path)) is None:
            raise
        return migrate(runtime["database"])
