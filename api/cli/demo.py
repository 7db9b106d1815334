"""`inventory-ledger demo`: a retail day through the real service, told as it happens."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import click
import uvloop

from api.cli.common import example
from api.cli.local_service import Service, started
from api.cli.progress import watched
from api.demo.client import Client, Unexpected
from api.demo.day import Chapter, retail_day
from api.demo.listening import Listener
from api.demo.story import Story
from api.importing.connection import Connection
from api.importing.sending import REQUEST_TIMEOUT_S, ImportStopped, Sender, Tally
from api.runtime.signals import stop_on_signals
from ledger.settings import Settings, load_settings, login_with

DEFAULT_SEED: Final = 11
_RULE: Final = "─" * 78


@click.command(
    name="demo",
    epilog=example("inventory-ledger demo --once", "inventory-ledger demo --seed 42"),
)
@click.option("--once", is_flag=True, help="Stop after the story instead of serving on.")
@click.option(
    "--seed", type=int, default=DEFAULT_SEED, show_default=True, help="Another seed, another day."
)
def command(once: bool, seed: int) -> None:
    """Tell a made-up retail day through a service of its own.

    The service runs in a fresh directory, which is removed at the end; the day goes through its
    HTTP API, and `verify` has the last word.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="inventory-ledger-demo-") as home:
        # A fresh directory: the demo never writes into a configured database or stream.
        settings = load_settings({}, data_dir=home)
        click.echo("starting PostgreSQL, nats-server and the service", err=True)
        with started(settings) as service:
            try:
                uvloop.run(_tell(service, seed))
            except (Unexpected, ImportStopped) as error:
                raise click.ClickException(str(error)) from error
            _verify(settings)
            click.echo(f"The whole day took {time.monotonic() - began:.1f} s.")
            if not once:
                _serve_on(service, home)


async def _tell(service: Service, seed: int) -> None:
    def connect() -> Client:
        return Client(service.url, service.key)

    async def record(chapter: Chapter, what: str) -> Tally:
        headers = {"Authorization": f"Bearer {service.key}"} if service.key else {}
        sender = Sender(
            chapter,
            lambda: Connection(service.url, timeout_s=REQUEST_TIMEOUT_S, headers=headers),
        )
        return await watched(sender, chapter.rows, what)

    assert service.nats_url is not None, "the demo runs its own nats-server"
    login = login_with(service.nats_credentials)
    async with Listener(service.nats_url, **login) as listener:
        client = connect()
        story = Story(retail_day(seed), client, click.echo)
        try:
            story.opening(service.url)
            await story.trading_day(record)
            await story.promise_of_the_rare()
            await story.flash_sale(connect)
            await story.late_report(record)
            await story.broken_promise()
            await story.balances()
        finally:
            client.close()
        await listener.until(story.position)
        _show_received(listener)


def _show_received(listener: Listener) -> None:
    """What a subscribed channel saw of all this."""
    received = listener.received
    click.echo(f"WHAT A SUBSCRIBED CHANNEL RECEIVED\n{_RULE}")
    order = "none missing, none twice" if listener.is_gapless else "BUT NOT ONE OF EACH, IN ORDER"
    click.echo(f"{len(received):,} events from position 1 on, {order}. The last ones:")
    for event in received[-5:]:
        click.echo(f"  {event.position:>7,}  {event.type:<34} {event.subject}")
    click.echo("")


def _verify(settings: Settings) -> None:
    """The same command an auditor would run; its word decides the demo's exit code."""
    click.echo(f"VERIFICATION\n{_RULE}")
    sys.stdout.flush()
    # -P: a directory named "api" where the operator stands must not shadow ours.
    arguments: list[Any] = [sys.executable, "-P", "-m", "api.cli.main", "verify"]
    result = subprocess.run([*arguments, "--data-dir", settings.data_dir], check=False)
    if result.returncode:
        raise SystemExit(result.returncode)
    click.echo("")


def _serve_on(service: Service, home: str) -> None:
    click.echo(f"The service goes on at {service.url} (admin key {service.key}).")
    click.echo(f"Its directory is {Path(home)}. Ctrl-C ends it and removes the directory.")
    stop_on_signals().wait()
