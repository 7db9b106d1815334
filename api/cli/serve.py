"""`inventory-ledger serve`: the whole service, in the foreground."""

import logging
import os
from typing import Any

import click

from api.cli.common import example, settings_from
from api.runtime.logs import configure_logging
from api.runtime.signals import stop_on_signals
from api.runtime.supervisor import ROLES, Supervisor
from ledger.settings import unknown_names

logger = logging.getLogger(__name__)


def _roles(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    roles = tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
    unknown = [name for name in roles if name not in ROLES]
    if unknown or not roles:
        raise click.BadParameter(f"{', '.join(unknown) or value!r}: choose from {', '.join(ROLES)}")
    return roles


@click.command(
    name="serve",
    epilog=example(
        "inventory-ledger serve --port 9000 --data-dir /var/lib/ledger",
        "LEDGER_AUTH=none inventory-ledger serve",
    ),
)
@click.option(
    "--roles",
    default=",".join(ROLES),
    show_default=True,
    callback=_roles,
    help="Which of them run here.",
)
@click.option("--port", "http_port", type=int, help="Default: LEDGER_HTTP_PORT; 0: any free one.")
@click.option("--host", "http_host", help="Default: LEDGER_HTTP_HOST.")
@click.option("--data-dir", type=click.Path(file_okay=False), help="Default: LEDGER_DATA_DIR.")
@click.option("--database-url", help="Default: DATABASE_URL, else embedded.")
@click.option("--nats-url", help="Default: NATS_URL, else embedded.")
@click.option("--nats-credentials", help="A file to log in with. Default: NATS_CREDENTIALS.")
@click.option("--nats-keys", help="What lets channels in. Default: NATS_KEYS, else embedded.")
@click.option("--admin-key", help="Default: LEDGER_ADMIN_KEY, else made at first start.")
@click.option("--auth", help="required or none. Default: LEDGER_AUTH.")
@click.option("--catalog", help="open or strict. Default: LEDGER_CATALOG.")
@click.option(
    "--api-processes",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Each has the next port; one of them writes.",
)
def command(roles: tuple[str, ...], api_processes: int, **options: Any) -> None:
    """Run the service, in the foreground.

    A server that is not configured (PostgreSQL, nats-server) is started along with it. The URL is
    printed once requests are answered; on Ctrl-C, those under way get their answer first.
    """
    settings = settings_from(**options)
    configure_logging("supervisor")
    stop = stop_on_signals()
    for name in unknown_names(os.environ):
        logger.warning("no such setting", extra={"variable": name})
    supervisor = Supervisor(
        settings,
        roles=roles,
        api_processes=api_processes,
        announce=click.echo,
        show_key=lambda key: click.echo(f"admin key, shown once: {key}", err=True),
    )
    supervisor.run(stop)
